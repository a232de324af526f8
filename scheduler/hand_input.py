"""Reads what an engineer types at the desk: times, services, people and cars, one clear no each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from crm.caller_records import CallerRecord, records_by_phone, records_of
from crm.errors import InputError
from crm.phone import caller_number
from crm.vehicles import Vehicle, vehicles_by_plate, vehicles_by_vin
from crm.vin import VIN_LENGTH
from scheduler.shop import Service, Shop

# Nobody books further ahead; a year that was mistyped is told at once.
FURTHEST = timedelta(days=366)
# The shortest number that is a telephone's and not a customer's.
PHONE_DIGITS = 7
KEY_MAX = 2**63 - 1
EXAMPLE = "2026-11-30T14:00"
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Person:
    """A customer and the car that is meant; None: no car."""

    record: CallerRecord
    vehicle: Vehicle | None

    @property
    def customer_id(self) -> int:
        """The number of the customer."""
        return self.record.customer.customer_id

    @property
    def vehicle_id(self) -> int | None:
        """The number of the car."""
        return None if self.vehicle is None else self.vehicle.vehicle_id

    def line(self) -> str:
        """Return who it is in one line."""
        customer = self.record.customer
        line = f"{customer.first_name} {customer.last_name} (customer {customer.customer_id})"
        return line if self.vehicle is None else f"{line}, {car_label(self.vehicle)}"


def has_time_of_day(text: str) -> bool:
    """Tell a time from a day by its looks; neither need be readable."""
    return re.search(r"[0-9][T ][0-9]|:", text.strip(), re.IGNORECASE) is not None


def read_moment(text: str, option: str, *, zone: ZoneInfo, now: datetime) -> datetime:
    """Read an ISO time that is still to come; without an offset it is the shop's wall clock.

    Raises:
        InputError: it is none, has no time of day, is skipped by the clocks, past, or far away.
    """
    if not has_time_of_day(text):
        day = read_day(text, option, today=now.astimezone(zone).date())
        raise InputError(option, f"needs a time of day: {day}T14:00")
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(option, f"is no ISO time such as {EXAMPLE}: {text!r}") from error
    if abs(moment.year - now.year) > 2:
        raise InputError(option, f"is not within the coming year: {text}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
        back = moment.astimezone(UTC).astimezone(zone)
        if back.replace(tzinfo=None) != moment.replace(tzinfo=None):
            raise InputError(option, f"names a time that the clocks skip in {zone.key}: {text}")
    if moment < now:
        raise InputError(option, f"lies in the past: {_wall(moment, zone)}")
    if moment - now > FURTHEST:
        raise InputError(option, f"is more than a year ahead: {_wall(moment, zone)}")
    return moment.astimezone(zone)


def read_day(text: str, option: str, *, today: date) -> date:
    """Read an ISO date from today on, or "today" or "tomorrow".

    Raises:
        InputError: it is none, is past, or far away.
    """
    word = text.strip().lower()
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    try:
        day = date.fromisoformat(word)
    except ValueError as error:
        raise InputError(option, f"is no date such as 2026-11-30: {text!r}") from error
    if day < today:
        raise InputError(option, f"lies in the past: {day:%a} {day}")
    if day - today > FURTHEST:
        raise InputError(option, f"is more than a year ahead: {day}")
    return day


def read_key(text: str, option: str, *, what: str) -> int:
    """Read the number of a row; `what` names it where it is none.

    Raises:
        InputError: it is none.
    """
    if re.fullmatch(r"[0-9]{1,19}", text.strip()) and 0 < int(text) <= KEY_MAX:
        return int(text)
    raise InputError(option, f"is no {what}: {text!r}")


def pick_service(text: str, services: Sequence[Service]) -> Service:
    """Return the service with this code or name.

    Raises:
        InputError: there is none; the message names those there are.
    """
    wanted = _folded(text)
    for service in services:
        if wanted in (_folded(service.code), _folded(service.name)):
            return service
    if not services:
        raise InputError("service", "is unknown: the database has no services yet")
    offered = ", ".join(service.code for service in services)
    raise InputError("service", f"{text!r} is unknown; there are: {offered}")


def pick_technician(text: str, shop: Shop) -> int:
    """Return the number of the technician with this number or name, whole or in part.

    Raises:
        InputError: there is none, or more than one.
    """
    wanted = _folded(text)
    found = [
        person
        for person in shop.technicians
        if wanted == str(person.technician_id) or (wanted and wanted in _folded(person.name))
    ]
    exact = [
        person for person in found if wanted in (str(person.technician_id), _folded(person.name))
    ]
    if len(exact or found) == 1:
        return (exact or found)[0].technician_id
    names = ", ".join(f"{person.technician_id} {person.name}" for person in shop.technicians)
    what = "names several" if found else "is unknown"
    raise InputError("--technician", f"{text!r} {what}; there are: {names or 'none'}")


async def find_people(
    conn: asyncpg.Connection, customer: str, *, region: str, now: datetime, zone: ZoneInfo
) -> tuple[CallerRecord, ...]:
    """Return everybody on a telephone number, or the customer with this number.

    Raises:
        InputError: it is neither.
    """
    number = caller_number(customer, region) if len(customer.strip()) >= PHONE_DIGITS else None
    if number is not None:
        return await records_by_phone(conn, number, now=now, zone=zone)
    key = read_key(customer, "--customer", what="telephone number and no customer's number")
    return await records_of(conn, [key], now=now, zone=zone)


async def find_person(
    conn: asyncpg.Connection,
    customer: str | None,
    vehicle: str | None,
    *,
    region: str,
    now: datetime,
    zone: ZoneInfo,
) -> Person:
    """Return who is meant by a telephone or customer number, or by one of their cars.

    A car is given by its number, plate or VIN; without one the only car of the customer is meant.

    Raises:
        InputError: nobody, or more than one person or car, is meant.
    """
    if customer is None:
        if vehicle is None:
            raise InputError("--customer", "is missing: a telephone number, or a customer's number")
        cars = await _cars(conn, vehicle, now=now, zone=zone)
        owner = _only_owner(cars, vehicle)
        (record,) = await records_of(conn, [owner], now=now, zone=zone)
    else:
        record = _only_record(
            await find_people(conn, customer, region=region, now=now, zone=zone), customer
        )
    return Person(record, _pick_car(record, vehicle))


def car_label(car: Vehicle) -> str:
    """Return how a car is told from the others: year, make, model and plate."""
    label = f"{car.year} {car.make} {car.model}"
    return f"{label} {car.plate}" if car.plate else label


def _only_record(records: Sequence[CallerRecord], customer: str) -> CallerRecord:
    if not records:
        raise InputError("--customer", f"{customer!r} is unknown")
    if len(records) > 1:
        people = [
            f"{one.customer.customer_id} {one.customer.first_name} {one.customer.last_name}"
            for one in records
        ]
        raise InputError("--customer", f"{customer!r} is shared by {_list(people)}; give a number")
    return records[0]


async def _cars(
    conn: asyncpg.Connection, vehicle: str, *, now: datetime, zone: ZoneInfo
) -> tuple[Vehicle, ...]:
    found = await vehicles_by_plate(conn, vehicle)
    exact = tuple(car for car in found if car.plate and _code(car.plate) == _code(vehicle))
    if exact:
        return exact
    if len(_code(vehicle)) == VIN_LENGTH:
        return await vehicles_by_vin(conn, vehicle)
    return ()


def _only_owner(cars: Sequence[Vehicle], vehicle: str) -> int:
    owners = sorted({car.customer_id for car in cars})
    if not owners:
        raise InputError("--vehicle", f"{vehicle!r} is no plate or VIN on file; give --customer")
    if len(owners) > 1:
        raise InputError("--vehicle", f"{vehicle!r} belongs to customers {_list(map(str, owners))}")
    return owners[0]


def _pick_car(record: CallerRecord, vehicle: str | None) -> Vehicle | None:
    cars = record.vehicles
    names = _list(f"{car.vehicle_id} ({car_label(car)})" for car in cars)
    if vehicle is None:
        if len(cars) > 1:
            raise InputError("--vehicle", f"is missing, and this customer has {names}")
        return cars[0] if cars else None
    wanted = _code(vehicle)
    for car in cars:
        if wanted in (str(car.vehicle_id), car.vin) or (car.plate and wanted == _code(car.plate)):
            return car
    raise InputError("--vehicle", f"{vehicle!r} is none of this customer's: {names or 'no car'}")


def _list(items: Iterable[str]) -> str:
    names = list(items)
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip().lower())


def _code(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())


def _wall(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%a %Y-%m-%d %H:%M")
