"""Hold, confirm, reschedule and cancel: every change of an appointment, and its record.

Theory of operation: that a bay takes one car at a time is held by the exclusion constraint of the
table, not by this code. A hold is an insert that tries the free bays one after another and skips
those that somebody else took meanwhile. `hold_id` is the idempotency key from then on: confirming
is a compare-and-swap from `held` to `confirmed`, and whoever lost the answer of a commit looks the
key up. Every change appends to `appointment_events` and calls `on_change` in the same transaction,
which is how a calendar write becomes as durable as the booking itself.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, TypeVar
from uuid import UUID, uuid5

import asyncpg

from scheduler.errors import ScheduleUnavailableError
from scheduler.transaction import in_transaction, read

HOLD_TTL_S = 120.0
# The budget of a tool on the call: after it the caller hears that the schedule cannot be seen.
DEADLINE_S = 1.5
# Namespace of the keys that a reschedule derives from what it moves, so that a repeat is found.
RESCHEDULE_KEYS = UUID("6f2c1f63-3c0b-4d5e-9a55-5a6e1b1d9d10")

Result = TypeVar("Result")
OnChange: TypeAlias = Callable[[asyncpg.Connection, int], Awaitable[None]]

_SELECT = """
SELECT a.appointment_id, a.customer_id, a.vehicle_id, a.service_code, s.name AS service_name,
       b.name AS bay_name, lower(a.during) AS starts,
       least(upper(a.during), lower(a.during) + make_interval(mins => s.labour_minutes)) AS ends,
       a.status, a.hold_id, a.hold_expires_at, a.version
FROM appointments a JOIN services s ON s.code = a.service_code JOIN bays b USING (bay_id)
"""
_SELECT_BY_HOLD = _SELECT + "WHERE a.hold_id = $1"
_SELECT_BY_ID = _SELECT + "WHERE a.appointment_id = $1"

# SKIP LOCKED: whoever holds the lock is removing the same hold, and two who wait for each other's
# rows would deadlock. The insert that follows waits for the remover where it has to.
_EXPIRE = """
WITH expired AS (
    SELECT appointment_id FROM appointments
    WHERE status = 'held' AND hold_expires_at <= now() AND during && tstzrange($1, $2)
    FOR UPDATE SKIP LOCKED
), freed AS (
    UPDATE appointments a SET status = 'cancelled', version = version + 1, updated_at = now()
    FROM expired e WHERE a.appointment_id = e.appointment_id
    RETURNING a.appointment_id
)
INSERT INTO appointment_events (appointment_id, event, actor)
SELECT appointment_id, 'hold_expired', 'scheduler' FROM freed
"""
# Without a conflict target this skips a taken bay (the exclusion constraint) and a repeated key
# (hold_id) alike, and neither breaks the transaction.
_INSERT = """
INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, status, during, hold_id,
                          hold_expires_at, call_sid, rescheduled_from)
VALUES ($1, $2, $3, $4, $5, tstzrange($6, $7), $8,
        now() + make_interval(secs => $9), $10, $11)
ON CONFLICT DO NOTHING
RETURNING appointment_id
"""
_CONFIRM = """
UPDATE appointments SET status = 'confirmed', hold_expires_at = NULL, version = version + 1,
       updated_at = now()
WHERE hold_id = $1 AND status = 'held' AND hold_expires_at > now()
RETURNING appointment_id, call_sid
"""
_RELEASE = """
UPDATE appointments SET status = 'cancelled', version = version + 1, updated_at = now()
WHERE hold_id = $1 AND status = 'held'
RETURNING appointment_id, call_sid
"""
_LOCK = """
SELECT appointment_id, customer_id, vehicle_id, service_code, status, call_sid,
       lower(during) AS starts
FROM appointments
WHERE appointment_id = $1 AND customer_id = $2
FOR UPDATE
"""
_SET_STATUS = """
UPDATE appointments SET status = $2, version = version + 1, updated_at = now()
WHERE appointment_id = $1
"""
_INSERT_EVENT = """
INSERT INTO appointment_events (appointment_id, event, actor, call_sid, detail)
VALUES ($1, $2, $3, $4, $5::jsonb)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRow:
    """An appointment as it stands in the database; instants are in UTC."""

    appointment_id: int
    customer_id: int
    vehicle_id: int | None
    service_code: str
    service_name: str
    bay_name: str
    start: datetime
    end: datetime
    status: str
    hold_id: UUID
    hold_expires_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """What to hold: `start` to `bay_until` (exclusive) in the first free of `bay_ids`."""

    hold_id: UUID
    service_code: str
    customer_id: int
    vehicle_id: int | None
    call_sid: str
    start: datetime
    bay_until: datetime
    bay_ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """Where to move an appointment of a customer: like a hold, for what is booked already."""

    appointment_id: int
    customer_id: int
    start: datetime
    bay_until: datetime
    bay_ids: Sequence[int]


