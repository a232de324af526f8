"""A small shop, and a few people to demonstrate it with; both can be written again and again.

Every name is made up; numbers are from the 555-01xx block that is kept for fiction, addresses from
example.com.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import asyncpg

from crm.demo_people import CARS, MARIA, PEOPLE, VISITS
from crm.errors import InputError
from crm.instants import require_aware
from crm.sound import sound_key

DEMO_DAYS = 14
_BOOKING_NAMESPACE = uuid.UUID("5e5b0d0a-6d5c-5b52-9d7e-0f6b8a3c1d21")


class ServiceRow(NamedTuple):
    """One row of `services`."""

    code: str
    name: str
    labour_minutes: int
    buffer_minutes: int
    bay_type: str
    skill: str
    price_cents: int


SERVICES = (
    ServiceRow("oil_change", "Oil change", 45, 0, "quick", "maintenance", 6995),
    ServiceRow("tire_rotation", "Tire rotation", 30, 0, "quick", "maintenance", 2995),
    ServiceRow("battery_check", "Battery check", 30, 0, "quick", "maintenance", 1995),
    ServiceRow("brake_inspection", "Brake inspection", 60, 0, "lift", "brakes", 4995),
    ServiceRow("brake_pads", "Brake pad replacement", 120, 15, "lift", "brakes", 28900),
    ServiceRow("full_service", "Full service", 120, 15, "lift", "maintenance", 34900),
    ServiceRow("wheel_alignment", "Wheel alignment", 60, 15, "lift", "chassis", 11900),
    ServiceRow("coolant_flush", "Coolant flush", 60, 15, "lift", "maintenance", 12900),
    ServiceRow("state_inspection", "State inspection", 60, 0, "inspection", "inspection", 3500),
    ServiceRow("diagnostic", "Engine diagnostic", 90, 0, "inspection", "diagnostics", 14900),
)
BAYS = (
    (1, "Bay 1", "quick"),
    (2, "Bay 2", "quick"),
    (3, "Bay 3", "lift"),
    (4, "Bay 4", "lift"),
    (5, "Bay 5", "inspection"),
)
TECHNICIANS = ((1, "Dana Whitfield"), (2, "Luis Ortega"), (3, "Priya Raman"))
SKILLS = (
    *((1, skill) for skill in ("maintenance", "brakes", "chassis")),
    *((2, skill) for skill in ("maintenance", "brakes", "inspection")),
    *((3, skill) for skill in ("maintenance", "diagnostics", "inspection", "chassis")),
)
_WORKDAYS = range(1, 6)
_SATURDAY = 6
_OPENS, _CLOSES, _SATURDAY_CLOSES = time(8), time(18), time(13)
HOURS = (*((day, _OPENS, _CLOSES) for day in _WORKDAYS), (_SATURDAY, _OPENS, _SATURDAY_CLOSES))
SHIFTS = tuple((person, *hours) for person, _ in TECHNICIANS for hours in HOURS)

_INSERT_SERVICE = """
INSERT INTO services (code, name, labour_minutes, buffer_minutes, bay_type, skill, price_cents)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""
_INSERT_BAY = """
INSERT INTO bays (bay_id, name, bay_type) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_INSERT_TECHNICIAN = """
INSERT INTO technicians (technician_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
_INSERT_SKILL = """
INSERT INTO technician_skills (technician_id, skill) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
_INSERT_SHIFT = """
INSERT INTO technician_shifts (technician_id, weekday, starts, ends) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
_INSERT_HOURS = """
INSERT INTO opening_hours (weekday, opens, closes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""


_ANYBODY = "SELECT customer_id, first_name, last_name FROM customers ORDER BY customer_id LIMIT 1"
_HAS_DATASET = "SELECT EXISTS (SELECT FROM datasets)"
_INSERT_PERSON = """
INSERT INTO customers
       (customer_id, first_name, last_name, email, first_name_sound, last_name_sound)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
_INSERT_PHONE = """
INSERT INTO customer_phones (customer_id, phone_e164, is_primary) VALUES ($1, $2, true)
ON CONFLICT DO NOTHING
"""
_INSERT_CAR = """
INSERT INTO vehicles
       (vehicle_id, customer_id, year, make, model, colour, plate, plate_region, vin, mileage)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'IL', $8, $9) ON CONFLICT DO NOTHING
"""
_INSERT_VISIT = """
INSERT INTO service_history
       (history_id, customer_id, vehicle_id, service_code, on_date, mileage, cost_cents)
SELECT $1, v.customer_id, v.vehicle_id, s.code, $4, $5, s.price_cents
  FROM vehicles v, services s WHERE v.vehicle_id = $2 AND s.code = $3
ON CONFLICT DO NOTHING
"""
# Without a conflict target, DO NOTHING also covers a bay that somebody else has booked meanwhile.
_INSERT_BOOKING = """
INSERT INTO appointments
       (customer_id, vehicle_id, service_code, bay_id, status, during, hold_id, booked_by)
SELECT v.customer_id, v.vehicle_id, $2, $3, 'confirmed', tstzrange($4, $5, '[)'), $6, 'import'
  FROM vehicles v WHERE v.vehicle_id = $1
ON CONFLICT DO NOTHING
"""
_SEQUENCES = (
    ("customers", "customer_id"),
    ("vehicles", "vehicle_id"),
    ("service_history", "history_id"),
)


async def seed_shop(connection: asyncpg.Connection) -> None:
    """Write services, bays, technicians and hours; rows that are there already stay as they are."""
    async with connection.transaction():
        await connection.executemany(_INSERT_SERVICE, SERVICES)
        await connection.executemany(_INSERT_BAY, BAYS)
        await connection.executemany(_INSERT_TECHNICIAN, TECHNICIANS)
        await connection.executemany(_INSERT_SKILL, SKILLS)
        await connection.executemany(_INSERT_SHIFT, SHIFTS)
        await connection.executemany(_INSERT_HOURS, HOURS)


async def seed_demo(connection: asyncpg.Connection, now: datetime) -> None:
    """Write the shop, a hundred people with cars, and two weeks of bookings after `now`.

    `now` carries the shop's zone: opening hours are taken in it. Again at a later `now`, only the
    bookings of the days that were not covered yet are added.

    Raises:
        InputError: `now` has no zone, or the database holds other people's data, such as the full
            dataset of `crm.dataset`.
    """
    require_aware(now, "now")
    await seed_shop(connection)
    async with connection.transaction():
        somebody = await connection.fetchrow(_ANYBODY)
        is_ours = somebody is None or tuple(somebody) == MARIA[:3]
        if not is_ours or await connection.fetchval(_HAS_DATASET):
            raise InputError("database", "holds customers that are not the demonstration's")
        if somebody is None:
            await _write_people(connection, now)
        await connection.executemany(_INSERT_BOOKING, list(_bookings(now)))


async def _write_people(connection: asyncpg.Connection, now: datetime) -> None:
    people = [
        (
            row.customer_id,
            row.first_name,
            row.last_name,
            row.email,
            sound_key(row.first_name),
            sound_key(row.last_name),
        )
        for row in PEOPLE
    ]
    await connection.executemany(_INSERT_PERSON, people)
    phones = [(row.customer_id, row.phone_e164) for row in PEOPLE]
    await connection.executemany(_INSERT_PHONE, phones)
    await connection.executemany(_INSERT_CAR, CARS)
    visits = [
        (number, row.vehicle_id, row.service_code, _workday_before(now, row.days_ago), row.mileage)
        for number, row in enumerate(VISITS, start=1)
    ]
    await connection.executemany(_INSERT_VISIT, visits)
    for table, column in _SEQUENCES:
        await connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column}))"
            f" FROM {table}"
        )


