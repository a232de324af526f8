"""Booking: hold the slot, read it back, and confirm it after a yes that followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.consent import consented
from voicecore.dialog.desk import CallDesk, OfferedSlot, ReadBack, label, plain_text
from voicecore.dialog.ledger import Booking
from voicecore.dialog.plain_words import plain_words
from voicecore.dialog.ports import Appointment, Hold, HoldOutcome, Service, Vehicle
from voicecore.dialog.slots import SlotProblem
from voicecore.dialog.spoken_time import spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem
from voicecore.dialog.tools.offers import alternatives

BOOK = "book_appointment"
_LEAST_LEFT = timedelta(seconds=20)
"""A hold with less time left is renewed before it is read back again."""


async def book_appointment(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Hold the time and read it back; confirm it once the caller has said yes to that."""
    slot = desk.slots.get(arguments["slot"])
    if slot is None:
        return problem("unknown_slot", phrases.ASK_SLOT)
    service = await desk.service(arguments["service"])
    if isinstance(service, SlotProblem):
        return problem(service.error, service.ask)
    found = desk.vehicle(arguments.get("vehicle"))
    if isinstance(found, SlotProblem):
        return problem(found.error, found.ask)
    car = found[1]
    key = (BOOK, slot.start, service.code, car.vehicle_id if car else None)
    if key in desk.done:
        return answer(desk.done[key])
    pending = desk.pending.get(BOOK)
    if pending is not None and pending.key == key and pending.hold is not None:
        if consented(
            history,
            tool=BOOK,
            say=pending.say,
            moments=pending.moments,
            today=desk.now().date(),
            unwanted=_words_of_other_cars(desk, car),
        ):
            return await _confirm(desk, pending.hold, pending, slot, service, car)
        if pending.hold.expires_at - desk.now() > _LEAST_LEFT:
            return answer(_read_back(pending.say))
    return await _hold(desk, key, slot, service, car)


async def _hold(
    desk: CallDesk,
    key: tuple[object, ...],
    slot: OfferedSlot,
    service: Service,
    car: Vehicle | None,
) -> ToolOutcome:
    before = desk.pending.pop(BOOK, None)
    if before is not None and before.hold is not None:
        await desk.schedule.release(before.hold.hold_id)
    outcome = await _ask_for_hold(desk, slot, service, car)
    if outcome.hold is None:
        return _taken(desk, service, outcome)
    say = phrases.filled(
        phrases.READ_BACK_BOOK,
        what=_with_article(plain_text(service.name)),
        vehicle=phrases.FOR_VEHICLE.format(label=label(car)) if car else "",
        when=spoken_when(slot.start),
    )
    desk.pending[BOOK] = ReadBack(key, say, (slot.start,), outcome.hold)
    return answer(_read_back(say))


async def _confirm(
    desk: CallDesk,
    hold: Hold,
    pending: ReadBack,
    slot: OfferedSlot,
    service: Service,
    car: Vehicle | None,
) -> ToolOutcome:
    appointment = await desk.schedule.confirm(hold.hold_id)
    if appointment is None:
        outcome = await _ask_for_hold(desk, slot, service, car)
        if outcome.hold is None:
            desk.pending.pop(BOOK, None)
            return _taken(desk, service, outcome)
        desk.pending[BOOK] = ReadBack(pending.key, pending.say, pending.moments, outcome.hold)
        appointment = await desk.schedule.confirm(outcome.hold.hold_id)
        if appointment is None:
            return problem("not_booked", phrases.SAY_FAILED)
    return _booked(desk, pending.key, appointment, car)


def _booked(
    desk: CallDesk, key: tuple[object, ...], appointment: Appointment, car: Vehicle | None
) -> ToolOutcome:
    start = desk.local(appointment.start)
    desk.pending.pop(BOOK, None)
    desk.ledger.record_booking(
        Booking(
            appointment_id=appointment.appointment_id,
            service=appointment.service_name,
            bay=appointment.bay_name,
            start=start,
            vehicle=label(car) if car else None,
        )
    )
    desk.done[key] = {
        "status": "booked",
        "appointment": desk.keep_appointment(appointment),
        "start": start.isoformat(),
        "spoken": spoken_when(start),
        "bay": plain_text(appointment.bay_name),
    }
    return answer(desk.done[key])


async def _ask_for_hold(
    desk: CallDesk, slot: OfferedSlot, service: Service, car: Vehicle | None
) -> HoldOutcome:
    record = desk.identity.record
    assert record is not None, "the rung of the tool lets nobody unknown come here"
    return await desk.schedule.hold(
        service_code=service.code,
        start=slot.start,
        customer_id=record.customer.customer_id,
        vehicle_id=car.vehicle_id if car else None,
        call_sid=desk.call_sid,
    )


def _taken(desk: CallDesk, service: Service, outcome: HoldOutcome) -> ToolOutcome:
    slots = alternatives(desk, service.code, outcome.alternatives)
    return answer({"status": "taken", "slots": slots})


def _read_back(say: str) -> dict[str, object]:
    return {"status": "read_back", "say": say}


def _words_of_other_cars(desk: CallDesk, car: Vehicle | None) -> frozenset[str]:
    """Return words that name a car of the caller but not `car`: "yes, for the Civic" is no yes."""
    own = set(plain_words(label(car)).split()) if car else set()
    words = {
        word for _, other in desk.vehicles.items() for word in plain_words(label(other)).split()
    }
    return frozenset(words - own)


def _with_article(name: str) -> str:
    """Say a service within a sentence: "An oil change", "A brake inspection"."""
    if name.endswith("s") and not name.endswith("ss"):
        return name
    first = name.split(" ")[0]
    rest = name if len(first) > 1 and first.isupper() else name[:1].lower() + name[1:]
    return f"{'An' if name[:1].lower() in 'aeio' else 'A'} {rest}"
