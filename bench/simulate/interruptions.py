"""A caller who interrupts, or hangs up, behind each single event of a booking.

Whatever the moment: there is one booking or none, nothing stays held, the vendor would take every
request, and what the agent says next of the booking is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.simulate.script import Script, Step
from bench.simulate.suite import play_one
from bench.simulate.virtual_call import VirtualCall
from bench.simulate.virtual_shop import Played, VirtualShop
from voicecore.call.events import Event, SentenceReady
from voicecore.dialog.ledger import Deed

QUESTION = "Wait, is it booked?"
_YES, _NOT_YET = "Yes, your appointment is", "No, not yet"
_NUMBER = "three one two, five five five, oh one four two"
_ANSWERS = {
    r"Shall I (?:book|move|cancel) it\?": "Yes, please.",
    "anything else": "No, that's all. Goodbye.",
    r"which of these times|Which of the times|would suit you|would you like\?": "The first one.",
    "phone number": f"It's {_NUMBER}.",
    "Which service": "An oil change.",
}
_KNOBS = {"tool_ms": 1500}
_ROW = {"who": "maria", "car": "camry", "service": "oil_change", "at": "thursday 12:00"}

BOOK = Script(
    name="interrupted_booking",
    about="A booking that is interrupted somewhere.",
    answers=_ANSWERS,
    knobs=_KNOBS,
    talk=(
        Step(verb="say", text=f"I need an oil change on Thursday afternoon. {_NUMBER}"),
        *(Step(verb="say", text="Go on, please."),) * 6,
    ),
)
MOVE = replace(
    BOOK,
    name="interrupted_move",
    about="A move that is interrupted somewhere.",
    before={"appointments": [_ROW]},
    talk=(
        Step(verb="say", text=f"I want to move my appointment to Friday morning. {_NUMBER}"),
        *(Step(verb="say", text="Go on, please."),) * 6,
    ),
)
CANCEL = replace(
    MOVE,
    name="interrupted_cancellation",
    about="A cancellation that is interrupted somewhere.",
    talk=(
        Step(verb="say", text=f"I want to cancel my appointment. {_NUMBER}"),
        *(Step(verb="say", text="Go on, please."),) * 6,
    ),
)
_DEEDS = {BOOK.name: Deed.BOOKED, MOVE.name: Deed.MOVED, CANCEL.name: Deed.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One call that was interrupted behind event `position`, or by hanging up there."""

    position: int
    event: str
    hangs_up: bool
    played: Played
    problems: tuple[str, ...]


class _Interruption:
    """Cuts in behind one event, and holds what is said afterwards against the ledger."""

    def __init__(self, position: int, deed: Deed, *, hangs_up: bool) -> None:
        self.position = position
        self.hangs_up = hangs_up
        self.done_at: float | None = None
        self.event = ""
        self.problems: list[str] = []
        self._deed = deed

    def watch(self, call: VirtualCall, number: int, event: Event) -> None:
        if number == self.position and call.cause is None:
            self.event = type(event).__name__
            if self.hangs_up:
                self.done_at = call.now
                call.hang_up()
            elif call.caller.is_speaking_until <= call.now:
                self.done_at = call.now
                call.caller.cut_in(call, QUESTION)
        if isinstance(event, SentenceReady):
            self._check(call, event.text)

    def _check(self, call: VirtualCall, text: str) -> None:
        is_done = call.conversation.ledger.count(self._deed) > 0
        if _NOT_YET in text and is_done:
            self.problems.append(f"said {text!r} although it was done")
        if text.startswith(_YES) and not is_done:
            self.problems.append(f"said {text!r} although it was not done")


async def count_events(shop: VirtualShop, script: Script) -> int:
    """Return how many events the call has when nobody interrupts it."""
    return (await play_one(shop, script)).steps


async def interrupt_at(
    shop: VirtualShop, script: Script, position: int, *, hangs_up: bool = False, late: bool = False
) -> Outcome:
    """Play the script with an interruption; `late`: tools take effect at their end."""
    script = replace(script, knobs={**script.knobs, "tool_late": int(late)})
    interruption = _Interruption(position, _DEEDS[script.name], hangs_up=hangs_up)
    played = await play_one(shop, script, watch=interruption.watch)
    problems = (*interruption.problems, *_row_problems(script, played), *_refusals(played))
    if interruption.done_at is not None and not hangs_up:
        problems = (*problems, *_answer_problems(played, interruption.done_at))
    return Outcome(
        position=position,
        event=interruption.event,
        hangs_up=hangs_up,
        played=played,
        problems=problems,
    )


def _row_problems(script: Script, played: Played) -> Iterator[str]:
    rows = played.rows.appointments
    if any(status == "held" for *_, status in rows):
        yield "something is still held"
    if len(rows) > 1:
        yield f"{len(rows)} appointments"
    deeds = played.rows.stats.get("deeds")
    counted = deeds.get(_DEEDS[script.name].value, 0) if isinstance(deeds, dict) else 0
    happened = {
        BOOK.name: len(rows),
        MOVE.name: sum(start.day == 4 for _, _, _, start, _ in rows),
        CANCEL.name: sum(status == "cancelled" for *_, status in rows),
    }[script.name]
    if counted != happened:
        yield f"the ledger counts {counted}, the rows {happened}"


def _refusals(played: Played) -> Sequence[str]:
    return [text for text in played.problems if text.startswith("the vendor would refuse")]


def _answer_problems(played: Played, asked_at: float) -> Iterator[str]:
    """The question must be answered by the next words, unless the call ended before them."""
    after = [part.text for part in played.heard if part.at > asked_at + 1.0]
    said = " ".join(after)
    if after and not any(text in said for text in (_YES, _NOT_YET, "Goodbye", "is booked")):
        yield f"the question was not answered: {said[:120]}"
