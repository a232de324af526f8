"""Text messages to the caller, and changes to how the caller can be reached."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.code_words import words_since_code_tool
from voicecore.dialog.consent import consented
from voicecore.dialog.desk import CallDesk, NewCaller, ReadBack, label, plain_text
from voicecore.dialog.identity import CODE_DIGITS
from voicecore.dialog.ports import Appointment, CallerRecord
from voicecore.dialog.slots import SlotProblem, parse_phone
from voicecore.dialog.spoken_email import read_email
from voicecore.dialog.spoken_name import read_name
from voicecore.dialog.spoken_numbers import spoken_digits
from voicecore.dialog.spoken_time import spoken_phone, spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem
from voicecore.dialog.tools.authority import CHANGE_CONTACT

UPDATE = "update_customer_info"
_ONE_WORD = re.compile(r"[^\W\d_][^\W\d_'’-]+")


@dataclass(frozen=True, slots=True)
class _Contact:
    """A new phone number, a new e-mail address, or both."""

    phone_e164: str | None
    email: str | None


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
    wanted = _read_contact(desk, arguments)
    if isinstance(wanted, SlotProblem):
        return problem(wanted.error, wanted.ask)
    read_back = ReadBack((UPDATE, wanted), _read_back(wanted), ())
    pending = desk.pending.get(UPDATE)
    desk.pending[UPDATE] = read_back
    has_agreed = pending == read_back and consented(
        history, tool=UPDATE, say=read_back.say, moments=(), today=desk.now().date()
    )
    if desk.identity.rung < CHANGE_CONTACT:
        refused = await _ask_for_code(desk, words_since_code_tool(history), wanted)
        if refused is not None:
            return refused
        # Whoever reads out the code has heard what it is for.
        has_agreed = pending == read_back
    if not has_agreed:
        return answer({"status": "read_back", "say": read_back.say})
    desk.pending.pop(UPDATE, None)
    return await _change(desk, record, wanted)


async def _register(desk: CallDesk, arguments: dict[str, str]) -> ToolOutcome:
    names = [_read_name(desk, arguments.get(name, "")) for name in ("first_name", "last_name")]
    for name in names:
        if isinstance(name, SlotProblem):
            return problem(name.error, name.ask)
    first, last = (str(name) for name in names)
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


def _read_name(desk: CallDesk, said: str) -> str | SlotProblem:
    """Read one name; a single written word is taken as it is, however odd: "Will", "An"."""
    if not plain_text(said):
        return SlotProblem("name_missing", phrases.ASK_NAME)
    if not _ONE_WORD.fullmatch(said):
        return read_name(said, desk.readers)
    reading = desk.readers.name(said)
    return SlotProblem(reading.error, reading.ask) if reading.ask else reading.value


async def _ask_for_code(desk: CallDesk, words: str | None, wanted: _Contact) -> ToolOutcome | None:
    """Check the code in the caller's `words`, or send one; None: it was right."""
    ask = phrases.ASK_CODE.format(what=_spoken(wanted))
    identity = desk.identity
    digits = len(spoken_digits(words or ""))
    if not identity.code_waits(desk.now()) or (words is not None and not digits):
        return await _send_code(desk, ask)
    if words is None:
        return answer({"status": "code_sent", "ask": ask})
    if digits < CODE_DIGITS:
        return problem("wrong_code", phrases.ASK_CODE_AGAIN)
    if identity.check_code(words, desk.now()):
        return None
    await desk.note_miss(identity.phone_e164 or "")
    if identity.code_waits(desk.now()):
        return problem("wrong_code", phrases.ASK_CODE_AGAIN)
    return problem("code_spent", phrases.ASK_NO_CODE)


async def _send_code(desk: CallDesk, ask: str) -> ToolOutcome:
    to_e164 = _number_on_file(desk)
    if to_e164 is None:
        return problem("no_number", phrases.ASK_NO_CODE)
    code = desk.identity.issue_code(desk.now())
    if code is None:
        return problem("code_spent", phrases.ASK_NO_CODE)
    await desk.messenger.send_sms(to_e164, phrases.SMS_CODE.format(shop=desk.shop.name, code=code))
    return answer({"status": "code_sent", "ask": ask})


def _read_contact(desk: CallDesk, arguments: dict[str, str]) -> _Contact | SlotProblem:
    """Read the new number and the new address as they were said."""
    phone = email = None
    if "phone" in arguments:
        number = parse_phone(arguments["phone"])
        if isinstance(number, SlotProblem):
            return number
        phone = number
    if "email" in arguments:
        address = read_email(arguments["email"], desk.readers)
        if isinstance(address, SlotProblem):
            return address
        email = address
    if phone is None and email is None:
        return SlotProblem("nothing_to_change", phrases.ASK_CONTACT_CHANGE)
    return _Contact(phone, email)


def _read_back(wanted: _Contact) -> str:
    return phrases.READ_BACK_CONTACT.format(what=_spoken(wanted))


def _spoken(wanted: _Contact) -> str:
    parts = []
    if wanted.phone_e164 is not None:
        parts.append(phrases.NEW_PHONE.format(phone=spoken_phone(wanted.phone_e164)))
    if wanted.email is not None:
        parts.append(phrases.NEW_EMAIL.format(email=wanted.email))
    return phrases.listed(parts)


async def _change(desk: CallDesk, record: CallerRecord, wanted: _Contact) -> ToolOutcome:
    customer = record.customer
    changed = await desk.directory.update_contact(
        customer.customer_id,
        version=customer.version,
        phone_e164=wanted.phone_e164,
        email=wanted.email,
    )
    desk.open_record(
        NewCaller(changed, record.vehicles, record.visits, record.upcoming),
        wanted.phone_e164 or desk.identity.phone_e164 or "",
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
