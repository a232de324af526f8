"""The service desk: what the dialog asks of the bays, in the shop's own time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg

from crm.appointments import Appointment
from crm.instants import require_aware
from scheduler.booking import (
    DEADLINE_S,
    HOLD_TTL_S,
    BookingRow,
    Bookings,
    HoldRequest,
    MoveRefusal,
    MoveRequest,
    OnChange,
)
from scheduler.errors import UnknownServiceError
from scheduler.shop import NOBODY, Service, load_service, load_services, load_shop, load_taken
from scheduler.slots import Slot, SlotRules, Taken, find_slots, nearest
from scheduler.transaction import read

ALTERNATIVES = 3
# Alternatives are looked for around the time that was wanted.
SEARCH_BEFORE = timedelta(days=3)
SEARCH_AFTER = timedelta(days=14)
# The longest that one booking can occupy a bay, so that neighbours of a window are seen.
LONGEST = timedelta(hours=24)

_APPOINTMENT_SERVICE = """
SELECT s.code FROM appointments a JOIN services s ON s.code = a.service_code
WHERE a.appointment_id = $1 AND a.customer_id = $2
"""


class BusyBlocks(Protocol):
    """Whoever knows the calendar's busy blocks without waiting."""

    @property
    def blocks(self) -> Sequence[Taken]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A slot kept for a caller until `expires_at`; times in the shop's zone."""

    hold_id: str
    start: datetime
    end: datetime
    expires_at: datetime
    bay_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutcome:
    """A hold, or the nearest free slots where the wanted one is taken."""

    hold: Hold | None
    alternatives: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleOutcome:
    """The moved appointment, or the nearest free slots where the wanted one is taken.

    Neither: the customer has no such appointment that could be moved.
    """

    appointment: Appointment | None
    alternatives: tuple[Slot, ...] = ()


