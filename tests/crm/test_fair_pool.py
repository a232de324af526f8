"""Whoever waits for a connection is served in turn."""

from __future__ import annotations

import asyncio

import asyncpg

from crm.fair_pool import turn_in
from crm.pool import close_pool, connection_of, open_pool


async def test_those_who_wait_are_served_in_the_order_in_which_they_came(
    postgres_dsn: str,
) -> None:
    pool = await open_pool(postgres_dsn, max_size=1)
    served: list[int] = []

    async def ask(number: int) -> None:
        async with connection_of(pool, "ask", deadline_s=10) as connection:
            served.append(number)
            await connection.fetchval("SELECT pg_sleep(0.001)")
        if number < 20:
            # Back at once: without a queue it would overtake those who wait already.
            await ask(number + 100)

    try:
        await asyncio.gather(*(ask(number) for number in range(20)))
    finally:
        await close_pool(pool)
    assert served == [*range(20), *range(100, 120)]


async def test_a_pool_of_asyncpg_s_own_knows_no_turns(postgres_dsn: str) -> None:
    async with asyncpg.create_pool(postgres_dsn, min_size=1, max_size=1) as pool, turn_in(pool):
        assert await pool.fetchval("SELECT 1") == 1
