"""The cars of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from crm.plate import plate_shape
from crm.vin import VIN_LENGTH, vin_characters

VIN_TAIL_LENGTH = 8
# More cars than this on one plate or one tail of a VIN identify nothing.
FOUND_MAX = 20

_COLUMNS = "vehicle_id, customer_id, year, make, model, plate, vin, mileage"
_OF_CUSTOMERS = f"""
SELECT {_COLUMNS} FROM vehicles
 WHERE customer_id = ANY($1::bigint[]) ORDER BY customer_id, year DESC, vehicle_id
"""
_BY_VIN = f"SELECT {_COLUMNS} FROM vehicles WHERE vin = $1"
_BY_VIN_TAIL = f"""
SELECT {_COLUMNS} FROM vehicles WHERE right(vin, 8) = $1 ORDER BY vehicle_id LIMIT $2
"""
# The folding is that of `plate_shape`, and the index is on the same expression.
_BY_PLATE = f"""
SELECT {_COLUMNS} FROM vehicles
 WHERE translate(plate, 'OQIBSZ', '001852') = $1
 ORDER BY plate = $2 DESC, vehicle_id LIMIT $3
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


async def vehicles_by_vin(connection: asyncpg.Connection, vin: str) -> tuple[Vehicle, ...]:
    """Return the car with this VIN, or those whose VIN ends with these 8 characters; at most 20.

    Blanks, hyphens and case do not count, and I, O and Q are read as 1 and 0. Any other length
    than 17 or 8 finds nothing.
    """
    code = vin_characters(vin)
    if len(code) == VIN_LENGTH:
        rows = await connection.fetch(_BY_VIN, code)
    elif len(code) == VIN_TAIL_LENGTH:
        rows = await connection.fetch(_BY_VIN_TAIL, code, FOUND_MAX)
    else:
        return ()
    return tuple(Vehicle(**row) for row in rows)


async def vehicles_by_plate(connection: asyncpg.Connection, plate: str) -> tuple[Vehicle, ...]:
    """Return the cars with this plate, then those whose plate looks alike; at most 20.

    Alike are 0/O/Q, 1/I, 8/B, 5/S and 2/Z; blanks, hyphens and case do not count.
    """
    shape = plate_shape(plate)
    if not shape:
        return ()
    code = "".join(char for char in plate.upper() if char.isascii() and char.isalnum())
    rows = await connection.fetch(_BY_PLATE, shape, code, FOUND_MAX)
    return tuple(Vehicle(**row) for row in rows)