class ServiceDesk:
    """Offers, holds and books slots; every method has its own deadline and raises only
    `scheduler.errors`.

    `busy` gives the calendar's blocks, None without a calendar. `on_change` runs inside the
    transaction of every change of a confirmed appointment.
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
    ) -> None:
        self._pool = pool
        self._zone = zone
        self._busy = busy
        self._rules = rules or SlotRules()
        self._deadline_s = deadline_s
        self._clock = clock
        self._bookings = Bookings(
            pool, on_change=on_change, hold_ttl_s=hold_ttl_s, deadline_s=deadline_s
        )

    async def services(self) -> tuple[Service, ...]:
        """Return what the shop does, by name.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        return await read(self._pool, "services", load_services, deadline_s=self._deadline_s)

    async def free_slots(
        self, service_code: str, *, earliest: datetime, latest: datetime, limit: int
    ) -> tuple[Slot, ...]:
        """Return up to `limit` slots that start in [earliest, latest), soonest first.

        Raises:
            UnknownServiceError: the shop has no such service.
            ScheduleUnavailableError: the database failed.
        """
        _, slots = await self._search(
            service_code,
            require_aware(earliest, "earliest"),
            require_aware(latest, "latest"),
            limit=limit,
        )
        return slots

    async def hold(
        self,
        *,
        service_code: str,
        start: datetime,
        customer_id: int,
        vehicle_id: int | None,
        call_sid: str,
    ) -> HoldOutcome:
        """Keep a slot for this caller, or say which ones near it are free.

        A time that was never on offer (closed, past, off the grid) counts as taken.

        Raises:
            UnknownServiceError: the shop has no such service.
            UnknownRecordError: there is no such customer or vehicle.
            ScheduleUnavailableError: the database failed.
        """
        service, slot = await self._slot_at(service_code, require_aware(start, "start"))
        row = None
        if slot is not None:
            row = await self._bookings.hold(
                HoldRequest(
                    hold_id=uuid4(),
                    service_code=service_code,
                    customer_id=customer_id,
                    vehicle_id=vehicle_id,
                    call_sid=call_sid,
                    start=slot.start,
                    bay_until=_bay_until(slot, service),
                    bay_ids=slot.bay_ids,
                )
            )
        if row is None or row.hold_expires_at is None:
            return HoldOutcome(hold=None, alternatives=await self._near(service_code, start))
        return HoldOutcome(
            hold=Hold(
                hold_id=str(row.hold_id),
                start=row.start.astimezone(self._zone),
                end=row.end.astimezone(self._zone),
                expires_at=row.hold_expires_at.astimezone(self._zone),
                bay_name=row.bay_name,
            )
        )

    async def confirm(self, hold_id: str) -> Appointment | None:
        """Turn a hold into an appointment; the same again for the same hold.

        None: the hold has expired, or never was.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        key = _read_key(hold_id)
        row = None if key is None else await self._bookings.confirm(key)
        return self._shown(row)

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
        service_code = await self._service_of(appointment_id, customer_id)
        if service_code is None:
            return RescheduleOutcome(appointment=None)
        start = require_aware(start, "start").astimezone(UTC)
        service, slot = await self._slot_at(service_code, start, except_id=appointment_id)
        # Without a slot the move is tried in no bay: that finds a move that was made before.
        row = await self._bookings.reschedule(
            MoveRequest(
                appointment_id=appointment_id,
                customer_id=customer_id,
                start=start,
                bay_until=start + service.work.bay_time,
                bay_ids=() if slot is None else slot.bay_ids,
            )
        )
        if isinstance(row, BookingRow):
            return RescheduleOutcome(appointment=self._shown(row))
        if row is MoveRefusal.NOT_MOVABLE:
            return RescheduleOutcome(appointment=None)
        near = await self._near(service_code, start, except_id=appointment_id)
        return RescheduleOutcome(appointment=None, alternatives=near)

    async def cancel(self, appointment_id: int, *, customer_id: int) -> Appointment | None:
        """Cancel a customer's appointment; None: they have none that can be cancelled.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        return self._shown(await self._bookings.cancel(appointment_id, customer_id=customer_id))

    async def _search(
        self,
        service_code: str,
        earliest: datetime,
        latest: datetime,
        *,
        limit: int | None = None,
        except_id: int = NOBODY,
    ) -> tuple[Service, tuple[Slot, ...]]:
        now = self._clock()
        earliest = max(earliest.astimezone(UTC), now.astimezone(UTC))
        latest = max(latest.astimezone(UTC), earliest)

        async def load(conn: asyncpg.Connection) -> tuple[Service, tuple[Slot, ...]]:
            service = await load_service(conn, service_code)
            if service is None:
                raise UnknownServiceError(service_code)
            shop = await load_shop(conn, self._zone)
            taken = await load_taken(
                conn, earliest - LONGEST, latest + LONGEST, except_id=except_id
            )
            blocks = () if self._busy is None else self._busy.blocks
            slots = find_slots(
                shop,
                service.work,
                (*taken, *blocks),
                now=now,
                earliest=earliest,
                latest=latest,
                rules=self._rules,
                limit=limit,
            )
            return service, slots

        return await read(self._pool, "free slots", load, deadline_s=self._deadline_s)

    async def _slot_at(
        self, service_code: str, start: datetime, *, except_id: int = NOBODY
    ) -> tuple[Service, Slot | None]:
        start = start.astimezone(UTC)
        until = start + timedelta(microseconds=1)
        service, slots = await self._search(service_code, start, until, except_id=except_id)
        return service, next(iter(slots), None)

    async def _near(
        self, service_code: str, start: datetime, *, except_id: int = NOBODY
    ) -> tuple[Slot, ...]:
        wanted = start.astimezone(UTC)
        _, slots = await self._search(
            service_code, wanted - SEARCH_BEFORE, wanted + SEARCH_AFTER, except_id=except_id
        )
        # Between zones Python calls a wall time that comes twice unequal to every instant.
        others = [slot for slot in slots if slot.start.astimezone(UTC) != wanted]
        return nearest(others, wanted, ALTERNATIVES)

    async def _service_of(self, appointment_id: int, customer_id: int) -> str | None:
        async def look(conn: asyncpg.Connection) -> str | None:
            code: str | None = await conn.fetchval(
                _APPOINTMENT_SERVICE, appointment_id, customer_id
            )
            return code

        return await read(self._pool, "appointment", look, deadline_s=self._deadline_s)

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


def _bay_until(slot: Slot, service: Service) -> datetime:
    return slot.start.astimezone(UTC) + service.work.bay_time


def _read_key(hold_id: str) -> UUID | None:
    try:
        return UUID(hold_id)
    except ValueError:
        return None
