"""What the database says about the shop: services, bays, hours, and the times that are taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg

from scheduler.slots import Bay, OpeningHours, Shop, Taken, Work

_SERVICES = """
SELECT code, name, labour_minutes, buffer_minutes, bay_type, price_cents FROM services
WHERE active ORDER BY name
"""
_SERVICE = """
SELECT code, name, labour_minutes, buffer_minutes, bay_type, price_cents FROM services
WHERE active AND code = $1
"""
_BAYS = "SELECT bay_id, name, bay_type FROM bays WHERE active ORDER BY bay_id"
_HOURS = "SELECT weekday, opens, closes FROM opening_hours ORDER BY weekday, opens"
# A closure without end is cut off at the edges that were asked for.
_TAKEN = """
SELECT lower(during) AS starts, upper(during) AS ends, bay_id FROM appointments
WHERE during && tstzrange($1, $2) AND appointment_id <> $3
  AND (status IN ('confirmed', 'checked_in', 'in_progress')
       OR (status = 'held' AND hold_expires_at > now()))
UNION ALL
SELECT lower(during * tstzrange($1, $2)), upper(during * tstzrange($1, $2)), bay_id FROM closures
WHERE during && tstzrange($1, $2)
"""
NOBODY = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Something the shop does; `labour_minutes` is what the customer waits for."""

    code: str
    name: str
    labour_minutes: int
    buffer_minutes: int
    bay_type: str
    price_cents: int

    @property
    def work(self) -> Work:
        """What it takes of a bay."""
        return Work(self.bay_type, self.labour_minutes, self.buffer_minutes)


async def load_services(conn: asyncpg.Connection) -> tuple[Service, ...]:
    """Return the services on offer, by name."""
    return tuple(Service(**dict(row)) for row in await conn.fetch(_SERVICES))


async def load_service(conn: asyncpg.Connection, code: str) -> Service | None:
    """Return one service that is on offer."""
    row = await conn.fetchrow(_SERVICE, code)
    return None if row is None else Service(**dict(row))


async def load_shop(conn: asyncpg.Connection, zone: ZoneInfo) -> Shop:
    """Return the active bays and the opening hours."""
    bays = tuple(Bay(**dict(row)) for row in await conn.fetch(_BAYS))
    hours = tuple(OpeningHours(**dict(row)) for row in await conn.fetch(_HOURS))
    return Shop(zone=zone, hours=hours, bays=bays)


async def load_taken(
    conn: asyncpg.Connection, since: datetime, until: datetime, *, except_id: int = NOBODY
) -> tuple[Taken, ...]:
    """Return bookings, live holds and closures that touch [since, until).

    `except_id` leaves out one appointment: the one that is to be moved.
    """
    rows = await conn.fetch(_TAKEN, since, until, except_id)
    return tuple(Taken(row["starts"], row["ends"], row["bay_id"]) for row in rows)
