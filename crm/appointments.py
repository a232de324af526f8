"""Appointments as a customer sees them; booking them is the scheduler's work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import asyncpg

from crm.instants import require_aware

UPCOMING_MAX = 20

_UPCOMING = """
SELECT a.appointment_id, a.customer_id, a.vehicle_id, a.service_code, s.name AS service_name,
       b.name AS bay_name, coalesce(a.arrival_at, lower(a.during)) AS starts,
       upper(a.during) AS ends, a.status
  FROM appointments a
  JOIN services s ON s.code = a.service_code
  JOIN bays b USING (bay_id)
 WHERE a.customer_id = ANY($1::bigint[])
   AND a.status IN ('confirmed', 'checked_in', 'in_progress')
   AND upper(a.during) > $2
 ORDER BY starts, a.appointment_id
 LIMIT $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A booked visit; `start` and `end` in the shop's zone, `end` not included.

    The customer comes at `start`, which is before the work begins for a car that is dropped off.
    """

    appointment_id: int
    customer_id: int
    vehicle_id: int | None
    service_code: str
    service_name: str
    bay_name: str
    start: datetime
    end: datetime
    status: str


async def upcoming_of(
    connection: asyncpg.Connection, customer_ids: Sequence[int], *, now: datetime, zone: tzinfo
) -> tuple[Appointment, ...]:
    """Return what these customers have booked and is not over at `now`, the next first."""
    rows = await connection.fetch(
        _UPCOMING, customer_ids, require_aware(now, "now"), UPCOMING_MAX * max(1, len(customer_ids))
    )
    return tuple(
        Appointment(
            appointment_id=row["appointment_id"],
            customer_id=row["customer_id"],
            vehicle_id=row["vehicle_id"],
            service_code=row["service_code"],
            service_name=row["service_name"],
            bay_name=row["bay_name"],
            start=row["starts"].astimezone(zone),
            end=row["ends"].astimezone(zone),
            status=row["status"],
        )
        for row in rows
    )
