"""A shop with a canary in every row that is not Maria's, and a look at all those rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from crm.cache import CustomerCache
from crm.cache_link import open_cache_redis
from crm.cached_directory import CachedDirectory
from crm.caller_records import CallerRecord
from crm.demo_people import MARIA, PEOPLE
from crm.directory import CrmDirectory
from crm.pool import close_pool, connection_of, open_pool
from crm.seed import seed_demo
from crm.workshop import CrmWorkshop, propose_estimate
from scheduler.desk import ServiceDesk

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 10, tzinfo=ZONE)
CANARY = "Canary"
FOREIGN = PEOPLE[1:]
OWNED = (
    "customers",
    "customer_phones",
    "vehicles",
    "appointments",
    "service_history",
    "customer_notes",
)

_PLANT = f"""
UPDATE customers SET first_name = '{CANARY}' || customer_id,
       email = '{CANARY}' || customer_id || '@example.com' WHERE customer_id <> 1;
UPDATE vehicles SET model = '{CANARY}' || vehicle_id WHERE customer_id <> 1;
UPDATE appointments SET notes = '{CANARY}' WHERE customer_id <> 1;
UPDATE service_history SET notes = '{CANARY}' WHERE customer_id <> 1;
INSERT INTO customer_notes (customer_id, author, text)
SELECT customer_id, 'staff', '{CANARY} note' FROM customers WHERE customer_id <> 1
"""
_APPOINTMENTS = """
SELECT appointment_id, customer_id, hold_id::text AS hold_id FROM appointments
 WHERE status = 'confirmed' ORDER BY appointment_id
"""
_TO_THE_WORKSHOP = "UPDATE appointments SET status = 'in_progress' WHERE appointment_id = $1"
_OWN_BOOKING = """
INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, status, during)
SELECT 1, 1, 'oil_change', 1, 'confirmed', tstzrange(start, start + interval '45 minutes')
  FROM (SELECT $1::timestamptz) AS at (start)
"""
_ESTIMATES = "SELECT event_id FROM appointment_events WHERE event = 'estimate' ORDER BY event_id"
_FOREIGN_ROWS = " UNION ALL ".join(
    [
        *(
            f"SELECT '{table}', x::text FROM {table} x WHERE customer_id = ANY($1)"
            for table in OWNED
        ),
        "SELECT 'events', e::text FROM appointment_events e JOIN appointments a"
        " USING (appointment_id) WHERE a.customer_id = ANY($1)",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryShop:
    """The parts that the tools work on, and what an attacker has found out.

    `spied` are the records of everybody else as they were before the canaries: what holds a canary
    has been read from a foreign row after that.
    """

    pool: asyncpg.Pool
    directory: CachedDirectory
    schedule: ServiceDesk
    workshop: CrmWorkshop
    maria: CallerRecord
    spied: tuple[CallerRecord, ...]
    owner_of: dict[int, int]
    holds: tuple[str, ...]
    estimates: tuple[int, ...]

    async def foreign_rows(self) -> frozenset[tuple[str, str]]:
        """Return every row of somebody else as text; new customers are nobody else."""
        others = [person.customer_id for person in FOREIGN]
        async with connection_of(self.pool, "foreign rows", deadline_s=20) as connection:
            return frozenset(
                (row[0], row[1]) for row in await connection.fetch(_FOREIGN_ROWS, others)
            )


@asynccontextmanager
async def open_canary_shop(dsn: str, redis_url: str) -> AsyncIterator[CanaryShop]:
    """Fill a migrated database and a Redis of this run's own, the cache with every number in it."""
    async with AsyncExitStack() as stack:
        pool = await open_pool(dsn, max_size=2)
        stack.push_async_callback(close_pool, pool)
        redis = open_cache_redis(redis_url)
        stack.push_async_callback(redis.aclose)
        cache = CustomerCache(redis, zone=ZONE)
        directory = CachedDirectory(
            CrmDirectory(pool, zone=ZONE, clock=lambda: NOW), cache, pool=pool
        )
        async with pool.acquire() as connection:
            await seed_demo(connection, NOW)
            for days in (20, 21):
                await connection.execute(_OWN_BOOKING, NOW + timedelta(days=days))
            bookings = await connection.fetch(_APPOINTMENTS)
            own = [row["appointment_id"] for row in bookings if row["customer_id"] == 1]
            busy = [own[0], *(row["appointment_id"] for row in bookings if row[1] != 1)][:6]
            for number in busy:
                await connection.execute(_TO_THE_WORKSHOP, number)
                work = "Brake pads" if number == own[0] else f"{CANARY} work"
                await propose_estimate(
                    connection, number, work=work, price_cents=28900, actor="staff"
                )
            estimates = await connection.fetch(_ESTIMATES)
        spied = [record for person in FOREIGN for record in await _records(pool, person.phone_e164)]
        async with pool.acquire() as connection:
            await connection.execute(_PLANT)
        for person in PEOPLE:
            await directory.find_by_phone(person.phone_e164)
        (maria,) = await directory.find_by_phone(MARIA.phone_e164)
        yield CanaryShop(
            pool=pool,
            directory=directory,
            schedule=ServiceDesk(pool, zone=ZONE, clock=lambda: NOW),
            workshop=CrmWorkshop(pool),
            maria=maria,
            spied=tuple(spied),
            owner_of={row["appointment_id"]: row["customer_id"] for row in bookings},
            holds=tuple(row["hold_id"] for row in bookings if row["hold_id"]),
            estimates=tuple(row["event_id"] for row in estimates),
        )


async def _records(pool: asyncpg.Pool, phone_e164: str) -> Sequence[CallerRecord]:
    return await CrmDirectory(pool, zone=ZONE, clock=lambda: NOW).find_by_phone(phone_e164)
