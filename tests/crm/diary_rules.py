"""What makes the dataset's appointments and jobs real: each rule yields what breaks it.

The facts that a rule compares with are written here anew, not taken from the code that is tested.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from crm.dataset.build import Dataset
from crm.dataset.rows import (
    BreakRow,
    CapacityRow,
    ClosureRow,
    EventRow,
    HistoryRow,
    ShiftRow,
    SkillRow,
)
from tests.crm.dataset_rows import Rule, appointments, by_car, customers, history, vehicles

WRITTEN_CARS = 7
ELECTRIC = {"Bolt EV", "Leaf", "Model 3"}
# Labour and buffer in minutes, kind of bay, skill, price in cents.
SERVICES = {
    "oil_change": (45, 0, "quick", "maintenance", 6995),
    "tire_rotation": (30, 0, "quick", "maintenance", 2995),
    "battery_check": (30, 0, "quick", "maintenance", 1995),
    "brake_inspection": (60, 0, "lift", "brakes", 4995),
    "brake_pads": (120, 15, "lift", "brakes", 28900),
    "full_service": (120, 15, "lift", "maintenance", 34900),
    "wheel_alignment": (60, 15, "lift", "chassis", 11900),
    "coolant_flush": (60, 15, "lift", "maintenance", 12900),
    "state_inspection": (60, 0, "inspection", "inspection", 3500),
    "diagnostic": (90, 0, "inspection", "diagnostics", 14900),
}
BAY_TYPES = {
    **dict.fromkeys((1, 2, 6, 7), "quick"),
    **dict.fromkeys((3, 4, 8, 9, 10, 11), "lift"),
    **dict.fromkeys((5, 12), "inspection"),
}
# The three technicians of the small shop work all opening hours.
SMALL_SHOP_SKILLS = {
    1: {"maintenance", "brakes", "chassis"},
    2: {"maintenance", "brakes", "inspection"},
    3: {"maintenance", "diagnostics", "inspection", "chassis"},
}
# Least miles on the car, least years of age, least miles and days since the same was done.
FITS = {
    "oil_change": (3_000, 0, 4_000, 60),
    "tire_rotation": (4_000, 0, 5_000, 60),
    "battery_check": (0, 3, 0, 360),
    "brake_inspection": (12_000, 1, 9_000, 180),
    "brake_pads": (28_000, 2, 25_000, 360),
    "full_service": (12_000, 1, 14_000, 300),
    "wheel_alignment": (8_000, 0, 15_000, 360),
    "coolant_flush": (45_000, 3, 40_000, 900),
    "state_inspection": (0, 4, 0, 330),
    "diagnostic": (15_000, 3, 0, 60),
}


def opening(day: date) -> tuple[time, time] | None:
    if day.isoweekday() == 7:
        return None
    return time(8), time(13) if day.isoweekday() == 6 else time(18)


def appointments_lie_in_opening_hours(dataset: Dataset) -> Iterator[object]:
    zone = ZoneInfo(dataset.zone)
    closures = [ClosureRow(*row) for row in dataset.rows[ClosureRow]]
    for row in appointments(dataset):
        begin, end = (instant.astimezone(zone) for instant in row.during)
        hours = opening(begin.date())
        if hours is None or not hours[0] <= begin.time() < end.time() <= hours[1]:
            yield row
        for closure in closures:
            if closure.bay_id in (None, row.bay_id) and overlap(closure.during, row.during):
                yield row, closure


def the_shop_is_closed_on_holidays(dataset: Dataset) -> Iterator[object]:
    """The six federal ones that shops keep; Thanksgiving is the fourth Thursday."""
    zone = ZoneInfo(dataset.zone)
    closed = {
        row[1][0].astimezone(zone).date() for row in dataset.rows[ClosureRow] if row[2] is None
    }
    day = dataset.today - timedelta(days=300)
    while day < dataset.today + timedelta(days=110):
        fixed = (day.month, day.day) in ((1, 1), (7, 4), (12, 25))
        monday = day.isoweekday() == 1 and (
            (day.month == 5 and day.day > 24) or (day.month == 9 and day.day < 8)
        )
        thanks = day.month == 11 and day.isoweekday() == 4 and 22 <= day.day <= 28
        if (fixed or monday or thanks) != (day in closed):
            yield day
        day += timedelta(days=1)


def nothing_overlaps(dataset: Dataset) -> Iterator[object]:
    """In a bay or for a technician, the past included; a cancelled visit took no time."""
    taken: defaultdict[tuple[str, int], list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in appointments(dataset):
        if row.status != "cancelled":
            taken["bay", row.bay_id].append(row.during)
            assert row.technician_id is not None
            taken["technician", row.technician_id].append(row.during)
    for key, spans in taken.items():
        spans.sort()
        for (_, end), (begin, _) in pairwise(spans):
            if begin < end:
                yield key, begin


def bays_fit_the_work(dataset: Dataset) -> Iterator[object]:
    for row in appointments(dataset):
        labour, buffer, bay_type, _, _ = SERVICES[row.service_code]
        minutes = (row.during[1] - row.during[0]).total_seconds() / 60
        if minutes != labour + buffer or BAY_TYPES[row.bay_id] != bay_type:
            yield row


def technicians_can_do_the_work(dataset: Dataset) -> Iterator[object]:
    """They have the skill, are on shift, and not on a break."""
    zone = ZoneInfo(dataset.zone)
    skills = {person: set(known) for person, known in SMALL_SHOP_SKILLS.items()}
    for row in dataset.rows[SkillRow]:
        skills.setdefault(row[0], set()).add(row[1])
    shifts = spans_of(dataset.rows[ShiftRow])
    for person in SMALL_SHOP_SKILLS:
        for weekday in range(1, 7):
            shifts[person, weekday].append((time(8), time(13 if weekday == 6 else 18)))
    breaks = spans_of(dataset.rows[BreakRow])
    for booked in appointments(dataset):
        if booked.technician_id is None:
            continue
        begin, end = (instant.astimezone(zone) for instant in booked.during)
        key = (booked.technician_id, begin.isoweekday())
        if SERVICES[booked.service_code][3] not in skills[booked.technician_id]:
            yield booked, "skill"
        if not any(a <= begin.time() and end.time() <= b for a, b in shifts[key]):
            yield booked, "shift"
        if any(a < end.time() and begin.time() < b for a, b in breaks[key]):
            yield booked, "break"


def capacity_is_kept(dataset: Dataset) -> Iterator[object]:
    zone = ZoneInfo(dataset.zone)
    booked: Counter[date] = Counter()
    for row in appointments(dataset):
        if row.status != "cancelled":
            day = row.during[0].astimezone(zone).date()
            booked[day] += SERVICES[row.service_code][0]
    known = {row[0]: CapacityRow(*row) for row in dataset.rows[CapacityRow]}
    for day, row in known.items():
        if row.booked_minutes != booked[day] or row.booked_minutes > row.labour_minutes:
            yield row
    yield from booked.keys() - known.keys()


def time_and_status_agree(dataset: Dataset) -> Iterator[object]:
    zone = ZoneInfo(dataset.zone)
    days = Counter()
    for row in appointments(dataset):
        day = row.during[0].astimezone(zone).date()
        days[row.vehicle_id, day] += 1
        is_past = day < dataset.today
        fits = {
            "done": is_past,
            "no_show": is_past,
            "confirmed": day > dataset.today,
            "in_progress": dataset.today - timedelta(days=3) < day <= dataset.today,
            "cancelled": day != dataset.today,
        }
        if not fits[row.status] or row.created_at >= row.during[0]:
            yield row
    if max(days.values()) > 1:
        yield "a car twice on a day"


def appointments_belong_together(dataset: Dataset) -> Iterator[object]:
    """The car is the customer's, the key is nobody else's, the person was known before."""
    cars = vehicles(dataset)
    people = customers(dataset)
    for row in appointments(dataset):
        if cars[row.vehicle_id - 1].customer_id != row.customer_id:
            yield row
        known = max(cars[row.vehicle_id - 1].created_at, people[row.customer_id - 1].created_at)
        if row.created_at <= known:
            yield row, known
    if len({row.hold_id for row in appointments(dataset)}) != 8_000:
        yield "a hold id twice"


def events_tell_the_status(dataset: Dataset) -> Iterator[object]:
    events: defaultdict[int, list[EventRow]] = defaultdict(list)
    for row in dataset.rows[EventRow]:
        events[row[0]].append(EventRow(*row))
    for appointment in appointments(dataset):
        found = events[appointment.appointment_id]
        expected = ["confirmed"]
        if appointment.status != "confirmed":
            expected.append(appointment.status)
        if [event.event for event in found] != expected or len(found) != appointment.version:
            yield appointment, found
        if found[0].at != appointment.created_at or found[-1].at != appointment.updated_at:
            yield appointment, found
        if found != sorted(found, key=lambda event: event.at):
            yield appointment, found
        midnight = datetime.combine(dataset.today + timedelta(days=1), time(7), tzinfo=UTC)
        if found[-1].at > midnight:
            yield appointment, "in the future"


def what_was_done_is_in_the_history(dataset: Dataset) -> Iterator[object]:
    """Each done appointment once, with the same car, work, technician and day; no other one."""
    zone = ZoneInfo(dataset.zone)
    done = {row.appointment_id: row for row in appointments(dataset) if row.status == "done"}
    linked = [row for row in history(dataset) if row.appointment_id is not None]
    for row in linked:
        assert row.appointment_id is not None
        booked = done.pop(row.appointment_id)
        if (row.customer_id, row.vehicle_id, row.service_code, row.technician_id) != (
            booked.customer_id,
            booked.vehicle_id,
            booked.service_code,
            booked.technician_id,
        ) or row.on_date != booked.during[0].astimezone(zone).date():
            yield row
    yield from done


def odometers_never_run_back(dataset: Dataset) -> Iterator[object]:
    cars = vehicles(dataset)
    for car_id, visits in by_car(dataset).items():
        car = cars[car_id - 1]
        for one, next_one in pairwise(visits):
            if next_one.mileage <= one.mileage or next_one.on_date <= one.on_date:
                yield one, next_one
        if visits[-1].mileage > car.mileage:
            yield car
        if car_id > WRITTEN_CARS and visits[-1].mileage != car.mileage:
            yield car
        if any(visit.customer_id != car.customer_id for visit in visits):
            yield car


def services_fit_mileage_and_age(dataset: Dataset) -> Iterator[object]:
    cars = vehicles(dataset)
    for car_id, visits in by_car(dataset).items():
        car = cars[car_id - 1]
        before: dict[str, HistoryRow] = {}
        # A model year is sold from the October before it to the September in it.
        sold = date(car.year - 1, 10, 1)
        for visit in visits:
            miles, years, every_miles, every_days = FITS[visit.service_code]
            last = before.get(visit.service_code)
            fits = visit.mileage >= miles and (visit.on_date - sold).days >= 365 * years
            if last is not None:
                fits = fits and visit.mileage - last.mileage >= every_miles
                fits = fits and (visit.on_date - last.on_date).days >= every_days
            if not fits and car_id > WRITTEN_CARS:
                yield car, visit, last
            if car.model in ELECTRIC and visit.service_code in (
                "oil_change",
                "full_service",
                "coolant_flush",
            ):
                yield car, visit
            before[visit.service_code] = visit


def history_is_on_open_days_of_the_past(dataset: Dataset) -> Iterator[object]:
    cars = vehicles(dataset)
    holidays = {(1, 1), (7, 4), (12, 25)}
    for row in history(dataset):
        if row.on_date >= dataset.today or opening(row.on_date) is None:
            yield row
        if (row.on_date.month, row.on_date.day) in holidays:
            yield row
        if row.on_date < date(cars[row.vehicle_id - 1].year - 1, 10, 1):
            yield row
        price = SERVICES[row.service_code][4]
        if not 0.9 * price < row.cost_cents < 2.2 * price or row.cost_cents % 5:
            yield row


DIARY_RULES: tuple[Rule, ...] = (
    appointments_lie_in_opening_hours,
    the_shop_is_closed_on_holidays,
    nothing_overlaps,
    bays_fit_the_work,
    technicians_can_do_the_work,
    capacity_is_kept,
    time_and_status_agree,
    appointments_belong_together,
    events_tell_the_status,
    what_was_done_is_in_the_history,
    odometers_never_run_back,
    services_fit_mileage_and_age,
    history_is_on_open_days_of_the_past,
)


def spans_of(
    rows: Sequence[tuple[Any, ...]],
) -> defaultdict[tuple[int, int], list[tuple[time, time]]]:
    """Begin and end of each technician's weekdays."""
    found: defaultdict[tuple[int, int], list[tuple[time, time]]] = defaultdict(list)
    for person, weekday, begins, ends in rows:
        found[person, weekday].append((begins, ends))
    return found


def overlap(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return bool(one[0] < other[1] and other[0] < one[1])
