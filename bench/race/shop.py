"""A shop that is too small for its callers, written into an empty database."""

from __future__ import annotations

import asyncpg

from bench.race.plan import CLOSES, OPENS, RacePlan
from crm.migrate import migrate
from crm.pool import close_pool, open_pool
from scheduler.jobs import JobQueue

BAY_TYPE = "lift"
SKILL = "maintenance"
# Code, labour and buffer in minutes: lengths that overlap each other's grid in every way.
SERVICES = (("short", 30, 0), ("middle", 60, 15), ("long", 120, 15))
SERVICE_CODES = tuple(code for code, _, _ in SERVICES)
# Share of the technicians' time that a day gives out; some days are full before the bays are.
CAPACITY_SHARES = (0.6, 1.0, 0.8)

_CUSTOMERS = """
INSERT INTO customers (customer_id, first_name, last_name)
SELECT number, 'Caller', 'Number ' || number FROM generate_series(1, $1::bigint) number
"""
_SERVICE = """
INSERT INTO services (code, name, labour_minutes, buffer_minutes, bay_type, skill, price_cents)
VALUES ($1, $1, $2, $3, $4, $5, 1000)
"""
_BAY = "INSERT INTO bays (bay_id, name, bay_type) VALUES ($1, $2, $3)"
_TECHNICIAN = "INSERT INTO technicians (technician_id, name) VALUES ($1, $2)"
_SKILL = "INSERT INTO technician_skills (technician_id, skill) VALUES ($1, $2)"
_SHIFT = """
INSERT INTO technician_shifts (technician_id, weekday, starts, ends)
SELECT $1, weekday, $2, $3 FROM generate_series(1, 7) weekday
"""
_HOURS = """
INSERT INTO opening_hours (weekday, opens, closes)
SELECT weekday, $1, $2 FROM generate_series(1, 7) weekday
"""
_CLOSED = """
INSERT INTO closures (during, reason)
VALUES (tstzrange(NULL, $1), 'before the race'), (tstzrange($2, NULL), 'after the race')
"""
_CAPACITY = "INSERT INTO day_capacity (day, labour_minutes) VALUES ($1, $2)"
_EXCLUSIONS = """
SELECT conname FROM pg_constraint WHERE conrelid = 'appointments'::regclass AND contype = 'x'
"""


async def open_shop(dsn: str, plan: RacePlan) -> None:
    """Make the tables, and write bays, people, hours and capacity.

    Raises:
        DatabaseError: the database failed.
    """
    await migrate(dsn)
    pool = await open_pool(dsn, max_size=1)
    try:
        await JobQueue(pool).install()
        async with pool.acquire() as conn, conn.transaction():
            await _write(conn, plan)
            if plan.without_constraint:
                await _drop_exclusions(conn)
    finally:
        await close_pool(pool)


async def _write(conn: asyncpg.Connection, plan: RacePlan) -> None:
    await conn.execute(_CUSTOMERS, plan.customers)
    await conn.executemany(_SERVICE, [(*service, BAY_TYPE, SKILL) for service in SERVICES])
    bays = range(1, plan.bays + 1)
    await conn.executemany(_BAY, [(number, f"Bay {number}", BAY_TYPE) for number in bays])
    people = range(1, plan.technicians + 1)
    await conn.executemany(_TECHNICIAN, [(number, f"Technician {number}") for number in people])
    await conn.executemany(_SKILL, [(number, SKILL) for number in people])
    await conn.executemany(_SHIFT, [(number, OPENS, CLOSES) for number in people])
    await conn.execute(_HOURS, OPENS, CLOSES)
    # Else the losers would all go to the days after it.
    await conn.execute(_CLOSED, *plan.window)
    minutes = plan.technicians * (CLOSES.hour - OPENS.hour) * 60
    shares = [CAPACITY_SHARES[number % len(CAPACITY_SHARES)] for number in range(plan.days)]
    await conn.executemany(
        _CAPACITY,
        [(plan.day(number), int(minutes * share)) for number, share in enumerate(shares)],
    )


async def _drop_exclusions(conn: asyncpg.Connection) -> None:
    for row in await conn.fetch(_EXCLUSIONS):
        await conn.execute(f'ALTER TABLE appointments DROP CONSTRAINT "{row["conname"]}"')
