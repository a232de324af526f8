"""What was done on the cars of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg

HISTORY_MAX = 100

_OF_CUSTOMERS = """
SELECT h.history_id, h.customer_id, h.vehicle_id, h.on_date, s.name AS service_name,
       h.mileage, h.cost_cents
  FROM unnest($1::bigint[]) AS wanted (customer_id)
 CROSS JOIN LATERAL (
       SELECT * FROM service_history WHERE service_history.customer_id = wanted.customer_id
        ORDER BY on_date DESC, history_id DESC LIMIT $2) AS h
  JOIN services s ON s.code = h.service_code
 ORDER BY h.customer_id, h.on_date DESC, h.history_id DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One job on one car; `on_date` is a day at the shop."""

    history_id: int
    customer_id: int
    vehicle_id: int
    on_date: date
    service_name: str
    mileage: int
    cost_cents: int


async def visits_of(
    connection: asyncpg.Connection, customer_ids: Sequence[int], limit: int
) -> tuple[Visit, ...]:
    """Return the last `limit` jobs of each customer, 0 to 100, the latest of each first."""
    rows = await connection.fetch(_OF_CUSTOMERS, customer_ids, max(0, min(limit, HISTORY_MAX)))
    return tuple(Visit(**row) for row in rows)
