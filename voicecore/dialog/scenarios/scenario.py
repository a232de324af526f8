"""What a scenario is: a table of phases, each with what it finds out and what it may use.

A scenario is in the first phase whose needs are not met. Code decides that from what the tools
have found and done, never from words, so that a correction ("no, Thursday") or an interruption
leads back to the right phase by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voicecore.dialog.ledger import Deed


class Need(StrEnum):
    """What can be found out or brought about on a call."""

    SERVICE = "service"
    """Which service the caller wants."""
    CALLER = "caller"
    """Who is calling, shown by number and fact."""
    APPOINTMENT = "appointment"
    """An appointment of the caller is known."""
    OFFER = "offer"
    """Free times were offered, and the caller has not asked for others since."""
    CHOICE = "choice"
    """One offered time, or one appointment, was chosen and read back."""
    DEED = "deed"
    """The scenario's deed is in the ledger since the caller wished for it."""
    ESTIMATE = "estimate"
    """Extra work waits for the caller's answer."""
    REPORT = "report"
    """The state of the work was looked up since the caller asked for it."""
    PERSON = "person"
    """Somebody has answered our call, and it is known who."""


class Direction(StrEnum):
    """Who rang whom."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One step: over when all of `needs` are met.

    `goal` tells model and reader what it is about, `tools` what it may use. `alone`: until it is
    over, the tools of other scenarios are not offered.
    """

    name: str
    goal: str
    tools: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of wish.

    `prompt` is a file in `voicecore/dialog/prompts`. `begun_by` are tools whose call shows the
    wish without further words. `completed_by` are the deeds of which one ends it; without any it
    is over once the model says so (`note_wish`) or nothing is left to find out. The last phase
    has no needs.
    """

    name: str
    title: str
    prompt: str
    phases: tuple[Phase, ...]
    begun_by: tuple[str, ...] = ()
    completed_by: tuple[Deed, ...] = ()
    directions: tuple[Direction, ...] = (Direction.INBOUND, Direction.OUTBOUND)

    def phase(self, met: frozenset[Need]) -> Phase:
        """Return the first phase that still needs something; the last one needs nothing."""
        unmet = (phase for phase in self.phases if not met.issuperset(phase.needs))
        return next(unmet, self.phases[-1])

    @property
    def needs(self) -> tuple[Need, ...]:
        """Everything that it needs, in order."""
        return tuple(dict.fromkeys(need for phase in self.phases for need in phase.needs))

    @property
    def tools(self) -> tuple[str, ...]:
        """Everything that it may use in one phase or another."""
        return tuple(dict.fromkeys(tool for phase in self.phases for tool in phase.tools))
