"""Tools that read the caller's records: look-up, cars, visits and the state of the work."""

from __future__ import annotations

from collections.abc import Sequence

from voicecore.call.history import HistoryItem
from voicecore.dialog import phrases
from voicecore.dialog.desk import CallDesk, label, plain_text
from voicecore.dialog.ports import Appointment, CallerRecord, Visit
from voicecore.dialog.slots import SlotProblem, parse_phone
from voicecore.dialog.speakable import speakable
from voicecore.dialog.spoken_codes import read_plate
from voicecore.dialog.spoken_time import spoken_month_day, spoken_price, spoken_when
from voicecore.dialog.tool_outcome import ToolOutcome, answer, problem
from voicecore.dialog.tools.estimate import load_estimates

MOST_VISITS = 3
_STATES = {
    "held": "reserved",
    "confirmed": "booked",
    "checked_in": "checked in and waiting for a bay",
    "in_progress": "being worked on",
    "done": "ready to be picked up",
}


async def lookup_customer(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Find the caller by phone number; says nothing about anybody until they are identified.

    A number that is on file and one that is not get the same answer as long as nothing proves
    that it is the caller's own.
    """
    phone = parse_phone(arguments["phone"])
    if isinstance(phone, SlotProblem):
        return problem(phone.error, phone.ask)
    name, plate = arguments.get("name", ""), ""
    if "plate" in arguments:
        read = read_plate(arguments["plate"], desk.readers)
        if isinstance(read, SlotProblem):
            # What is no plate is no wrong fact either, whoever's number it is.
            return answer({"found": False, "ask": read.ask})
        plate = read
    record = await desk.identify(phone, name=name, plate=plate)
    if isinstance(record, SlotProblem):
        return answer({"found": False, "ask": record.ask})
    return answer(found_record(desk, record))


async def get_vehicle_info(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Tell about one of the caller's cars."""
    found = desk.vehicle(arguments.get("vehicle"))
    if isinstance(found, SlotProblem):
        return problem(found.error, found.ask)
    handle, car = found
    if car is None:
        return problem("no_vehicle_on_file", phrases.ASK_NO_VEHICLE)
    record = desk.identity.record
    visits = record.visits if record else ()
    last = _latest([visit for visit in visits if visit.vehicle_id == car.vehicle_id])
    return answer(
        {
            "vehicle": handle,
            "label": label(car),
            "mileage": car.mileage,
            "mileage_spoken": speakable(f"{car.mileage} miles"),
            "plate_ends_with": car.plate[-3:] if car.plate else None,
            "last_service": _visit(last) if last else None,
        }
    )


async def check_appointment_history(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Tell the last visits of the caller."""
    record = desk.identity.record
    if record is None:
        return problem("not_identified", phrases.ASK_LOOKUP_FIRST)
    visits = await desk.directory.history(record.customer.customer_id, MOST_VISITS)
    cars = {car.vehicle_id: label(car) for car in record.vehicles}
    return answer(
        {
            "visits": [
                {
                    **_visit(visit),
                    "vehicle": cars.get(visit.vehicle_id),
                    "price_spoken": spoken_price(visit.cost_cents),
                }
                for visit in list(visits)[:MOST_VISITS]
            ]
        }
    )


async def service_status(
    desk: CallDesk, arguments: dict[str, str], history: Sequence[HistoryItem]
) -> ToolOutcome:
    """Tell how the caller's booked or running work stands, read anew."""
    before, phone = desk.identity.record, desk.identity.phone_e164
    if before is None or phone is None:
        return problem("not_identified", phrases.ASK_LOOKUP_FIRST)
    for record in await desk.directory.find_by_phone(phone):
        if record.customer.customer_id == before.customer.customer_id:
            desk.open_record(record, phone)
    record = desk.identity.record or before
    cars = {car.vehicle_id: label(car) for car in record.vehicles}
    extra_work = await load_estimates(desk)
    return answer(
        {
            "work": [
                {
                    **_appointment(desk, entry),
                    "vehicle": cars.get(entry.vehicle_id) if entry.vehicle_id else None,
                    "state": _STATES.get(entry.status, plain_text(entry.status)),
                }
                for entry in record.upcoming
            ],
            **({"extra_work": extra_work} if extra_work else {}),
        }
    )


def found_record(desk: CallDesk, record: CallerRecord) -> dict[str, object]:
    """Return what the model may know of the caller's own record."""
    last = _latest(record.visits)
    customer = record.customer
    return {
        "found": True,
        "customer": desk.customers.put(customer.customer_id, customer),
        "name": plain_text(f"{customer.first_name} {customer.last_name}"),
        "vehicles": [
            {"vehicle": handle, "label": label(car)} for handle, car in desk.vehicles.items()
        ],
        "last_visit": _visit(last) if last else None,
        "upcoming": [_appointment(desk, entry) for entry in record.upcoming],
    }


def _visit(visit: Visit) -> dict[str, object]:
    return {
        "service": plain_text(visit.service_name),
        "date": visit.on_date.isoformat(),
        "spoken": spoken_month_day(visit.on_date),
    }


def _latest(visits: Sequence[Visit]) -> Visit | None:
    return max(visits, key=lambda visit: visit.on_date, default=None)


def _appointment(desk: CallDesk, entry: Appointment) -> dict[str, object]:
    start = desk.local(entry.start)
    return {
        "appointment": desk.keep_appointment(entry),
        "service": plain_text(entry.service_name),
        "start": start.isoformat(),
        "spoken": spoken_when(start),
    }
