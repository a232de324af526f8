"""What was done on the cars of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg

from crm.instants import require_day

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
_SPENT_BY_CUSTOMERS = """
SELECT customer_id AS owner_id, count(*) AS jobs, sum(cost_cents) AS cents, max(on_date) AS latest
  FROM service_history
 WHERE customer_id = ANY($1::bigint[]) AND on_date >= $2
 GROUP BY customer_id ORDER BY customer_id
"""
_SPENT_ON_VEHICLES = """
SELECT vehicle_id AS owner_id, count(*) AS jobs, sum(cost_cents) AS cents, max(on_date) AS latest
  FROM service_history
 WHERE vehicle_id = ANY($1::bigint[]) AND on_date >= $2
 GROUP BY vehicle_id ORDER BY vehicle_id
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What was paid by one customer, or for one car, whichever `owner_id` names; never no jobs."""

    owner_id: int
    jobs: int
    cents: int
    latest: date


async def visits_of(
    connection: asyncpg.Connection, customer_ids: Sequence[int], limit: int
) -> tuple[Visit, ...]:
    """Return the last `limit` jobs of each customer, 0 to 100, the latest of each first."""
    rows = await connection.fetch(_OF_CUSTOMERS, customer_ids, max(0, min(limit, HISTORY_MAX)))
    return tuple(Visit(**row) for row in rows)


async def spent_by_customers(
    connection: asyncpg.Connection, customer_ids: Sequence[int], *, since: date = date.min
) -> tuple[Spend, ...]:
    """Return what each customer spent from the day `since` on; who spent nothing is left out.

    Raises:
        InputError: `since` is an instant; a job has a day at the shop.
    """
    rows = await connection.fetch(_SPENT_BY_CUSTOMERS, customer_ids, require_day(since, "since"))
    return tuple(Spend(**row) for row in rows)


async def spent_on_vehicles(
    connection: asyncpg.Connection, vehicle_ids: Sequence[int], *, since: date = date.min
) -> tuple[Spend, ...]:
    """Return what was spent on each car, as `spent_by_customers`.

    Raises:
        InputError: `since` is an instant; a job has a day at the shop.
    """
    rows = await connection.fetch(_SPENT_ON_VEHICLES, vehicle_ids, require_day(since, "since"))
    return tuple(Spend(**row) for row in rows)
