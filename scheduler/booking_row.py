"""An appointment as it stands in the database, and the pieces of SQL that every change shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

COLUMNS = """
a.appointment_id, a.customer_id, a.vehicle_id, a.service_code, s.name AS service_name,
b.name AS bay_name, t.name AS technician_name,
coalesce(a.arrival_at, lower(a.during)) AS starts, lower(a.during) AS work_starts,
least(upper(a.during), lower(a.during) + make_interval(mins => s.labour_minutes)) AS ends,
a.status, a.hold_id, a.hold_expires_at, a.version
"""
JOINED = """
JOIN services s ON s.code = a.service_code JOIN bays b ON b.bay_id = a.bay_id
LEFT JOIN technicians t ON t.technician_id = a.technician_id
"""
SELECT_BY_HOLD = f"SELECT {COLUMNS} FROM appointments a {JOINED} WHERE a.hold_id = $1"
SELECT_BY_ID = f"SELECT {COLUMNS} FROM appointments a {JOINED} WHERE a.appointment_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRow:
    """An appointment; instants are in UTC.

    The customer comes at `start`, the work begins at `work_start`, the labour is done at `end`.
    """

    appointment_id: int
    customer_id: int
    vehicle_id: int | None
    service_code: str
    service_name: str
    bay_name: str
    technician_name: str | None
    start: datetime
    work_start: datetime
    end: datetime
    status: str
    hold_id: UUID
    hold_expires_at: datetime | None
    version: int


def booking_row(row: asyncpg.Record) -> BookingRow:
    """Read a record with the columns of `COLUMNS`."""
    return BookingRow(
        appointment_id=row["appointment_id"],
        customer_id=row["customer_id"],
        vehicle_id=row["vehicle_id"],
        service_code=row["service_code"],
        service_name=row["service_name"],
        bay_name=row["bay_name"],
        technician_name=row["technician_name"],
        start=row["starts"],
        work_start=row["work_starts"],
        end=row["ends"],
        status=row["status"],
        hold_id=row["hold_id"],
        hold_expires_at=row["hold_expires_at"],
        version=row["version"],
    )


async def one_booking(
    conn: asyncpg.Connection, query: str, *arguments: object
) -> BookingRow | None:
    """Run a query for at most one appointment."""
    row = await conn.fetchrow(query, *arguments)
    return None if row is None else booking_row(row)


def labour_of(source: str, zone: str, *, sign: str = "") -> str:
    """Return a SELECT of (day, minutes): the labour of the appointments in a CTE, by local day.

    `zone` is the placeholder of the shop's zone; `sign` "-" gives the labour back.
    """
    return (
        f"SELECT (lower(x.during) AT TIME ZONE {zone})::date AS day,"
        f" {sign}s.labour_minutes AS minutes"
        f" FROM {source} x JOIN services s ON s.code = x.service_code"
    )


def counted(labour: str) -> str:
    """Return CTEs that add (day, minutes) rows to `day_capacity`, in the order of the days.

    It comes last in every statement, and the days are locked in one order: whoever waits for a
    day waits for somebody who has all else that they need. A day that would be too full violates
    `day_capacity_kept`, which undoes the statement.
    """
    return f"""
    delta AS (
        SELECT day, sum(minutes)::integer AS minutes FROM ({labour}) AS labour
        GROUP BY day HAVING sum(minutes) <> 0
    ), locked AS (
        SELECT day FROM day_capacity WHERE day IN (SELECT day FROM delta) ORDER BY day FOR UPDATE
    ), counted AS (
        UPDATE day_capacity d SET booked_minutes = greatest(0, d.booked_minutes + delta.minutes)
        FROM delta JOIN locked USING (day) WHERE d.day = delta.day
    )"""
