"""One appointment as its customer may see it without saying who they are: time and service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from crm.pool import connection_of

_FIND = """
SELECT a.appointment_id, s.name AS service_name, coalesce(a.arrival_at, lower(a.during)) AS start,
       upper(a.during) AS end, a.version,
       a.status IN ('confirmed', 'checked_in', 'in_progress', 'done') AS is_on
  FROM appointments a JOIN services s ON s.code = a.service_code
 WHERE a.appointment_id = $1 AND a.status <> 'held'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCard:
    """When to come, and for what; `is_on` is False for what was cancelled or moved."""

    appointment_id: int
    service_name: str
    start: datetime
    end: datetime
    version: int
    is_on: bool


async def visit_card(pool: asyncpg.Pool, appointment_id: int) -> VisitCard | None:
    """Return an appointment's card; None: there is none.

    Raises:
        DatabaseError: no answer in time.
    """
    if appointment_id >= 2**63:
        return None
    async with connection_of(pool, "visit_card") as connection:
        row = await connection.fetchrow(_FIND, appointment_id)
    return None if row is None else VisitCard(**row)
