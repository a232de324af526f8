"""What is booked, moved or cancelled shows in the next look-up, on every worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from crm.cache import CustomerCache
from crm.cached_directory import CachedDirectory
from crm.directory import CrmDirectory
from scheduler.cache_invalidation import invalidating
from scheduler.desk import ServiceDesk
from scheduler.transaction import after_commit, in_transaction
from tests.crm.cache_rig import cache_on, frozen, looking, timed
from tests.scheduler.conftest import NINE, NOW, ZONE, ShopFloor
from voicecore.sandbox.redis import EmbeddedRedis

PHONES = ("+13125550101", "+13125550102")
SHARED = "+13125550103"


@pytest.fixture
async def caches(redis_url: str) -> AsyncIterator[tuple[CustomerCache, CustomerCache]]:
    async with cache_on(redis_url, lambda: NOW) as one, cache_on(redis_url, lambda: NOW) as two:
        yield one, two


@pytest.fixture
async def workers(
    floor: ShopFloor, caches: tuple[CustomerCache, CustomerCache]
) -> list[tuple[CachedDirectory, ServiceDesk]]:
    """Two workers; customer 1 has two numbers and shares a third with customer 2."""
    for customer_id, phone in ((1, PHONES[0]), (1, PHONES[1]), (1, SHARED), (2, SHARED)):
        await floor.pool.execute(
            "INSERT INTO customer_phones (customer_id, phone_e164) VALUES ($1, $2)",
            customer_id,
            phone,
        )
    return [
        (
            CachedDirectory(
                CrmDirectory(floor.pool, zone=ZONE, clock=lambda: NOW), cache, pool=floor.pool
            ),
            floor.desk(on_change=invalidating(cache)),
        )
        for cache in caches
    ]


async def booked(worker: CachedDirectory, phone: str, customer_id: int = 1) -> list[int]:
    return [
        item.appointment_id
        for record in await worker.find_by_phone(phone)
        for item in record.upcoming
        if record.customer.customer_id == customer_id
    ]


async def test_booking_moving_and_cancelling_show_at_once_under_every_number(
    floor: ShopFloor, workers: list[tuple[CachedDirectory, ServiceDesk]]
) -> None:
    (one, desk), (two, _) = workers
    numbers = (*PHONES, SHARED)

    async def seen() -> list[list[int]]:
        return [await booked(worker, phone) for worker in (one, two) for phone in numbers]

    assert await seen() == [[]] * 6
    made = await floor.book(desk)
    assert await seen() == [[made.appointment_id]] * 6
    later = NINE + timedelta(hours=2)
    moved = await desk.reschedule(made.appointment_id, start=later, customer_id=1)
    assert moved.appointment is not None
    assert await seen() == [[moved.appointment.appointment_id]] * 6
    await desk.cancel(moved.appointment.appointment_id, customer_id=1)
    assert await seen() == [[]] * 6


async def test_on_change_of_the_caller_runs_first_and_in_the_same_transaction(
    floor: ShopFloor, caches: tuple[CustomerCache, CustomerCache]
) -> None:
    seen: list[tuple[int, bool]] = []

    async def also(conn: asyncpg.Connection, appointment_id: int) -> None:
        seen.append((appointment_id, conn.is_in_transaction()))

    made = await floor.book(floor.desk(on_change=invalidating(caches[0], also)))
    assert seen == [(made.appointment_id, True)]


async def test_the_tombstone_is_there_before_the_commit_and_gone_after(
    floor: ShopFloor,
    workers: list[tuple[CachedDirectory, ServiceDesk]],
    caches: tuple[CustomerCache, CustomerCache],
    redis_url: str,
) -> None:
    made = await floor.book(workers[0][1])
    async with looking(redis_url) as look:
        change = invalidating(caches[0])

        async def work(conn: asyncpg.Connection) -> None:
            await change(conn, made.appointment_id)
            for phone in (*PHONES, SHARED):
                assert (await look.get(f"customer:{phone}") or "").startswith("T")

        await in_transaction(floor.pool, "test", work, deadline_s=5)
        assert await look.keys("customer:*") == []


async def test_a_number_that_is_just_being_added_is_waited_for(
    floor: ShopFloor,
    workers: list[tuple[CachedDirectory, ServiceDesk]],
    caches: tuple[CustomerCache, CustomerCache],
) -> None:
    """Otherwise the booking would not know that its customer is found under one more number."""
    made = await floor.book(workers[0][1])
    number = "+13125550109"
    marked: list[str] = []

    async def work(conn: asyncpg.Connection) -> None:
        await invalidating(caches[0])(conn, made.appointment_id)
        rows = await conn.fetch("SELECT phone_e164 FROM customer_phones WHERE customer_id = 1")
        marked.extend(row["phone_e164"] for row in rows)

    async with floor.pool.acquire() as other, asyncio.TaskGroup() as group:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("UPDATE customers SET version = version + 1 WHERE customer_id = 1")
        await other.execute(
            "INSERT INTO customer_phones (customer_id, phone_e164) VALUES (1, $1)", number
        )
        booking = group.create_task(in_transaction(floor.pool, "test", work, deadline_s=5))
        await asyncio.sleep(0.1)
        assert not booking.done()
        await transaction.commit()
    assert number in marked


async def test_a_frozen_redis_costs_a_booking_50_ms_and_not_the_booking(floor: ShopFloor) -> None:
    with EmbeddedRedis() as server:
        async with cache_on(server.url, budget_s=0.03) as cache:
            desk = floor.desk(on_change=invalidating(cache))
            await floor.pool.execute(
                "INSERT INTO customer_phones (customer_id, phone_e164) VALUES (1, $1)", PHONES[0]
            )
            await floor.book(desk)
            with frozen(server):
                cost_ms = await timed(floor.book(desk, NINE + timedelta(hours=2)))
                assert cache.is_bypassed
            assert cost_ms < 50 + 100  # the booking itself
            directory = CachedDirectory(
                CrmDirectory(floor.pool, zone=ZONE, clock=lambda: NOW), cache, pool=floor.pool
            )
            assert len(await booked(directory, PHONES[0])) == 2


async def test_after_a_rollback_nothing_is_called(floor: ShopFloor) -> None:
    called: list[str] = []

    async def note(word: str) -> None:
        called.append(word)

    async def good(conn: asyncpg.Connection) -> str:
        after_commit(lambda: note("good"))
        assert called == []
        return "answer"

    async def bad(conn: asyncpg.Connection) -> None:
        after_commit(lambda: note("bad"))
        raise KeyError

    with pytest.raises(KeyError):
        await in_transaction(floor.pool, "test", bad, deadline_s=5)
    assert await in_transaction(floor.pool, "test", good, deadline_s=5) == "answer"
    assert called == ["good"]
    with pytest.raises(LookupError):
        after_commit(lambda: note("outside"))
