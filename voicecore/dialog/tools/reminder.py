"""Our own call: who has answered it, and whether the customer will come."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voicecore.call.history import CallerSaid, HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.consent import consented, says_yes
from voicecore.dialog.desk import CallDesk, ReadBack, label, plain_text
from voicecore.dialog.plain_words import plain_words
from voicecore.dialog.spoken_time import spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem
from voicecore.dialog.tools.customer import found_record

CONFIRM = "confirm_visit"
CUSTOMER, OTHER, MACHINE = "customer", "somebody_else", "machine"
SCREENING, NO_CALLS = "call_screening", "wants_no_calls"
WHO = (CUSTOMER, OTHER, MACHINE, SCREENING, NO_CALLS)
_FAREWELLS = {
    OTHER: phrases.REMINDER_WRONG_PERSON,
    MACHINE: phrases.REMINDER_VOICEMAIL,
    NO_CALLS: phrases.REMINDER_NO_CALLS,
}
_SPEAKING = re.compile(r"\b(?:speaking|this is (?:she|he|her|him)|it's me|that's me)\b")
_DENIES = re.compile(r"\b(?:no|not|nope|wrong|isn't|ain't)\b")


async def note_reached(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Open the customer's record once they have said who they are; tell nobody else anything."""
    reminder = desk.reminder
    if reminder is None:
        return problem("no_reminder", phrases.ASK_NO_REMINDER)
    ask = phrases.ASK_PERSON.format(name=plain_text(reminder.first_name))
    who = arguments["who"]
    if who == CUSTOMER:
        if not _says_who(history, reminder.first_name):
            return problem("not_shown", ask)
        return await _open(desk)
    if who == SCREENING:
        # Somebody may still come to the phone: it is open who.
        say = phrases.REMINDER_SCREENING.format(shop=desk.shop.name)
        return answer({"status": who, "say": say})
    desk.agenda.person = who
    desk.ledger.notes.append(f"reminder: {who}")
    outcome = answer({"status": who, "say": _FAREWELLS[who].format(shop=desk.shop.name)})
    return ToolOutcome(outcome.content, ok=True, ends_call=True)


async def confirm_visit(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Tell the appointment; note that the customer comes once they have said yes to that."""
    record, reminder = desk.identity.record, desk.reminder
    if record is None or reminder is None:
        return problem("no_reminder", phrases.ASK_NO_REMINDER)
    handle, entry = next(
        (
            (handle, entry)
            for handle, entry in desk.appointments.items()
            if entry.appointment_id == reminder.appointment_id
        ),
        (None, None),
    )
    if handle is None or entry is None:
        return problem("no_appointment", phrases.ASK_NO_APPOINTMENT)
    key = (CONFIRM, handle, entry.start)
    if key in desk.done:
        return answer(desk.done[key])
    start = desk.local(entry.start)
    cars = [car for _, car in desk.vehicles.items() if car.vehicle_id == entry.vehicle_id]
    say = phrases.filled(
        phrases.READ_BACK_VISIT,
        service=plain_text(entry.service_name).lower(),
        vehicle=phrases.FOR_VEHICLE.format(label=label(cars[0])) if cars else "",
        when=spoken_when(start),
    )
    read_back = ReadBack(key, say, (start,))
    pending = desk.pending.get(CONFIRM)
    desk.pending[CONFIRM] = read_back
    if pending != read_back or not consented(
        history, tool=CONFIRM, say=say, moments=(start,), today=desk.now().date()
    ):
        return answer({"status": "read_back", "say": say})
    noted = await desk.workshop.confirm_visit(
        entry.appointment_id, customer_id=record.customer.customer_id, call_sid=desk.call_sid
    )
    desk.pending.pop(CONFIRM, None)
    if not noted:
        return problem("not_confirmed", phrases.SAY_FAILED)
    desk.ledger.record_visit_confirmed(entry.appointment_id, start)
    desk.done[key] = {"status": "confirmed", "appointment": handle, "spoken": spoken_when(start)}
    return answer(desk.done[key])


async def _open(desk: CallDesk) -> ToolOutcome:
    reminder = desk.reminder
    assert reminder is not None, "only a reminder leads here"
    records = await desk.records(reminder.phone_e164)
    for record in records:
        if any(entry.appointment_id == reminder.appointment_id for entry in record.upcoming):
            desk.agenda.person = CUSTOMER
            # We rang the number on file, and who answered says that they are the customer.
            desk.identity.admit(record.customer.customer_id)
            desk.open_record(record, reminder.phone_e164)
            return answer({"status": CUSTOMER, **found_record(desk, record)})
    return problem("no_appointment", phrases.ASK_NO_APPOINTMENT)


def _says_who(history: Sequence[HistoryItem], first_name: str) -> bool:
    """Say whether the last words own up to the name that was asked for."""
    said = [item.text for item in history if isinstance(item, CallerSaid)][-1:]
    words = plain_words(" ".join(said))
    if _DENIES.search(words):
        return False
    named = plain_words(first_name) in words.split()
    return named or says_yes(words) or _SPEAKING.search(words) is not None
