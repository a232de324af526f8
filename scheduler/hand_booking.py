"""What an engineer does by hand at the service desk, through the same desk as the agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from crm.appointments import Appointment
from crm.errors import InputError
from crm.pool import connection_of
from scheduler.desk import MOST_SEARCHED, ServiceDesk
from scheduler.hand_answer import Answer, Status, wall
from scheduler.hand_input import (
    Person,
    find_people,
    find_person,
    has_time_of_day,
    pick_service,
    pick_technician,
    read_day,
    read_key,
    read_moment,
)
from scheduler.offers import MOST_OFFERS, Choice
from scheduler.outcomes import Hold
from scheduler.public_holidays import PublicHolidays
from scheduler.shop import Service
from scheduler.slots import PartOfDay, Slot

ACTOR = "engineer"
SEARCH_DAYS = 14
LONGEST_SEARCH_DAYS = 60
LIMIT = 20
_OWNER = "SELECT customer_id, status FROM appointments WHERE appointment_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which times are looked for; `since` is an ISO date or time, None: now.

    `offer` leaves the few that a caller would be offered.
    """

    service: str
    since: str | None = None
    days: int = SEARCH_DAYS
    part_of_day: PartOfDay = PartOfDay.ANY
    technician: str | None = None
    customer: str | None = None
    vehicle: str | None = None
    same_technician: bool = False
    offer: Choice | None = None
    limit: int = LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be booked for whom, and when."""

    service: str
    at: str
    customer: str | None = None
    vehicle: str | None = None
    technician: str | None = None


class HandDesk:
    """Reads what was typed, asks the desk, and says how it went.

    Every method raises `InputError` for what cannot be meant, and `SchedulerError` or
    `DatabaseError` where the database failed.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        desk: ServiceDesk,
        *,
        zone: ZoneInfo,
        holidays: PublicHolidays,
        region: str = "US",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._desk = desk
        self._zone = zone
        self._holidays = holidays
        self._region = region
        self._clock = clock

    async def slots(self, wish: Wish) -> Answer:
        """Look for free times from a day or a time on."""
        service = pick_service(wish.service, await self._desk.services())
        earliest, latest = self._window(wish)
        person = None
        if wish.customer is not None or wish.vehicle is not None:
            person = await self._person(wish.customer, wish.vehicle)
        elif wish.same_technician:
            raise InputError("--same-technician", "needs --customer or --vehicle")
        if wish.days == 1 and not await self._desk.hours_on(earliest.date()):
            said = f"the shop is closed on {self._day(earliest.date())}"
            return await self._told(Status.CLOSED, said, service=service, person=person)
        found = await self._desk.free_slots(
            service.code,
            earliest=earliest,
            latest=latest,
            limit=wish.limit if wish.offer is None else MOST_SEARCHED,
            part_of_day=wish.part_of_day,
            technician_id=await self._technician(wish.technician),
            same_technician_for=person.customer_id if person and wish.same_technician else None,
        )
        if wish.offer is not None:
            found = wish.offer.of(found, self._zone, min(wish.limit, MOST_OFFERS))
        span = f"from {wall(earliest)} to {wall(latest)}"
        said = f"{service.name}, {service.labour_minutes} min: "
        said += f"free {span}" if found else f"nothing is free {span}"
        return await self._told(
            Status.FREE if found else Status.NOTHING_FREE,
            said if person is None else f"{said}, for {person.line()}",
            service=service,
            person=person,
            slots=found,
        )

    async def hold(self, order: Order) -> Answer:
        """Hold a time for a customer, to be confirmed or released later."""
        service = pick_service(order.service, await self._desk.services())
        start = await self._start(order.at)
        person = await self._person(order.customer, order.vehicle)
        own = _clash(person, start, start + timedelta(minutes=service.labour_minutes))
        if own is not None:
            said = f"{person.line()} comes then already: {own.service_name}, {wall(own.start)}"
            return await self._told(
                Status.ALREADY_BOOKED, said, service=service, person=person, appointment=own
            )
        outcome = await self._desk.hold(
            service_code=service.code,
            start=start,
            customer_id=person.customer_id,
            vehicle_id=person.vehicle_id,
            call_sid="",
            technician_id=await self._technician(order.technician),
        )
        if outcome.hold is None:
            return await self._told(
                Status.TAKEN,
                _taken(start, bool(outcome.alternatives)),
                service=service,
                person=person,
                slots=outcome.alternatives,
            )
        held = outcome.hold
        said = (
            f"held until {held.expires_at:%H:%M:%S}: {service.name}, {wall(held.start)}, "
            f"{held.bay_name}, for {person.line()}; hold {held.hold_id}"
        )
        return await self._told(Status.HELD, said, service=service, person=person, hold=held)

    async def book(self, order: Order) -> Answer:
        """Hold a time and confirm it at once."""
        held = await self.hold(order)
        if held.hold is None:
            return held
        return await self.confirm(held.hold.hold_id, service=held.service, person=held.person)

    async def confirm(
        self, hold_id: str, *, service: Service | None = None, person: Person | None = None
    ) -> Answer:
        """Turn a hold into an appointment; harmless when repeated."""
        booked = await self._desk.confirm(hold_id)
        if booked is None:
            said = f"there is no hold {hold_id} any more: it expired, was released, or never was"
            return await self._told(Status.EXPIRED, said, service=service, person=person)
        said = (
            f"booked: appointment {booked.appointment_id}, {booked.service_name}, "
            f"{wall(booked.start)}, {booked.bay_name}"
        )
        return await self._told(
            Status.BOOKED,
            said if person is None else f"{said}, for {person.line()}",
            service=service,
            person=person,
            appointment=booked,
        )

    async def release(self, hold_id: str) -> Answer:
        """Give a hold back; anything else is left alone."""
        await self._desk.release(hold_id)
        return await self._told(Status.RELEASED, f"hold {hold_id} is no longer held")

    async def reschedule(self, appointment: str, at: str, *, customer: str | None = None) -> Answer:
        """Move an appointment to another time; of the customer given, or of whoever has it."""
        key, owner, status = await self._appointment(appointment, customer)
        start = await self._start(at)
        outcome = await self._desk.reschedule(key, start=start, customer_id=owner)
        moved = outcome.appointment
        if moved is not None:
            said = (
                f"rescheduled: appointment {key} is now appointment {moved.appointment_id}, "
                f"{moved.service_name}, {wall(moved.start)}, {moved.bay_name}"
            )
            return await self._told(Status.RESCHEDULED, said, appointment=moved)
        if outcome.alternatives or status == "confirmed":
            said = _taken(start, bool(outcome.alternatives))
            return await self._told(Status.TAKEN, said, slots=outcome.alternatives)
        return await self._not_changeable(key, status, "moved")

    async def cancel(self, appointment: str, *, customer: str | None = None) -> Answer:
        """Cancel an appointment; of the customer given, or of whoever has it."""
        key, owner, status = await self._appointment(appointment, customer)
        gone = await self._desk.cancel(key, customer_id=owner)
        if gone is None:
            return await self._not_changeable(key, status, "cancelled")
        said = f"cancelled: appointment {key}, {gone.service_name}, {wall(gone.start)}"
        return await self._told(Status.CANCELLED, said, appointment=gone)

    def _window(self, wish: Wish) -> tuple[datetime, datetime]:
        """Return the first and the last moment to look at; a day begins at its midnight."""
        now = self._clock().astimezone(self._zone)
        if not 1 <= wish.days <= LONGEST_SEARCH_DAYS:
            raise InputError("--days", f"is not between 1 and {LONGEST_SEARCH_DAYS}")
        earliest = now.replace(second=0, microsecond=0)
        day = earliest.date()
        if wish.since is not None and has_time_of_day(wish.since):
            earliest = read_moment(wish.since, "--from", zone=self._zone, now=now)
            day = earliest.date()
        elif wish.since is not None:
            day = read_day(wish.since, "--from", today=now.date())
            earliest = max(earliest, datetime.combine(day, time(), tzinfo=self._zone))
        return earliest, datetime.combine(
            day + timedelta(days=wish.days), time(), tzinfo=self._zone
        )

    async def _start(self, text: str) -> datetime:
        """Read when the customer comes: a time at which the shop is open."""
        start = read_moment(text, "--at", zone=self._zone, now=self._clock())
        hours = await self._desk.hours_on(start.date())
        if not hours:
            raise InputError("--at", f"is when the shop is closed: {self._day(start.date())}")
        if not any(opens <= start.time() < closes for opens, closes in hours):
            spans = " and ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in hours)
            raise InputError("--at", f"is outside the opening hours of that day, {spans}")
        return start

    async def _technician(self, text: str | None) -> int | None:
        return None if text is None else pick_technician(text, await self._desk.shop())

    async def _person(self, customer: str | None, vehicle: str | None) -> Person:
        async with connection_of(self._pool, "find a customer") as conn:
            return await find_person(
                conn,
                customer,
                vehicle,
                region=self._region,
                now=self._clock(),
                zone=self._zone,
            )

    async def _appointment(self, text: str, customer: str | None) -> tuple[int, int, str]:
        """Return the number of an appointment, whose it is, and its status."""
        key = read_key(text, "appointment", what="number of an appointment")
        async with connection_of(self._pool, "find an appointment") as conn:
            row = await conn.fetchrow(_OWNER, key)
        if row is None:
            raise InputError("appointment", f"{key} is unknown")
        if customer is not None:
            async with connection_of(self._pool, "find a customer") as conn:
                people = await find_people(
                    conn, customer, region=self._region, now=self._clock(), zone=self._zone
                )
            if row["customer_id"] not in [one.customer.customer_id for one in people]:
                raise InputError("--customer", f"{customer!r} does not have appointment {key}")
        return key, row["customer_id"], row["status"]

    async def _not_changeable(self, key: int, status: str, deed: str) -> Answer:
        said = f"appointment {key} cannot be {deed}: it is {status.replace('_', ' ')}"
        return await self._told(Status.NOT_CHANGEABLE, said)

    async def _told(
        self,
        status: Status,
        said: str,
        *,
        service: Service | None = None,
        person: Person | None = None,
        slots: Sequence[Slot] = (),
        hold: Hold | None = None,
        appointment: Appointment | None = None,
    ) -> Answer:
        return Answer(
            status=status,
            said=said,
            shop=await self._desk.shop(),
            service=service,
            person=person,
            slots=slots,
            hold=hold,
            appointment=appointment,
        )

    def _day(self, day: date) -> str:
        name = self._holidays.name(day)
        return f"{day:%a} {day}" + (f" ({name})" if name else "")


def _clash(person: Person, start: datetime, end: datetime) -> Appointment | None:
    """Return what this car is booked for meanwhile: it cannot be in two bays."""
    for booked in person.record.upcoming:
        is_same_car = booked.vehicle_id == person.vehicle_id
        if is_same_car and booked.start < end and start < booked.end:
            return booked
    return None


def _taken(start: datetime, has_others: bool) -> str:
    what = f"{wall(start)} is taken, or no time that the shop offers"
    return f"{what}; free near it:" if has_others else f"{what}, and nothing near it is free"
