"""What a call has booked: for its report, and for whoever picks the call up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from crm.pool import connection_of

_BOOKINGS = """
SELECT a.appointment_id, b.name AS bay_name, coalesce(a.arrival_at, lower(a.during)) AS starts,
       a.status, a.calendar_event_id
  FROM appointments a
  JOIN bays b USING (bay_id)
 WHERE a.call_sid = $1
 ORDER BY a.appointment_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBooking:
    """One appointment that was made on the call; `calendar_event_id` is None until it is pushed."""

    appointment_id: int
    bay_name: str
    start: datetime
    status: str
    calendar_event_id: str | None


async def bookings_of_call(pool: asyncpg.Pool, call_sid: str) -> Sequence[CallBooking]:
    """Return what the call has booked, in order; times in UTC.

    Raises:
        DatabaseError: no answer in time.
    """
    async with connection_of(pool, "bookings_of_call") as connection:
        rows = await connection.fetch(_BOOKINGS, call_sid)
    return tuple(
        CallBooking(
            appointment_id=row["appointment_id"],
            bay_name=row["bay_name"],
            start=row["starts"],
            status=row["status"],
            calendar_event_id=row["calendar_event_id"],
        )
        for row in rows
    )
