"""The cars of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

_OF_CUSTOMERS = """
SELECT vehicle_id, customer_id, year, make, model, plate, vin, mileage FROM vehicles
 WHERE customer_id = ANY($1::bigint[]) ORDER BY customer_id, year DESC, vehicle_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A car; `mileage` in miles as last read in the shop."""

    vehicle_id: int
    customer_id: int
    year: int
    make: str
    model: str
    plate: str | None
    vin: str
    mileage: int


async def vehicles_of(
    connection: asyncpg.Connection, customer_ids: Sequence[int]
) -> tuple[Vehicle, ...]:
    """Return the cars of these customers, the newest model year of each first."""
    rows = await connection.fetch(_OF_CUSTOMERS, customer_ids)
    return tuple(Vehicle(**row) for row in rows)
