"""Text messages to the caller, and changes to how the caller can be reached."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.code_words import words_since_code_tool
from voicecore.dialog.desk import CallDesk, NewCaller, label, plain_text
from voicecore.dialog.identity import CODE_DIGITS
from voicecore.dialog.ports import Appointment, CallerRecord
from voicecore.dialog.slots import SlotProblem, parse_phone
from voicecore.dialog.spoken_numbers import spoken_digits
from voicecore.dialog.spoken_time import spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem
from voicecore.dialog.tools.authority import CHANGE_CONTACT

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}")


async def send_confirmation(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Send the appointment by text to the number on file; once per appointment."""
    appointment = desk.appointment(arguments["appointment"])
    if isinstance(appointment, SlotProblem):
        return problem(appointment.error, appointment.ask)
    already = desk.ledger.sms_for(appointment.appointment_id)
    if already is not None:
        return answer({"status": "sent"})
    spoken = spoken_when(desk.local(appointment.start))
    to_e164 = _number_on_file(desk)
    if to_e164 is None:
        return problem("no_number", phrases.filled(phrases.ASK_NO_TEXT, spoken=spoken))
    sid = await desk.messenger.send_confirmation(
        appointment.appointment_id, to_e164, _confirmation(desk, appointment)
    )
    desk.ledger.record_sms(sid, appointment.appointment_id)
    return answer({"status": "sent"})


async def update_customer_info(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Register a new caller, or change phone or e-mail after a code from the number on file."""
    record = desk.identity.record
    if record is None:
        return await _register(desk, arguments)
    if desk.identity.rung < CHANGE_CONTACT:
        refused = await _ask_for_code(desk, words_since_code_tool(history))
        if refused is not None:
            return refused
    return await _change(desk, record, arguments)


async def _register(desk: CallDesk, arguments: dict[str, str]) -> ToolOutcome:
    first, last = (plain_text(arguments.get(name, "")) for name in ("first_name", "last_name"))
    if not (first and last):
        return problem("name_missing", phrases.ASK_NAME)
    if "phone" not in arguments:
        return problem("phone_missing", phrases.ASK_PHONE)
    phone = parse_phone(arguments["phone"])
    if isinstance(phone, SlotProblem):
        return problem(phone.error, phone.ask)
    registered = await desk.register(first, last, phone)
    if isinstance(registered, SlotProblem):
        return problem(registered.error, registered.ask)
    handle = next(handle for handle, _ in desk.customers.items())
    return answer({"status": "registered", "customer": handle, "name": f"{first} {last}"})


async def _ask_for_code(desk: CallDesk, words: str | None) -> ToolOutcome | None:
    """Check the code in the caller's `words`, or send one; None: it was right."""
    identity = desk.identity
    digits = len(spoken_digits(words or ""))
    if not identity.code_waits(desk.now()) or (words is not None and not digits):
        return await _send_code(desk)
    if words is None:
        return answer({"status": "code_sent", "ask": phrases.ASK_CODE})
    if digits < CODE_DIGITS:
        return problem("wrong_code", phrases.ASK_CODE_AGAIN)
    if identity.check_code(words, desk.now()):
        return None
    await desk.note_miss(identity.phone_e164 or "")
    if identity.code_waits(desk.now()):
        return problem("wrong_code", phrases.ASK_CODE_AGAIN)
    return problem("code_spent", phrases.ASK_NO_CODE)


async def _send_code(desk: CallDesk) -> ToolOutcome:
    to_e164 = _number_on_file(desk)
    if to_e164 is None:
        return problem("no_number", phrases.ASK_NO_CODE)
    code = desk.identity.issue_code(desk.now())
    if code is None:
        return problem("code_spent", phrases.ASK_NO_CODE)
    await desk.messenger.send_sms(to_e164, phrases.SMS_CODE.format(shop=desk.shop.name, code=code))
    return answer({"status": "code_sent", "ask": phrases.ASK_CODE})


async def _change(desk: CallDesk, record: CallerRecord, arguments: dict[str, str]) -> ToolOutcome:
    phone: str | None = None
    email = arguments.get("email")
    if "phone" in arguments:
        parsed = parse_phone(arguments["phone"])
        if isinstance(parsed, SlotProblem):
            return problem(parsed.error, parsed.ask)
        phone = parsed
    if email is not None and not _EMAIL.fullmatch(email):
        return problem("email_invalid", phrases.ASK_EMAIL)
    if phone is None and email is None:
        return problem("nothing_to_change", phrases.ASK_CONTACT_CHANGE)
    customer = record.customer
    changed = await desk.directory.update_contact(
        customer.customer_id, version=customer.version, phone_e164=phone, email=email
    )
    desk.open_record(
        NewCaller(changed, record.vehicles, record.visits, record.upcoming),
        phone or desk.identity.phone_e164 or "",
    )
    desk.ledger.record_update()
    return answer({"status": "updated"})


def _confirmation(desk: CallDesk, appointment: Appointment) -> str:
    car = next(
        (car for _, car in desk.vehicles.items() if car.vehicle_id == appointment.vehicle_id), None
    )
    start = desk.local(appointment.start)
    return phrases.SMS_CONFIRMATION.format(
        shop=desk.shop.name,
        service=plain_text(appointment.service_name),
        when=f"{start:%a %b} {start.day}, {start.hour % 12 or 12}:{start:%M %p}",
        vehicle=phrases.FOR_VEHICLE.format(label=label(car)) if car else "",
        address=desk.shop.address,
    )


def _number_on_file(desk: CallDesk) -> str | None:
    record = desk.identity.record
    return (record.customer.phone_e164 if record else None) or desk.identity.phone_e164
