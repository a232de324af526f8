"""What a person who takes a call over is told before the caller is on the line."""

from __future__ import annotations

from voicecore.dialog import phrases
from voicecore.dialog.desk import CallDesk, label, plain_text
from voicecore.dialog.ledger import Deed
from voicecore.dialog.speakable import speakable
from voicecore.dialog.spoken_time import spoken_when

TRANSFER_NOTE = "transfer: "
_TOLD = {
    Deed.BOOKED: "An appointment was booked",
    Deed.MOVED: "An appointment was moved",
    Deed.CANCELLED: "An appointment was cancelled",
    Deed.CONFIRMED: "The appointment was confirmed",
    Deed.ESTIMATE_APPROVED: "The extra work was approved",
    Deed.ESTIMATE_DECLINED: "The extra work was declined",
    Deed.UPDATED: "The contact details were changed",
}


def handover_summary(desk: CallDesk) -> str:
    """Return who is calling, about what, what was done, and why they want a person.

    Only what was proven or done on the call is told as a fact; the wish and the reason are the
    model's words, cut to plain short text.
    """
    sentences = [_who(desk)]
    wishes = [
        f"{task.scenario.name} {plain_text(task.about)}".strip().replace("_", " ")
        for task in reversed(desk.agenda.open)
    ]
    if wishes:
        sentences.append(f"It is about: {phrases.listed(wishes, 'and')}.")
    for entry in desk.ledger.entries(*_TOLD):
        when = "" if entry.start is None else f" for {spoken_when(desk.local(entry.start))}"
        sentences.append(f"{_TOLD[entry.deed]}{when}.".replace("m..", "m."))
    reasons = [note.removeprefix(TRANSFER_NOTE) for note in _transfers(desk)]
    if reasons and plain_text(reasons[-1]):
        sentences.append(f"Reason: {plain_text(reasons[-1])}.")
    return speakable(" ".join(sentences))


def _who(desk: CallDesk) -> str:
    record = desk.identity.record
    if record is None:
        return "A caller who is not identified."
    name = plain_text(f"{record.customer.first_name} {record.customer.last_name}")
    cars = [label(car) for _, car in desk.vehicles.items()][:2]
    return f"{name}, {phrases.listed(cars, 'and')}." if cars else f"{name}."


def _transfers(desk: CallDesk) -> list[str]:
    return [note for note in desk.ledger.notes if note.startswith(TRANSFER_NOTE)]