class MoveRefusal(StrEnum):
    """Why an appointment was not moved."""

    TAKEN = "taken"
    NOT_MOVABLE = "not_movable"


class Bookings:
    """Writes appointments; each method is one transaction inside one deadline."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        on_change: OnChange | None = None,
        hold_ttl_s: float = HOLD_TTL_S,
        deadline_s: float = DEADLINE_S,
        actor: str = "agent",
    ) -> None:
        self._pool = pool
        self._on_change = on_change
        self._hold_ttl_s = hold_ttl_s
        self._deadline_s = deadline_s
        self._actor = actor

    async def hold(self, request: HoldRequest) -> BookingRow | None:
        """Hold the time in one of the bays; None: all of them are taken.

        The same `hold_id` again gives the same hold.

        Raises:
            ScheduleUnavailableError: the database failed, and the hold was not found afterwards.
        """

        async def place(conn: asyncpg.Connection) -> BookingRow | None:
            await conn.execute(_EXPIRE, request.start, request.bay_until)
            for bay_id in request.bay_ids:
                appointment_id = await conn.fetchval(
                    _INSERT,
                    request.customer_id,
                    request.vehicle_id,
                    request.service_code,
                    bay_id,
                    "held",
                    request.start,
                    request.bay_until,
                    request.hold_id,
                    self._hold_ttl_s,
                    request.call_sid or None,
                    None,
                )
                if appointment_id is not None:
                    await self._record(conn, appointment_id, "held", request.call_sid or None)
                    return await _one(conn, _SELECT_BY_ID, appointment_id)
            return await _one(conn, _SELECT_BY_HOLD, request.hold_id)

        try:
            return await self._write("hold", place)
        except ScheduleUnavailableError:
            found = await self.find(request.hold_id)
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
            row = await conn.fetchrow(_CONFIRM, hold_id)
            if row is not None:
                await self._record(conn, row["appointment_id"], "confirmed", row["call_sid"])
                await self._changed(conn, row["appointment_id"])
            return await _one(conn, _SELECT_BY_HOLD, hold_id)

        try:
            found = await self._write("confirm", swap)
        except ScheduleUnavailableError:
            found = await self.find(hold_id)
            if found is None or found.status == "held":
                raise
        return None if found is None or found.status in ("held", "cancelled") else found

    async def release(self, hold_id: UUID) -> None:
        """Give a hold back; a confirmed appointment or an unknown key is left alone.

        Raises:
            ScheduleUnavailableError: the database failed; the hold then expires by itself.
        """

        async def give_back(conn: asyncpg.Connection) -> None:
            row = await conn.fetchrow(_RELEASE, hold_id)
            if row is not None:
                await self._record(conn, row["appointment_id"], "released", row["call_sid"])

        await self._write("release", give_back)

    async def reschedule(self, request: MoveRequest) -> BookingRow | MoveRefusal:
        """Move a confirmed appointment, or say why it stays where it is.

        The old row is freed and the new one written in one transaction, so the customer has one
        appointment whatever happens, and may move into a time that overlaps their own.

        Raises:
            ScheduleUnavailableError: the database failed, and the move was not found done.
        """
        key = uuid5(RESCHEDULE_KEYS, f"{request.appointment_id} {request.start.timestamp():.0f}")

        async def move(conn: asyncpg.Connection) -> BookingRow | MoveRefusal:
            old = await conn.fetchrow(_LOCK, request.appointment_id, request.customer_id)
            found = None
            if old is not None and old["status"] == "confirmed":
                if old["starts"] != request.start:
                    return await self._replace(conn, old, request, key)
                found = await _one(conn, _SELECT_BY_ID, request.appointment_id)
            elif old is not None and old["status"] == "rescheduled":
                found = await _one(conn, _SELECT_BY_HOLD, key)
            if found is None or found.status != "confirmed":
                return MoveRefusal.NOT_MOVABLE
            return found

        try:
            return await self._write("reschedule", move)
        except _NoBayError:
            return MoveRefusal.TAKEN
        except ScheduleUnavailableError:
            moved = await self.find(key)
            if moved is not None and moved.status == "confirmed":
                return moved
            raise

    async def cancel(self, appointment_id: int, *, customer_id: int) -> BookingRow | None:
        """Cancel a customer's confirmed appointment; None: they have no such appointment.

        One that is cancelled already is returned as it is.

        Raises:
            ScheduleUnavailableError: the database failed, and it was not found cancelled.
        """

        async def strike(conn: asyncpg.Connection) -> BookingRow | None:
            row = await conn.fetchrow(_LOCK, appointment_id, customer_id)
            if row is None or row["status"] not in ("confirmed", "cancelled"):
                return None
            if row["status"] == "confirmed":
                await conn.execute(_SET_STATUS, appointment_id, "cancelled")
                await self._record(conn, appointment_id, "cancelled", row["call_sid"])
                await self._changed(conn, appointment_id)
            return await _one(conn, _SELECT_BY_ID, appointment_id)

        try:
            return await self._write("cancel", strike)
        except ScheduleUnavailableError:
            found = await self._read_one(_SELECT_BY_ID, appointment_id)
            if found is not None and (found.status, found.customer_id) == (
                "cancelled",
                customer_id,
            ):
                return found
            raise

    async def find(self, hold_id: UUID) -> BookingRow | None:
        """Look an appointment up by its idempotency key.

        Raises:
            ScheduleUnavailableError: the database failed.
        """
        return await self._read_one(_SELECT_BY_HOLD, hold_id)

    async def _write(
        self, action: str, work: Callable[[asyncpg.Connection], Awaitable[Result]]
    ) -> Result:
        return await in_transaction(self._pool, action, work, deadline_s=self._deadline_s)

    async def _read_one(self, query: str, key: UUID | int) -> BookingRow | None:
        async def look(conn: asyncpg.Connection) -> BookingRow | None:
            return await _one(conn, query, key)

        return await read(self._pool, "look up a booking", look, deadline_s=self._deadline_s)

    async def _replace(
        self, conn: asyncpg.Connection, old: asyncpg.Record, request: MoveRequest, key: UUID
    ) -> BookingRow:
        """Free the old row, write the new one; leaving by an error undoes both."""
        await conn.execute(_EXPIRE, request.start, request.bay_until)
        await conn.execute(_SET_STATUS, request.appointment_id, "rescheduled")
        for bay_id in request.bay_ids:
            new_id = await conn.fetchval(
                _INSERT,
                old["customer_id"],
                old["vehicle_id"],
                old["service_code"],
                bay_id,
                "confirmed",
                request.start,
                request.bay_until,
                key,
                None,
                old["call_sid"],
                request.appointment_id,
            )
            if new_id is not None:
                break
        else:
            raise _NoBayError
        detail = {"to": new_id, "start": request.start.isoformat()}
        await self._record(conn, request.appointment_id, "rescheduled", old["call_sid"], detail)
        detail = {"from": request.appointment_id}
        await self._record(conn, new_id, "confirmed", old["call_sid"], detail)
        await self._changed(conn, request.appointment_id)
        await self._changed(conn, new_id)
        moved = await _one(conn, _SELECT_BY_ID, new_id)
        assert moved is not None, "the row was written in this transaction"
        return moved

    async def _record(
        self,
        conn: asyncpg.Connection,
        appointment_id: int,
        event: str,
        call_sid: str | None,
        detail: dict[str, object] | None = None,
    ) -> None:
        text = json.dumps(detail or {})
        await conn.execute(_INSERT_EVENT, appointment_id, event, self._actor, call_sid, text)

    async def _changed(self, conn: asyncpg.Connection, appointment_id: int) -> None:
        if self._on_change is not None:
            await self._on_change(conn, appointment_id)


class _NoBayError(Exception):
    """Every bay is taken: raised to undo a move."""


async def _one(conn: asyncpg.Connection, query: str, key: UUID | int) -> BookingRow | None:
    row = await conn.fetchrow(query, key)
    if row is None:
        return None
    return BookingRow(
        appointment_id=row["appointment_id"],
        customer_id=row["customer_id"],
        vehicle_id=row["vehicle_id"],
        service_code=row["service_code"],
        service_name=row["service_name"],
        bay_name=row["bay_name"],
        start=row["starts"],
        end=row["ends"],
        status=row["status"],
        hold_id=row["hold_id"],
        hold_expires_at=row["hold_expires_at"],
        version=row["version"],
    )
