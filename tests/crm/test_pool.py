from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from crm.errors import DatabaseError
from crm.pool import (
    check_health,
    close_pool,
    connection_of,
    open_pool,
    transaction_of,
    translated,
)
from voicecore.sandbox.postgres import EmbeddedPostgres


@asynccontextmanager
async def frozen(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Stop the connection's server process, as on a machine that hangs."""
    pid = connection.get_server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_frozen_server_costs_one_deadline_and_no_more(pool: asyncpg.Pool) -> None:
    begun = time.perf_counter()
    with pytest.raises(DatabaseError, match=r"0\.3 s") as caught:
        async with connection_of(pool, "look_up", deadline_s=0.3) as connection:
            begun = time.perf_counter()
            async with frozen(connection):
                await connection.fetchval("SELECT 1")
    assert caught.value.retryable
    assert caught.value.action == "look_up"
    assert time.perf_counter() - begun < 0.6


async def test_a_server_frozen_inside_a_transaction_costs_no_more(pool: asyncpg.Pool) -> None:
    begun = time.perf_counter()
    pid = 0
    with pytest.raises(DatabaseError):
        async with transaction_of(pool, "write", deadline_s=0.3) as connection:
            pid = connection.get_server_pid()
            os.kill(pid, signal.SIGSTOP)
            await connection.execute("INSERT INTO do_not_call (phone_e164) VALUES ('+13125550100')")
    assert time.perf_counter() - begun < 0.6
    os.kill(pid, signal.SIGCONT)
    assert await pool.fetchval("SELECT count(*) FROM do_not_call") == 0


async def test_a_missed_deadline_leaves_the_pool_whole(pool: asyncpg.Pool) -> None:
    for _ in range(2 * pool.get_max_size()):
        with pytest.raises(DatabaseError):
            async with connection_of(pool, "slow", deadline_s=0.05) as connection:
                await connection.execute("SELECT pg_sleep(5)")
    async with connection_of(pool, "quick") as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_waiting_for_a_connection_counts(pool: asyncpg.Pool) -> None:
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    with pytest.raises(DatabaseError):
        async with connection_of(pool, "crowded", deadline_s=0.05):
            pytest.fail("there was a fifth connection")
    for connection in held:
        await pool.release(connection)


async def test_a_cancelled_caller_stays_cancelled(pool: asyncpg.Pool) -> None:
    async def sleep() -> None:
        async with transaction_of(pool, "sleep") as connection:
            await connection.execute("SELECT pg_sleep(30)")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(sleep())
        await asyncio.sleep(0.05)
        task.cancel()
    assert task.cancelled()
    assert await pool.fetchval("SELECT 1") == 1


async def test_a_block_that_fails_rolls_back_and_raises_its_own_error(pool: asyncpg.Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction_of(pool, "write") as connection:
            await connection.execute("INSERT INTO do_not_call (phone_e164) VALUES ('+13125550100')")
            raise ZeroDivisionError
    assert await pool.fetchval("SELECT count(*) FROM do_not_call") == 0


async def test_a_violated_constraint_comes_through_and_rolls_back(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        async with transaction_of(pool, "write") as connection:
            await connection.execute("INSERT INTO do_not_call (phone_e164) VALUES ('+13125550100')")
            await connection.execute("INSERT INTO do_not_call (phone_e164) VALUES ('nobody')")
    assert await pool.fetchval("SELECT count(*) FROM do_not_call") == 0


async def test_a_refused_statement_is_not_worth_repeating(pool: asyncpg.Pool) -> None:
    with pytest.raises(DatabaseError, match="42601") as caught:
        async with connection_of(pool, "nonsense") as connection:
            await connection.execute("SELEKT 1")
    assert not caught.value.retryable


async def test_a_value_of_the_wrong_type_is_not_worth_repeating(pool: asyncpg.Pool) -> None:
    with pytest.raises(DatabaseError) as caught:
        async with connection_of(pool, "nonsense") as connection:
            await connection.fetchval("SELECT $1::int", 2**40)
    assert not caught.value.retryable


async def test_no_transaction_leaks_from_one_borrower_to_the_next(crm_dsn: str) -> None:
    pool = await open_pool(crm_dsn, max_size=1)
    async with connection_of(pool, "careless") as connection:
        await connection.execute("BEGIN; INSERT INTO do_not_call VALUES ('+13125550100')")
    async with connection_of(pool, "next") as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM do_not_call") == 0
    await close_pool(pool)


async def test_the_pool_works_without_named_statements(crm_dsn: str) -> None:
    pool = await open_pool(crm_dsn, max_size=1, statement_cache_size=0)
    async with connection_of(pool, "twice") as connection:
        for _ in range(2):
            assert await connection.fetchval("SELECT $1::int", 7) == 7
        assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
    await close_pool(pool)


async def test_health_tells_a_live_database_from_a_dead_one() -> None:
    with EmbeddedPostgres(durable=False) as server:
        pool = await open_pool(server.dsn(), max_size=3)
        alive = await check_health(pool)
        assert alive.ok
        assert alive.latency_ms is not None
        assert (alive.connections, alive.limit) == (1, 3)
        server.kill()
        dead = await check_health(pool)
        assert not dead.ok
        assert dead.latency_ms is None
        with pytest.raises(DatabaseError) as caught:
            async with connection_of(pool, "look_up"):
                pytest.fail("there is no server")
        assert caught.value.retryable
        server.start()
        assert (await check_health(pool, deadline_s=2)).ok
        await close_pool(pool)


async def test_a_pool_closes_in_time_although_a_connection_is_busy(crm_dsn: str) -> None:
    pool = await open_pool(crm_dsn)
    connection = await pool.acquire()
    begun = time.perf_counter()
    await close_pool(pool, grace_s=0.1)
    assert time.perf_counter() - begun < 1
    with pytest.raises(asyncpg.InterfaceError):
        await connection.fetchval("SELECT 1")


async def test_a_database_that_cannot_be_reached_is_a_typed_error() -> None:
    with pytest.raises(DatabaseError) as caught:
        await open_pool("postgresql://nobody@127.0.0.1:9/nothing")
    assert caught.value.retryable


async def test_what_the_driver_calls_internal_is_worth_another_try() -> None:
    with pytest.raises(DatabaseError) as caught:
        async with translated("look"):
            raise asyncpg.InternalClientError("cannot switch to state 12")
    assert (caught.value.reason, caught.value.retryable) == ("InternalClientError", True)