def _workday_before(now: datetime, days: int) -> date:
    """Return the day so long ago, or the Friday before it where it was a Sunday or Saturday."""
    day = now.date() - timedelta(days=days)
    return day - timedelta(days=max(0, day.isoweekday() - 5))


# Bay, service and minutes after opening of each day's bookings. The whole pattern moves from day
# to day, so that no two days in a row offer the same slots.
_PATTERN = (
    (1, "oil_change", 0),
    (1, "oil_change", 45),
    (2, "tire_rotation", 0),
    (2, "oil_change", 30),
    (3, "full_service", 60),
    (4, "brake_inspection", 30),
    (5, "state_inspection", 0),
)
_DAY_SHIFT_MINUTES = 15
# Maria's car stays free, as she is the one who rings.
_BOOKED_CARS = tuple(car.vehicle_id for car in CARS if car.customer_id != MARIA.customer_id)


def _bookings(now: datetime) -> Iterator[tuple[int, str, int, datetime, datetime, uuid.UUID]]:
    """Yield rows for `_INSERT_BOOKING`; a booking takes the bay for labour and buffer."""
    minutes = {row.code: row.labour_minutes + row.buffer_minutes for row in SERVICES}
    open_days = {day for day, _, _ in HOURS}
    for ahead in range(1, DEMO_DAYS + 1):
        day = now.date() + timedelta(days=ahead)
        if day.isoweekday() not in open_days:
            continue
        number = day.toordinal()
        opening = datetime.combine(day, _OPENS, tzinfo=now.tzinfo)
        shift = _DAY_SHIFT_MINUTES * (number % 3)
        for place, (bay_id, code, offset) in enumerate(_PATTERN):
            start = opening + timedelta(minutes=offset + shift)
            end = start + timedelta(minutes=minutes[code])
            car = _BOOKED_CARS[(number * len(_PATTERN) + place) % len(_BOOKED_CARS)]
            hold_id = uuid.uuid5(_BOOKING_NAMESPACE, f"{day} {place}")
            yield car, code, bay_id, start, end, hold_id
