"""Hold, confirm, release and cancel: every change of an appointment, and its record.

Theory of operation: that a bay and a technician have one car at a time is held by the exclusion
constraints of the table, not by this code. A hold is one statement: it removes the holds of the
day that have expired, inserts the first of the free pairs of bay and technician, skips those that
somebody else took meanwhile, adds the labour to the day's and writes the event. `hold_id` is the
idempotency key from then on: confirming is a compare-and-swap from `held` to `confirmed`, and
whoever lost the answer of a commit looks the key up. Every change appends to
`appointment_events`; `on_change` runs in the same transaction, which is how a calendar write
becomes as durable as the booking itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from crm.principal import RowSecurity, leave
from scheduler.booking_row import (
    COLUMNS,
    JOINED,
    SELECT_BY_HOLD,
    SELECT_BY_ID,
    BookingRow,
    counted,
    labour_of,
    one_booking,
)
from scheduler.errors import ScheduleUnavailableError
from scheduler.free_places import EXPIRED_AND_FREE
from scheduler.moves import MoveRefusal, MoveRequest, NoPlaceError, key_of_move, move
from scheduler.transaction import in_statement, in_transaction, read

HOLD_TTL_S = 120.0
# The budget of a tool on the call: after it the caller hears that the schedule cannot be seen.
DEADLINE_S = 1.5
SWEEP_LIMIT = 500
AGENT = "agent"
DAY_FULL = "day_capacity_kept"

Result = TypeVar("Result")
OnChange: TypeAlias = Callable[[asyncpg.Connection, int], Awaitable[None]]

# Without a conflict target a taken bay, a taken technician and a repeated key are skipped alike:
# after the first row that goes in, all others repeat its key.
_HOLD = f"""
WITH {EXPIRED_AND_FREE}, placed AS (
    INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, technician_id, status,
                              during, hold_id, hold_expires_at, call_sid, arrival_at)
    SELECT $8::bigint, $9::bigint, $10, bay_id, technician_id, 'held', tstzrange($1, $2),
           $11::uuid, now() + make_interval(secs => $12), $13, $14
    FROM free
    WHERE (SELECT count(*) FROM freed) >= 0
    ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING *
), noted AS (
    INSERT INTO appointment_events (appointment_id, event, actor, call_sid)
    SELECT appointment_id, 'hold_expired', 'scheduler', NULL FROM freed
    UNION ALL
    SELECT appointment_id, 'held', $15, call_sid FROM placed
), {counted(labour_of("freed", "$5", sign="-") + " UNION ALL " + labour_of("placed", "$5"))}
SELECT {COLUMNS} FROM placed a {JOINED}
"""
_CONFIRM = f"""
WITH swapped AS (
    UPDATE appointments SET status = 'confirmed', hold_expires_at = NULL, version = version + 1,
           updated_at = now()
    WHERE hold_id = $1 AND status = 'held' AND hold_expires_at > now()
    RETURNING *
), noted AS (
    INSERT INTO appointment_events (appointment_id, event, actor, call_sid)
    SELECT appointment_id, 'confirmed', $2, call_sid FROM swapped
)
SELECT {COLUMNS} FROM swapped a {JOINED}
"""
_RELEASE = f"""
WITH freed AS (
    UPDATE appointments SET status = 'cancelled', version = version + 1, updated_at = now()
    WHERE hold_id = $1 AND status = 'held'
    RETURNING *
), noted AS (
    INSERT INTO appointment_events (appointment_id, event, actor, call_sid)
    SELECT appointment_id, 'released', $2, call_sid FROM freed
), {counted(labour_of("freed", "$3", sign="-"))}
SELECT appointment_id FROM freed
"""
_CANCEL = f"""
WITH freed AS (
    UPDATE appointments SET status = 'cancelled', version = version + 1, updated_at = now()
    WHERE appointment_id = $1 AND customer_id = $2 AND status = 'confirmed'
    RETURNING *
), noted AS (
    INSERT INTO appointment_events (appointment_id, event, actor, call_sid)
    SELECT appointment_id, 'cancelled', $3, call_sid FROM freed
), {counted(labour_of("freed", "$4", sign="-"))}
SELECT {COLUMNS} FROM freed a {JOINED}
"""
_SWEEP = f"""
WITH expired AS (
    SELECT appointment_id FROM appointments WHERE status = 'held' AND hold_expires_at <= now()
    ORDER BY appointment_id LIMIT $2 FOR UPDATE SKIP LOCKED
), freed AS (
    UPDATE appointments a SET status = 'cancelled', version = version + 1, updated_at = now()
    FROM expired e WHERE a.appointment_id = e.appointment_id
    RETURNING a.*
), noted AS (
    INSERT INTO appointment_events (appointment_id, event, actor)
    SELECT appointment_id, 'hold_expired', 'scheduler' FROM freed
), {counted(labour_of("freed", "$1", sign="-"))}
SELECT count(*) FROM freed
"""
# The lock waits for a change that may still be under way on a connection that we have lost.
_SETTLE = "SELECT FROM appointments WHERE {key} = $1 FOR SHARE"
_SETTLE_HOLD, _SETTLE_ID = _SETTLE.format(key="hold_id"), _SETTLE.format(key="appointment_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """What to hold: `start` to `bay_until` (exclusive) in a bay and with a technician.

    The first free of `bay_ids` and of `technician_ids` is taken; without any technician the bay
    alone is. `arrival_at` is when the customer comes, where that is before `start`.
    """

    hold_id: UUID
    service_code: str
    customer_id: int
    vehicle_id: int | None
    call_sid: str
    start: datetime
    bay_until: datetime
    bay_ids: Sequence[int]
    technician_ids: Sequence[int] = ()
    arrival_at: datetime | None = None


class Bookings:
    """Writes appointments; each method is one transaction inside one deadline.

    `zone` is the shop's: it says to which day the labour of an appointment counts.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        on_change: OnChange | None = None,
        hold_ttl_s: float = HOLD_TTL_S,
        deadline_s: float = DEADLINE_S,
        actor: str = AGENT,
        zone: ZoneInfo | None = None,
    ) -> None:
        self._pool = pool
        self._on_change = on_change
        self._hold_ttl_s = hold_ttl_s
        self._deadline_s = deadline_s
        self._actor = actor
        self._zone = zone or ZoneInfo("UTC")

    async def hold(self, request: HoldRequest) -> BookingRow | None:
        """Hold the time; None: every bay or every technician is taken, or the day is full.

        The same `hold_id` again gives the same hold.

        Raises:
            UnknownRecordError: there is no such customer, vehicle or service.
            ScheduleUnavailableError: the database failed, and the hold was not found afterwards.
        """

        async def place(conn: asyncpg.Connection) -> BookingRow | None:
            return await one_booking(
                conn,
                _HOLD,
                request.start,
                request.bay_until,
                request.bay_ids,
                request.technician_ids,
                self._zone.key,
                request.start.astimezone(self._zone).date(),
                0,
                request.customer_id,
                request.vehicle_id,
                request.service_code,
                request.hold_id,
                self._hold_ttl_s,
                request.call_sid or None,
                request.arrival_at,
                self._actor,
            ) or await one_booking(conn, SELECT_BY_HOLD, request.hold_id)

        try:
            return await in_statement(self._pool, "hold", place, deadline_s=self._deadline_s)
        except asyncpg.CheckViolationError as error:
            if error.constraint_name != DAY_FULL:
                raise
            return None
        except ScheduleUnavailableError:
            found = await self._settled(_SETTLE_HOLD, SELECT_BY_HOLD, request.hold_id)
            if found is not None and found.status == "held":
                return found
            raise

    async def confirm(self, hold_id: UUID) -> BookingRow | None:
        """Turn a hold into an appointment; None: the hold has expired, or never was.

        Repeating it is safe and gives the same appointment.

        Raises:
            ScheduleUnavailableError: the database failed, and the appointment was not found
                confirmed afterwards.
        """

        async def swap(conn: asyncpg.Connection) -> BookingRow | None:
            found = await one_booking(conn, _CONFIRM, hold_id, self._actor)
            if found is None:
                return await one_booking(conn, SELECT_BY_HOLD, hold_id)
            await self._changed(conn, found.appointment_id)
            return found

        try:
            found = await self._change("confirm", swap)
        except ScheduleUnavailableError:
            found = await self._settled(_SETTLE_HOLD, SELECT_BY_HOLD, hold_id)
            if found is None or found.status == "held":
                raise
        return None if found is None or found.status in ("held", "cancelled") else found

    async def release(self, hold_id: UUID) -> None:
        """Give a hold back; a confirmed appointment or an unknown key is left alone.

        Raises:
            ScheduleUnavailableError: the database failed; the hold then expires by itself.
        """

        async def give_back(conn: asyncpg.Connection) -> None:
            await conn.fetchval(_RELEASE, hold_id, self._actor, self._zone.key)

        await in_statement(self._pool, "release", give_back, deadline_s=self._deadline_s)

    async def expire_holds(self, limit: int = SWEEP_LIMIT) -> int:
        """Remove up to `limit` holds that have expired; return how many there were.

        Raises:
            ScheduleUnavailableError: the database failed; the same again is safe.
        """

        async def sweep(conn: asyncpg.Connection) -> int:
            freed: int = await conn.fetchval(_SWEEP, self._zone.key, limit)
            return freed

        return await in_statement(self._pool, "expire holds", sweep, deadline_s=self._deadline_s)

    async def reschedule(self, request: MoveRequest) -> BookingRow | MoveRefusal:
        """Move a confirmed appointment, or say why it stays where it is.

        The old row is freed and the new one written in one transaction, so the customer has one
        appointment whatever happens, and may move into a time that overlaps their own.

        Raises:
            ScheduleUnavailableError: the database failed, and the move was not found done.
        """

        async def run(conn: asyncpg.Connection) -> BookingRow | MoveRefusal:
            moved, changed = await move(conn, request, zone=self._zone, actor=self._actor)
            for appointment_id in changed:
                await self._changed(conn, appointment_id)
            return moved

        try:
            return await in_transaction(self._pool, "reschedule", run, deadline_s=self._deadline_s)
        except NoPlaceError:
            return MoveRefusal.TAKEN
        except asyncpg.CheckViolationError as error:
            if error.constraint_name != DAY_FULL:
                raise
            return MoveRefusal.TAKEN
        except ScheduleUnavailableError:
            # Whoever still moves it has the old row locked; then the new one is there or not.
            await self._settled(_SETTLE_ID, SELECT_BY_ID, request.appointment_id)
            found = await self.find(key_of_move(request))
            if found is not None and found.status == "confirmed":
                return found
            raise

    async def cancel(self, appointment_id: int, *, customer_id: int) -> BookingRow | None:
        """Cancel a customer's confirmed appointment; None: they have no such appointment.

        One that is cancelled already is returned as it is.

        Raises:
            ScheduleUnavailableError: the database failed, and it was not found cancelled.
        """

        def own(found: BookingRow | None) -> BookingRow | None:
            is_own = found is not None and found.customer_id == customer_id
            return found if found is not None and is_own and found.status == "cancelled" else None

        async def strike(conn: asyncpg.Connection) -> BookingRow | None:
            found = await one_booking(
                conn, _CANCEL, appointment_id, customer_id, self._actor, self._zone.key
            )
            if found is None:
                return own(await one_booking(conn, SELECT_BY_ID, appointment_id))
            await self._changed(conn, found.appointment_id)
            return found

        try:
            return await self._change("cancel", strike)
        except ScheduleUnavailableError:
            found = own(await self._settled(_SETTLE_ID, SELECT_BY_ID, appointment_id))
            if found is None:
                raise
            return found

    async def find(self, hold_id: UUID) -> BookingRow | None:
        """Look an appointment up by its idempotency key.

        Raises:
            ScheduleUnavailableError: the database failed.
        """

        async def look(conn: asyncpg.Connection) -> BookingRow | None:
            return await one_booking(conn, SELECT_BY_HOLD, hold_id)

        return await read(self._pool, "look up a booking", look, deadline_s=self._deadline_s)

    async def _settled(self, settle: str, query: str, key: UUID | int) -> BookingRow | None:
        """Look an appointment up once nobody is changing it any more."""

        async def look(conn: asyncpg.Connection) -> BookingRow | None:
            await conn.fetchrow(settle, key)
            return await one_booking(conn, query, key)

        return await read(self._pool, "look up a booking", look, deadline_s=self._deadline_s)

    async def _change(
        self, action: str, work: Callable[[asyncpg.Connection], Awaitable[Result]]
    ) -> Result:
        """Run a statement alone, or with what follows from it in one transaction."""
        run = in_statement if self._on_change is None else in_transaction
        return await run(self._pool, action, work, deadline_s=self._deadline_s)

    async def _changed(self, conn: asyncpg.Connection, appointment_id: int) -> None:
        if self._on_change is not None:
            # The change has passed row security; what follows from it is the shop's business.
            await leave(conn)
            with RowSecurity.as_shop():
                await self._on_change(conn, appointment_id)
