"""Moving an appointment: the old row is freed and its successor written in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import asyncpg

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
from scheduler.free_places import EXPIRED_AND_FREE

# Namespace of the keys that a move derives from what it moves, so that a repeat is found.
_KEYS = UUID("6f2c1f63-3c0b-4d5e-9a55-5a6e1b1d9d10")

_LOCK = """
SELECT appointment_id, status, coalesce(arrival_at, lower(during)) AS starts
FROM appointments
WHERE appointment_id = $1 AND customer_id = $2
FOR UPDATE
"""
_REPLACE = f"""
WITH {EXPIRED_AND_FREE}, old AS (
    UPDATE appointments SET status = 'rescheduled', version = version + 1, updated_at = now()
    WHERE appointment_id = $7 AND (SELECT count(*) FROM freed) >= 0
    RETURNING *
), placed AS (
    INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, technician_id, status,
                              during, hold_id, call_sid, rescheduled_from, arrival_at)
    SELECT o.customer_id, o.vehicle_id, o.service_code, f.bay_id, f.technician_id, 'confirmed',
           tstzrange($1, $2), $8::uuid, o.call_sid, o.appointment_id, $10
    FROM old o CROSS JOIN free f
    ORDER BY f.place
    ON CONFLICT DO NOTHING
    RETURNING *
), noted AS (
    INSERT INTO appointment_events (appointment_id, event, actor, call_sid, detail)
    SELECT appointment_id, 'hold_expired', 'scheduler', NULL, '{{}}' FROM freed
    UNION ALL
    SELECT o.appointment_id, 'rescheduled', $9, o.call_sid,
           jsonb_build_object('to', p.appointment_id, 'start', $1::timestamptz)
    FROM old o, placed p
    UNION ALL
    SELECT appointment_id, 'confirmed', $9, call_sid,
           jsonb_build_object('from', rescheduled_from)
    FROM placed
), {
    counted(
        " UNION ALL ".join(
            (
                labour_of("freed", "$5", sign="-"),
                labour_of("old", "$5", sign="-"),
                labour_of("placed", "$5"),
            )
        )
    )
}
SELECT {COLUMNS} FROM placed a {JOINED}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """Where to move an appointment of a customer: like a hold, for what is booked already."""

    appointment_id: int
    customer_id: int
    start: datetime
    bay_until: datetime
    bay_ids: Sequence[int]
    technician_ids: Sequence[int] = ()
    arrival_at: datetime | None = None


class MoveRefusal(StrEnum):
    """Why an appointment was not moved."""

    TAKEN = "taken"
    NOT_MOVABLE = "not_movable"


class NoPlaceError(Exception):
    """Every bay or every technician is taken: raised to undo a move."""


def key_of_move(request: MoveRequest) -> UUID:
    """Return the idempotency key of a move: the same for the same appointment and arrival."""
    arrival = request.arrival_at or request.start
    return uuid5(_KEYS, f"{request.appointment_id} {arrival.timestamp():.0f}")


async def move(
    conn: asyncpg.Connection, request: MoveRequest, *, zone: ZoneInfo, actor: str
) -> tuple[BookingRow | MoveRefusal, Sequence[int]]:
    """Move a confirmed appointment in a transaction; return also which appointments changed.

    Raises:
        NoPlaceError: the time is taken; the transaction has to be rolled back.
    """
    key = key_of_move(request)
    old = await conn.fetchrow(_LOCK, request.appointment_id, request.customer_id)
    found = None
    if old is not None and old["status"] == "confirmed":
        if old["starts"] != (request.arrival_at or request.start):
            placed = await _replace(conn, request, key, zone, actor)
            return placed, (request.appointment_id, placed.appointment_id)
        found = await one_booking(conn, SELECT_BY_ID, request.appointment_id)
    elif old is not None and old["status"] == "rescheduled":
        found = await one_booking(conn, SELECT_BY_HOLD, key)
    if found is None or found.status != "confirmed":
        return MoveRefusal.NOT_MOVABLE, ()
    return found, ()


async def _replace(
    conn: asyncpg.Connection, request: MoveRequest, key: UUID, zone: ZoneInfo, actor: str
) -> BookingRow:
    placed = await one_booking(
        conn,
        _REPLACE,
        request.start,
        request.bay_until,
        request.bay_ids,
        request.technician_ids,
        zone.key,
        request.start.astimezone(zone).date(),
        request.appointment_id,
        key,
        actor,
        request.arrival_at,
    )
    if placed is None:
        raise NoPlaceError
    return placed
