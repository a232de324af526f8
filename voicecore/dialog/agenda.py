"""What the caller wants: open tasks, the one being worked on, and the phase of each.

The model shows a wish by the tools that it calls, or notes it with `note_wish` where nothing can
be called yet; everything else is read off what the tools have found and done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicecore.dialog.ledger import Deed
from voicecore.dialog.scenarios.catalogue import ALWAYS, BY_NAME, SCENARIOS
from voicecore.dialog.scenarios.scenario import Direction, Need, Phase, Scenario

MOST_OPEN = 6
"""Wishes that are remembered at a time; older ones are dropped first."""
_DONE_WORDS = frozenset({"booked", "rescheduled", "cancelled", "sent", "confirmed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the call has found and done so far, as far as phases depend on it.

    `deeds` counts what was done, `pending` names the tools that wait for a yes; `appointment`,
    `offer` and `estimate` say whether there is any.
    """

    deeds: Mapping[Deed, int]
    caller: bool
    appointment: bool
    offer: bool
    estimate: bool
    pending: frozenset[str]


@dataclass(slots=True)
class Task:
    """One wish; `before` counts its deeds at the time of the wish."""

    scenario: Scenario
    before: Mapping[Deed, int]
    about: str = ""
    reported: bool = False


@dataclass(slots=True)
class Agenda:
    """The wishes of one call, the current one last, and what was learned for them.

    `service`, `day` and `part_of_day` are what was last looked for; `wants_other_times` is true
    from a new search to the next choice.
    """

    direction: Direction = Direction.INBOUND
    service: str = ""
    day: str = ""
    part_of_day: str = ""
    wants_other_times: bool = False
    person: str = ""
    _open: list[Task] = field(default_factory=list)
    _last: dict[str, Task] = field(default_factory=dict)

    @property
    def open(self) -> tuple[Task, ...]:
        """The wishes that are not fulfilled, the current one last."""
        return tuple(self._open)

    @property
    def current(self) -> Task | None:
        """The wish that is worked on."""
        return self._open[-1] if self._open else None

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios of this direction of call."""
        return tuple(entry for entry in SCENARIOS if self.direction in entry.directions)

    def wish(self, name: str, known: Known, about: str = "") -> None:
        """Open a task, or take up one that is open; what was worked on stays open."""
        task = next((task for task in self._open if task.scenario.name == name), None)
        if task is None:
            scenario = BY_NAME[name]
            before = {deed: known.deeds.get(deed, 0) for deed in scenario.completed_by}
            task = Task(scenario, before)
        else:
            self._open.remove(task)
        task.about = about or task.about
        self._open = [*self._open, task][-MOST_OPEN:]
        self._last[name] = task

    def remember(self, name: str, known: Known, about: str = "") -> None:
        """Open a task for later; the current one stays the current one."""
        current = self.current
        self.wish(name, known, about)
        if current is not None and current in self._open:
            self._open.remove(current)
            self._open.append(current)

    def close(self, name: str) -> None:
        """The wish is answered, or the caller has dropped it."""
        self._open = [task for task in self._open if task.scenario.name != name]

    def observe(
        self, tool: str, arguments: Mapping[str, str], result: Mapping[str, object], known: Known
    ) -> None:
        """Take in a tool call and its result."""
        if result.get("status") not in _DONE_WORDS:
            self._begin(tool, known)
        if tool == "get_available_slots" and result.get("slots"):
            self.service = arguments.get("service", "")
            self.day = arguments.get("from", "")
            self.part_of_day = arguments.get("part_of_day", "")
            self.wants_other_times = True
        elif result.get("status") == "read_back":
            self.wants_other_times = False
        elif result.get("status") == "taken":
            self.wants_other_times = True
        elif tool == "service_status" and "work" in result and (task := self._last.get("status")):
            task.reported = True
        self._close_fulfilled(known)

    def met(self, scenario: Scenario, known: Known) -> frozenset[Need]:
        """Return what of a scenario's needs is met."""
        task = self._last.get(scenario.name)
        if task is not None and _has_deed(task, known):
            return frozenset(Need)
        facts = {
            Need.SERVICE: bool(self.service),
            Need.CALLER: known.caller,
            Need.APPOINTMENT: known.appointment,
            Need.OFFER: known.offer,
            Need.CHOICE: self._is_chosen(scenario, known),
            Need.ESTIMATE: known.estimate,
            Need.REPORT: task is not None and task.reported,
            Need.PERSON: bool(self.person),
        }
        return frozenset(need for need, is_met in facts.items() if is_met)

    def phase(self, scenario: Scenario, known: Known) -> Phase:
        """Return where a scenario stands; one that nobody wished for stands there as well."""
        return scenario.phase(self.met(scenario, known))

    def tools(self, known: Known) -> frozenset[str]:
        """Return the tools that the phases allow now; a phase that stands alone takes them all."""
        phases = [self.phase(scenario, known) for scenario in self.scenarios]
        alone = [phase for phase in phases if phase.alone]
        return frozenset(ALWAYS).union(*(phase.tools for phase in alone or phases))

    def _begin(self, tool: str, known: Known) -> None:
        current = self.current
        if current is not None and tool in current.scenario.tools:
            return
        wished = [task.scenario for task in self._open if tool in task.scenario.begun_by]
        begun = [scenario for scenario in self.scenarios if tool in scenario.begun_by]
        for scenario in (wished or begun)[:1]:
            self.wish(scenario.name, known)

    def _is_chosen(self, scenario: Scenario, known: Known) -> bool:
        if self.wants_other_times and Need.OFFER in scenario.needs:
            return False
        return any(tool in known.pending for tool in scenario.tools)

    def _close_fulfilled(self, known: Known) -> None:
        for task in self.open:
            told = task.reported and not known.estimate
            if _has_deed(task, known) or told:
                self.close(task.scenario.name)


def _has_deed(task: Task, known: Known) -> bool:
    return any(known.deeds.get(deed, 0) > before for deed, before in task.before.items())
