"""The full dataset on servers of the bench's own, and what a caller may ask for."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from crm.cache import CustomerCache
from crm.cache_link import open_cache_redis
from crm.cached_directory import CachedDirectory
from crm.dataset.load import seed_database
from crm.directory import CrmDirectory
from crm.migrate import migrate
from crm.pool import close_pool, open_pool
from scheduler.cache_invalidation import invalidating
from scheduler.desk import ServiceDesk
from voicecore.sandbox.postgres import EmbeddedPostgres
from voicecore.sandbox.redis import EmbeddedRedis

ZONE = ZoneInfo("America/Chicago")
TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, 5, tzinfo=ZONE)
SEED = 1
SAMPLE = 1000

# The order by a hash is the same in every run, and none of the tables'.
_NUMBERS = "SELECT phone_e164 FROM customer_phones ORDER BY md5(phone_e164) LIMIT $1"
_CARS = "SELECT customer_id, vehicle_id, vin, plate FROM vehicles ORDER BY md5(vin) LIMIT $1"
_NAMES = "SELECT last_name, first_name FROM customers ORDER BY md5(customer_id::text) LIMIT $1"
_COUNTS = ("customers", "vehicles", "appointments", "service_history")


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """A car that a caller asks about."""

    customer_id: int
    vehicle_id: int
    vin: str
    plate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What the operations of the bench run on."""

    pool: asyncpg.Pool
    plain: CrmDirectory
    cached: CachedDirectory
    cache: CustomerCache
    desk: ServiceDesk
    numbers: tuple[str, ...]
    cars: tuple[Car, ...]
    names: tuple[tuple[str, str], ...]
    facts: dict[str, Any]


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    """Start the servers, make and load the dataset, and open everything as a worker does."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(durable=False))
        redis = stack.enter_context(EmbeddedRedis())
        dsn = postgres.dsn()
        await migrate(dsn)
        begun = time.perf_counter()
        await seed_database(dsn, TODAY, ZONE, seed=SEED)
        seeded_s = time.perf_counter() - begun
        pool = await open_pool(dsn)
        stack.push_async_callback(close_pool, pool)
        client = open_cache_redis(redis.url)
        stack.push_async_callback(client.aclose)
        cache = CustomerCache(client, zone=ZONE, clock=_now)
        plain = CrmDirectory(pool, zone=ZONE, clock=_now)
        yield Shop(
            pool=pool,
            plain=plain,
            cached=CachedDirectory(plain, cache, pool=pool),
            cache=cache,
            desk=ServiceDesk(pool, zone=ZONE, on_change=invalidating(cache), clock=_now),
            numbers=tuple(row["phone_e164"] for row in await pool.fetch(_NUMBERS, SAMPLE)),
            cars=tuple(Car(**row) for row in await pool.fetch(_CARS, SAMPLE)),
            names=tuple(tuple(row) for row in await pool.fetch(_NAMES, SAMPLE)),
            facts={
                "seed_s": seeded_s,
                "rows": {
                    table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in _COUNTS
                },
                "postgres": await pool.fetchval("SHOW server_version"),
                "redis": redis.kind + " " + (await client.info("server"))["redis_version"],
                "pool_connections": pool.get_max_size(),
            },
        )


def shuffled(seed: int) -> random.Random:
    """Return a source of chance that is the same in every run."""
    return random.Random(SEED * 1000 + seed)


def _now() -> datetime:
    return NOW
