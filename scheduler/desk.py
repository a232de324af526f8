"""The service desk: what the dialog asks of the bays, in the shop's own time."""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import UTC, date, datetime, time
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg

from crm.appointments import Appointment
from crm.instants import require_aware
from scheduler.booking import AGENT, DEADLINE_S, HOLD_TTL_S, Bookings, HoldRequest, OnChange
from scheduler.booking_row import BookingRow
from scheduler.diary import SHOP_TTL_S, BusyBlocks, CalendarCheck, Diary
from scheduler.moves import MoveRefusal, MoveRequest
from scheduler.offers import MOST_OFFERS, Choice
from scheduler.outcomes import Hold, HoldOutcome, RescheduleOutcome
from scheduler.public_holidays import PublicHolidays
from scheduler.shop import Service, Shop
from scheduler.shop_rows import last_technician, service_of
from scheduler.slot_search import SlotSearch
from scheduler.slots import PartOfDay, Slot, SlotRules
from scheduler.transaction import read

# Enough to find a few days among them.
MOST_SEARCHED = 300
# A car that is dropped off is looked for a later bay so often when somebody else took the one.
DROP_OFF_TRIES = 3


class ServiceDesk:
    """Offers, holds and books slots; every method has its own deadline and raises only
    `scheduler.errors`.

    `busy` gives the calendar's blocks, None without a calendar; where it is a `CalendarCheck` too,
    it is asked once more before a booking becomes firm. `on_change` runs inside the transaction of
    every change of a confirmed appointment. `holidays` are those of the United States unless given.
    `actor` is who the record of every change names.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        zone: ZoneInfo,
        busy: BusyBlocks | None = None,
        on_change: OnChange | None = None,
        rules: SlotRules | None = None,
        hold_ttl_s: float = HOLD_TTL_S,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        holidays: Container[date] | None = None,
        shop_ttl_s: float = SHOP_TTL_S,
        actor: str = AGENT,
    ) -> None:
        self._pool = pool
        self._zone = zone
        self._check = busy if isinstance(busy, CalendarCheck) else None
        self._deadline_s = deadline_s
        if holidays is None:
            year = clock().year
            holidays = PublicHolidays(years=(year, year + 1))
        self._diary = Diary(
            pool,
            zone=zone,
            rules=rules or SlotRules(),
            holidays=holidays,
            busy=busy,
            deadline_s=deadline_s,
            shop_ttl_s=shop_ttl_s,
        )
        self._search = SlotSearch(self._diary, clock=clock)
        self._bookings = Bookings(
            pool,
            on_change=on_change,
            hold_ttl_s=hold_ttl_s,
            deadline_s=deadline_s,
            actor=actor,
            zone=zone,
        )

    def forget_shop(self) -> None:
        """Read services, bays, people and hours anew the next time; else seconds may pass."""
        self._diary.forget_shop()

    async def services(self) -> tuple[Service, ...]:
        """Return what the shop does, by name.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        return tuple((await self._diary.book()).services.values())

    async def shop(self) -> Shop:
        """Return the bays, people and hours, at most some seconds old.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        return (await self._diary.book()).shop

    async def hours_on(self, day: date) -> tuple[tuple[time, time], ...]:
        """Return when the shop is open on a day, by the wall clock; empty where it is closed.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        return await self._search.hours_on(day)

    async def free_slots(
        self,
        service_code: str,
        *,
        earliest: datetime,
        latest: datetime,
        limit: int,
        part_of_day: str = PartOfDay.ANY,
        technician_id: int | None = None,
        same_technician_for: int | None = None,
    ) -> tuple[Slot, ...]:
        """Return up to `limit` slots that start in [earliest, latest), soonest first.

        `part_of_day` is "any", "morning" or "afternoon". `technician_id` leaves the times of one
        person. `same_technician_for` is a customer who wants whoever worked for them last;
        somebody who was never here gets anybody's times.

        Raises:
            UnknownServiceError: the shop has no such service.
            ScheduleUnavailableError: the database failed.
        """
        earliest, latest = require_aware(earliest, "earliest"), require_aware(latest, "latest")
        part = PartOfDay(part_of_day)
        if technician_id is None and same_technician_for is not None:
            technician_id = await self._last_technician(same_technician_for)
        _, service = await self._diary.service(service_code)
        return await self._search.free(
            service,
            earliest=earliest,
            latest=latest,
            limit=limit,
            part=part,
            technician_id=technician_id,
        )

    async def offers(
        self,
        service_code: str,
        *,
        earliest: datetime,
        latest: datetime,
        limit: int = MOST_OFFERS,
        choice: Choice = Choice.SOONEST,
        part_of_day: str = PartOfDay.ANY,
        same_technician_for: int | None = None,
    ) -> tuple[Slot, ...]:
        """Return the few slots to say, in the order of time; the wishes are as for `free_slots`.

        Raises:
            UnknownServiceError: the shop has no such service.
            ScheduleUnavailableError: the database failed.
        """
        slots = await self.free_slots(
            service_code,
            earliest=earliest,
            latest=latest,
            limit=MOST_SEARCHED,
            part_of_day=part_of_day,
            same_technician_for=same_technician_for,
        )
        return choice.of(slots, self._zone, limit)

    async def hold(
        self,
        *,
        service_code: str,
        start: datetime,
        customer_id: int,
        vehicle_id: int | None,
        call_sid: str,
        key: UUID | None = None,
        technician_id: int | None = None,
        same_technician_for: int | None = None,
    ) -> HoldOutcome:
        """Keep a slot for this caller, or say which ones near it are free.

        A time that was never on offer (closed, past, off the grid) counts as taken. `key` names
        the hold: the same key again gives the same hold. With `technician_id` nobody else will
        do; `same_technician_for` is as for `free_slots`, but where that person is taken, somebody
        else does it.

        Raises:
            UnknownServiceError: the shop has no such service.
            UnknownRecordError: there is no such customer or vehicle.
            ScheduleUnavailableError: the database failed.
        """
        start = require_aware(start, "start").astimezone(UTC)
        _, service = await self._diary.service(service_code)
        favourite = None
        if same_technician_for is not None:
            favourite = await self._last_technician(same_technician_for)
        key = key or uuid4()
        row = None
        for _ in range(DROP_OFF_TRIES if service.drop_off else 1):
            slot = await self._search.at(service, start, technician_id=technician_id)
            if slot is None:
                break
            row = await self._bookings.hold(
                HoldRequest(
                    hold_id=key,
                    service_code=service_code,
                    customer_id=customer_id,
                    vehicle_id=vehicle_id,
                    call_sid=call_sid,
                    start=slot.work_start,
                    bay_until=slot.work_start + service.work.bay_time,
                    bay_ids=slot.bay_ids,
                    technician_ids=sorted(slot.technician_ids, key=lambda one: one != favourite),
                    arrival_at=None if slot.bay_start is None else start,
                )
            )
            if row is not None:
                return await self._answer(service, start, row, technician_id)
        return await self._taken(service, start, technician_id)

    async def confirm(self, hold_id: str) -> Appointment | None:
        """Turn a hold into an appointment; the same again for the same hold.

        None: the hold has expired, or never was, or somebody has blocked the time in the calendar
        meanwhile; then the hold is given back.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        key = _read_key(hold_id)
        if key is None:
            return None
        if self._check is not None:
            row = await self._bookings.find(key)
            if row is not None and row.status == "held":
                until = max(row.end, row.work_start)
                if not await self._check.recheck(row.work_start, until):
                    await self._bookings.release(key)
                    return None
        return self._shown(await self._bookings.confirm(key))

    async def release(self, hold_id: str) -> None:
        """Give a hold back; anything else is left alone.

        Raises:
            ScheduleUnavailableError: the database failed; the hold then expires by itself.
        """
        key = _read_key(hold_id)
        if key is not None:
            await self._bookings.release(key)

    async def reschedule(
        self, appointment_id: int, *, start: datetime, customer_id: int
    ) -> RescheduleOutcome:
        """Move a customer's confirmed appointment, or say which slots near `start` are free.

        The old appointment stays as it is unless the new one is booked.

        Raises:
            UnknownServiceError: the shop no longer offers this service.
            ScheduleUnavailableError: the database failed.
        """
        start = require_aware(start, "start").astimezone(UTC)
        service_code = await self._service_of(appointment_id, customer_id)
        if service_code is None:
            return RescheduleOutcome(appointment=None)
        _, service = await self._diary.service(service_code)
        slot = await self._search.at(service, start, moving=appointment_id)
        begin = start if slot is None else slot.work_start
        # Without a slot the move is tried in no bay: that finds a move that was made before.
        row = await self._bookings.reschedule(
            MoveRequest(
                appointment_id=appointment_id,
                customer_id=customer_id,
                start=begin,
                bay_until=begin + service.work.bay_time,
                bay_ids=() if slot is None else slot.bay_ids,
                technician_ids=() if slot is None else slot.technician_ids,
                arrival_at=None if slot is None or slot.bay_start is None else start,
            )
        )
        if isinstance(row, BookingRow):
            return RescheduleOutcome(appointment=self._shown(row))
        if row is MoveRefusal.NOT_MOVABLE:
            return RescheduleOutcome(appointment=None)
        near = await self._search.near(service, start, moving=appointment_id)
        return RescheduleOutcome(appointment=None, alternatives=near)

    async def cancel(self, appointment_id: int, *, customer_id: int) -> Appointment | None:
        """Cancel a customer's appointment; None: they have none that can be cancelled.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        return self._shown(await self._bookings.cancel(appointment_id, customer_id=customer_id))

    async def expire_holds(self) -> int:
        """Remove holds that have expired; return how many. For a background job.

        Raises:
            ScheduleUnavailableError: the database failed; the same again is safe.
        """
        return await self._bookings.expire_holds()

    async def _answer(
        self, service: Service, start: datetime, row: BookingRow, technician_id: int | None
    ) -> HoldOutcome:
        """Return the hold that a row stands for; one that is over by now counts as taken."""
        if row.status != "held" or row.hold_expires_at is None:
            return await self._taken(service, start, technician_id)
        return HoldOutcome(
            hold=Hold(
                hold_id=str(row.hold_id),
                start=row.start.astimezone(self._zone),
                end=row.end.astimezone(self._zone),
                expires_at=row.hold_expires_at.astimezone(self._zone),
                bay_name=row.bay_name,
            )
        )

    async def _taken(
        self, service: Service, start: datetime, technician_id: int | None
    ) -> HoldOutcome:
        near = await self._search.near(service, start, technician_id=technician_id)
        return HoldOutcome(hold=None, alternatives=near)

    async def _service_of(self, appointment_id: int, customer_id: int) -> str | None:
        async def look(conn: asyncpg.Connection) -> str | None:
            return await service_of(conn, appointment_id, customer_id)

        return await read(self._pool, "appointment", look, deadline_s=self._deadline_s)

    async def _last_technician(self, customer_id: int) -> int | None:
        async def look(conn: asyncpg.Connection) -> int | None:
            return await last_technician(conn, customer_id)

        return await read(self._pool, "technician", look, deadline_s=self._deadline_s)

    def _shown(self, row: BookingRow | None) -> Appointment | None:
        if row is None:
            return None
        return Appointment(
            appointment_id=row.appointment_id,
            customer_id=row.customer_id,
            vehicle_id=row.vehicle_id,
            service_code=row.service_code,
            service_name=row.service_name,
            bay_name=row.bay_name,
            start=row.start.astimezone(self._zone),
            end=row.end.astimezone(self._zone),
            status=row.status,
        )


def _read_key(hold_id: str) -> UUID | None:
    try:
        return UUID(hold_id)
    except ValueError:
        return None
