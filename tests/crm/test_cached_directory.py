"""Who writes through the cached directory reads what they wrote, whichever worker they ask."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator

import asyncpg
import pytest

from crm.addresses import Address
from crm.cache import CustomerCache
from crm.cached_directory import CachedDirectory
from crm.customers import Customer
from crm.directory import CrmDirectory
from crm.errors import ConflictError, DatabaseError, InputError
from crm.seed import seed_demo
from crm.verification import Fact, Means
from tests.crm.cache_rig import NOW, ZONE, cache_on, looking

MARIA = "+13125550142"
NEW = "+13125550150"
SHARED = "+13125550117"


@pytest.fixture
async def caches(redis_url: str) -> AsyncIterator[tuple[CustomerCache, CustomerCache]]:
    async with cache_on(redis_url) as one, cache_on(redis_url) as two:
        yield one, two


@pytest.fixture
async def workers(
    pool: asyncpg.Pool,
    connection: asyncpg.Connection,
    caches: tuple[CustomerCache, CustomerCache],
) -> tuple[CachedDirectory, CachedDirectory]:
    """Two workers over one database and one Redis."""
    await seed_demo(connection, NOW)
    one, two = (
        CachedDirectory(CrmDirectory(pool, zone=ZONE, clock=lambda: NOW), cache, pool=pool)
        for cache in caches
    )
    return one, two


async def found(worker: CachedDirectory, phone: str) -> list[Customer]:
    return [record.customer for record in await worker.find_by_phone(phone)]


async def test_a_look_up_is_cached_in_every_spelling_and_equal_to_the_databases(
    workers: tuple[CachedDirectory, CachedDirectory],
    caches: tuple[CustomerCache, CustomerCache],
    pool: asyncpg.Pool,
) -> None:
    plain = await CrmDirectory(pool, zone=ZONE, clock=lambda: NOW).find_by_phone(MARIA)
    for text in (MARIA, "(312) 555-0142", "3125550142", "+1 312-555-0142"):
        assert await workers[0].find_by_phone(text) == plain
        assert await workers[1].find_by_phone(text) == plain
    assert sum(cache.counts.misses for cache in caches) == 1
    assert await workers[0].find_by_phone("anonymous") == ()


async def test_a_changed_address_is_read_at_once_by_both_workers(
    workers: tuple[CachedDirectory, CachedDirectory],
) -> None:
    one, two = workers
    for turn in range(20):
        (before,) = await found(two, MARIA)
        email = f"maria{turn}@example.com"
        after = await one.update_contact(
            before.customer_id, version=before.version, phone_e164=None, email=email
        )
        assert after.email == email
        assert await found(one, MARIA) == [after]
        assert await found(two, MARIA) == [after]
        one, two = two, one


async def test_a_new_number_and_the_old_one_both_bring_the_new_record(
    workers: tuple[CachedDirectory, CachedDirectory],
) -> None:
    one, two = workers
    (maria,) = await found(one, MARIA)
    assert await found(two, NEW) == []
    after = await one.update_contact(
        maria.customer_id, version=maria.version, phone_e164="(312) 555-0150", email=None
    )
    for worker in workers:
        assert await found(worker, MARIA) == await found(worker, NEW) == [after]


async def test_a_number_that_comes_to_another_customer_brings_both(
    workers: tuple[CachedDirectory, CachedDirectory],
) -> None:
    one, two = workers
    (maria,) = await found(one, MARIA)
    other = (await found(one, SHARED))[0]
    await found(two, MARIA)
    moved = await two.update_contact(
        other.customer_id, version=other.version, phone_e164=MARIA, email=None
    )
    for worker in workers:
        assert await found(worker, MARIA) == [maria, moved]
        assert moved in await found(worker, SHARED)


async def test_a_change_of_one_who_shares_a_number_shows_for_everybody_on_it(
    workers: tuple[CachedDirectory, CachedDirectory],
) -> None:
    one, two = workers
    first, second = await found(one, SHARED)
    await found(two, SHARED)
    after = await one.update_contact(
        second.customer_id, version=second.version, phone_e164=None, email="new@example.com"
    )
    assert await found(two, SHARED) == [first, after]


async def test_a_new_customer_is_found_at_once_also_beside_others(
    workers: tuple[CachedDirectory, CachedDirectory],
) -> None:
    one, two = workers
    assert await found(two, NEW) == []
    (maria,) = await found(two, MARIA)
    added = await one.create_customer(first_name="Ada", last_name="Byron", phone_e164=NEW)
    assert await found(two, NEW) == [added]
    beside = await one.create_customer(first_name="Juan", last_name="Lopez", phone_e164=MARIA)
    assert await found(two, MARIA) == [maria, beside]


async def test_what_moves_the_version_is_read_at_once(
    workers: tuple[CachedDirectory, CachedDirectory],
) -> None:
    one, two = workers
    (maria,) = await found(two, MARIA)
    verified = await one.mark_verified(1, Fact.PHONE, version=maria.version, by=Means.SMS_CODE)
    assert await found(two, MARIA) == [verified]
    address = Address(street="12 Elm Street", city="Springfield", region="IL", postcode="62701")
    moved = await one.update_address(1, version=verified.version, address=address)
    assert moved.version > verified.version > maria.version
    assert await found(two, MARIA) == [moved]


async def test_a_refused_change_leaves_no_tombstone(
    workers: tuple[CachedDirectory, CachedDirectory], redis_url: str
) -> None:
    one, _ = workers
    (maria,) = await found(one, MARIA)
    with pytest.raises(ConflictError):
        await one.update_contact(1, version=maria.version + 5, phone_e164=None, email="a@b.co")
    with pytest.raises(InputError):
        await one.update_contact(1, version=maria.version, phone_e164="911", email=None)
    async with looking(redis_url) as look:
        assert await look.exists(f"customer:{MARIA}") == 0
    await found(one, MARIA)
    assert await found(one, MARIA) == [maria]


async def test_racing_writers_and_readers_always_see_the_last_commit(
    workers: tuple[CachedDirectory, CachedDirectory],
) -> None:
    versions = {MARIA: 0}

    async def write(worker: CachedDirectory) -> None:
        for turn in range(15):
            (maria,) = await found(worker, MARIA)
            try:
                after = await worker.update_contact(
                    maria.customer_id, version=maria.version, phone_e164=None,
                    email=f"m{turn}@example.com",
                )  # fmt: skip
            except ConflictError:
                continue
            versions[MARIA] = max(versions[MARIA], after.version)

    async def read(worker: CachedDirectory) -> None:
        for _ in range(60):
            least = versions[MARIA]
            (maria,) = await found(worker, MARIA)
            assert maria.version >= least
            await asyncio.sleep(0)

    await asyncio.gather(*(write(worker) for worker in workers), *(map(read, workers * 5)))
    assert versions[MARIA] > 15


async def test_without_a_database_what_is_cached_is_still_answered(
    workers: tuple[CachedDirectory, CachedDirectory], pool: asyncpg.Pool
) -> None:
    one, two = workers
    before = await found(one, MARIA)
    pool.terminate()
    assert await found(two, MARIA) == before
    with pytest.raises(DatabaseError):
        await found(two, SHARED)
    with pytest.raises(DatabaseError):
        await one.update_contact(1, version=1, phone_e164=None, email="a@example.com")


def test_it_answers_everything_that_the_directory_does() -> None:
    """A method that is added to the directory must be thought about here: does it write?"""
    for name, method in inspect.getmembers(CrmDirectory, inspect.iscoroutinefunction):
        if not name.startswith("_"):
            own = CachedDirectory.__dict__.get(name)
            assert own is not None, f"CachedDirectory has no {name}"
            assert inspect.signature(own) == inspect.signature(method)
