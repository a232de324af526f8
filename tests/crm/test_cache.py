"""What the cache serves, and every race in which it could lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from crm.cache import LEASE_TTL_S, TOMBSTONE_TTL_S, VALUE_TTL_S, CustomerCache, key_of
from crm.caller_codec import VERSION_PREFIX, encode
from crm.directory import CallerRecord
from tests.crm.cache_rig import KEY, NOW, PHONE, ZONE, Source, cache_on, looking, person


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[CustomerCache]:
    async with cache_on(redis_url) as opened:
        yield opened


@pytest.fixture
async def other_process(redis_url: str) -> AsyncIterator[CustomerCache]:
    """A second cache that shares nothing with the first but Redis."""
    async with cache_on(redis_url) as opened:
        yield opened


@pytest.fixture
async def look(redis_url: str) -> AsyncIterator[Redis]:
    async with looking(redis_url) as client:
        yield client


@pytest.fixture
def source() -> Source:
    return Source()


async def test_the_second_look_up_needs_no_database(
    cache: CustomerCache, other_process: CustomerCache, source: Source, look: Redis
) -> None:
    first = await cache.fetch(PHONE, source.load)
    assert await cache.fetch(PHONE, source.load) == first == (person(),)
    assert await other_process.fetch(PHONE, source.load) == first
    assert source.reads == 1
    assert (cache.counts.hits, cache.counts.misses, cache.counts.fills) == (1, 1, 1)
    assert VALUE_TTL_S * 0.9 < await look.ttl(KEY) <= VALUE_TTL_S


async def test_instants_come_back_in_the_shops_zone(cache: CustomerCache, source: Source) -> None:
    await cache.fetch(PHONE, source.load)
    (record,) = await cache.fetch(PHONE, source.load)
    assert record.upcoming[0].start.tzinfo is ZONE
    assert record.upcoming[0].end.tzinfo is ZONE


async def test_an_appointment_that_is_over_meanwhile_is_left_out(
    redis_url: str, source: Source
) -> None:
    now = [NOW]
    async with cache_on(redis_url, lambda: now[0]) as cache:
        await cache.fetch(PHONE, source.load)
        now[0] = NOW + timedelta(hours=2) - timedelta(seconds=1)
        assert len((await cache.fetch(PHONE, source.load))[0].upcoming) == 1
        now[0] = NOW + timedelta(hours=2)
        assert (await cache.fetch(PHONE, source.load))[0].upcoming == ()
        assert source.reads == 1


async def test_a_number_that_names_nobody_is_asked_for_again(
    cache: CustomerCache, source: Source, look: Redis
) -> None:
    source.people = ()
    assert await cache.fetch(PHONE, source.load) == ()
    assert await look.exists(KEY) == 0
    source.people = (person(),)
    assert await cache.fetch(PHONE, source.load) == (person(),)


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "garbage",
        "V",
        "V000000000000:{}",
        VERSION_PREFIX,
        VERSION_PREFIX + "{}",
        VERSION_PREFIX + "null",
        VERSION_PREFIX + '{"phone": "+13125550142", "people": [1]}',
        VERSION_PREFIX + '{"phone": "+13125550142"',
        VERSION_PREFIX + "[" * 5000,
        (encode(PHONE, (person(),)) or "").replace("2019", '"2019"'),
        (encode(PHONE, (person(),)) or "").replace("2026-03-04", "2026-02-30"),
        (encode(PHONE, (person(),)) or "").replace("2026-11-24T15", "9999-99-99T15"),
        (encode("+13125550199", (person(),)) or ""),
        b"\xff\xfe\x00\x80",
        b"V\xff" * 20,
    ],
)
async def test_garbage_or_another_version_is_a_miss(
    cache: CustomerCache, source: Source, look: Redis, spoilt: str | bytes
) -> None:
    await look.set(KEY, spoilt)
    assert await cache.fetch(PHONE, source.load) == (person(),)
    assert source.reads == 1
    assert await cache.fetch(PHONE, source.load) == (person(),)
    assert source.reads == 1
    assert not cache.is_bypassed


@pytest.mark.parametrize("kind", ["list", "hash", "set", "zset", "stream"])
async def test_another_type_under_the_key_is_a_miss(
    cache: CustomerCache, source: Source, look: Redis, kind: str
) -> None:
    commands = {
        "list": ("RPUSH", KEY, "a"),
        "hash": ("HSET", KEY, "a", "b"),
        "set": ("SADD", KEY, "a"),
        "zset": ("ZADD", KEY, "1", "a"),
        "stream": ("XADD", KEY, "*", "a", "b"),
    }
    await look.execute_command(*commands[kind])
    assert await cache.fetch(PHONE, source.load) == (person(),)
    assert await cache.fetch(PHONE, source.load) == (person(),)
    assert source.reads == 1
    await look.delete(KEY)
    await look.execute_command(*commands[kind])
    await cache.settle(await cache.mark([PHONE]))
    assert await look.exists(KEY) == 0


async def test_many_readers_of_one_number_are_one_query(
    cache: CustomerCache, source: Source
) -> None:
    found = await asyncio.gather(*(cache.fetch(PHONE, source.load) for _ in range(50)))
    assert set(found) == {(person(),)}
    assert source.reads == 1


async def test_readers_in_several_processes_wait_for_the_one_who_has_the_lease(
    cache: CustomerCache, other_process: CustomerCache, source: Source
) -> None:
    found = await asyncio.gather(
        *(one.fetch(PHONE, source.load) for one in (cache, other_process) for _ in range(10))
    )
    assert set(found) == {(person(),)}
    assert source.reads == 1


async def test_a_lease_that_nobody_fills_is_taken_over(
    cache: CustomerCache, source: Source, look: Redis
) -> None:
    await look.set(KEY, "Lsomebodyelse", px=int(LEASE_TTL_S * 1000))
    assert await cache.fetch(PHONE, source.load) == (person(),)
    assert (await look.get(KEY) or "").startswith(VERSION_PREFIX)


async def test_when_the_one_who_fetches_is_cancelled_the_next_one_does(
    cache: CustomerCache, source: Source
) -> None:
    source.may_answer.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(cache.fetch(PHONE, source.load))
        await source.has_read.wait()
        others = [group.create_task(cache.fetch(PHONE, source.load)) for _ in range(5)]
        await asyncio.sleep(0.02)
        others[0].cancel()
        first.cancel()
        source.may_answer.set()
    assert {task.result() for task in others[1:]} == {(person(),)}
    assert source.reads == 2


async def test_an_error_of_the_database_reaches_everybody_who_waited(cache: CustomerCache) -> None:
    reads = 0

    async def fail() -> tuple[CallerRecord, ...]:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0.01)
        raise LookupError("no database")

    found = await asyncio.gather(
        *(cache.fetch(PHONE, fail) for _ in range(5)), return_exceptions=True
    )
    assert {type(error) for error in found} == {LookupError}
    assert reads == 1


class TestNeverLies:
    """A read that began before a committed write never fills the cache after it."""

    async def test_a_slow_reader_cannot_fill_after_a_write_of_another_process(
        self, cache: CustomerCache, other_process: CustomerCache, source: Source, look: Redis
    ) -> None:
        source.may_answer.clear()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(cache.fetch(PHONE, source.load))
            await source.has_read.wait()
            mark = await other_process.mark([PHONE])
            source.people = (person("Marie", version=2),)
            await other_process.settle(mark)
            source.may_answer.set()
        assert reading.result() == (person(),)
        assert await look.exists(KEY) == 0
        assert cache.counts.fills_refused == 1
        assert await cache.fetch(PHONE, source.load) == (person("Marie", version=2),)

    async def test_that_race_defeats_a_plain_delete_and_set(
        self, source: Source, look: Redis
    ) -> None:
        source.may_answer.clear()

        async def naive_fetch() -> None:
            if await look.get("naive") is None:
                people = await source.load()
                await look.set("naive", people[0].customer.first_name)

        async with asyncio.TaskGroup() as group:
            group.create_task(naive_fetch())
            await source.has_read.wait()
            source.people = (person("Marie", version=2),)
            await look.delete("naive")
            source.may_answer.set()
        assert await look.get("naive") == "Maria"

    async def test_who_reads_between_tombstone_and_commit_fills_nothing(
        self, cache: CustomerCache, other_process: CustomerCache, source: Source, look: Redis
    ) -> None:
        mark = await other_process.mark([PHONE])
        assert await cache.fetch(PHONE, source.load) == (person(),)
        assert await cache.fetch(PHONE, source.load) == (person(),)
        assert source.reads == 2
        source.people = (person("Marie", version=2),)
        assert await cache.fetch(PHONE, source.load) == source.people
        await other_process.settle(mark)
        assert await cache.fetch(PHONE, source.load) == source.people
        assert (await look.get(KEY) or "").startswith(VERSION_PREFIX)

    async def test_the_value_is_gone_before_the_commit_so_a_writer_may_die(
        self, cache: CustomerCache, other_process: CustomerCache, source: Source, look: Redis
    ) -> None:
        await cache.fetch(PHONE, source.load)
        await other_process.mark([PHONE])
        source.people = (person("Marie", version=2),)
        assert await cache.fetch(PHONE, source.load) == source.people
        assert TOMBSTONE_TTL_S * 900 < await look.pttl(KEY) <= TOMBSTONE_TTL_S * 1000

    async def test_the_tombstone_stays_until_the_last_of_several_writers_is_done(
        self, cache: CustomerCache, other_process: CustomerCache, source: Source, look: Redis
    ) -> None:
        one = await cache.mark([PHONE])
        two = await other_process.mark([PHONE])
        await cache.settle(one)
        await cache.fetch(PHONE, source.load)
        assert (await look.get(KEY) or "").startswith("T")
        assert await look.pttl(KEY) > 0
        await cache.settle(one)
        assert (await look.get(KEY) or "").startswith("T")
        await other_process.settle(two)
        assert await look.exists(KEY) == 0

    async def test_a_writer_whose_tombstone_was_lost_deletes_what_was_filled(
        self, cache: CustomerCache, other_process: CustomerCache, source: Source, look: Redis
    ) -> None:
        mark = await other_process.mark([PHONE])
        await look.flushall()
        await cache.fetch(PHONE, source.load)
        source.people = (person("Marie", version=2),)
        await other_process.settle(mark)
        assert await cache.fetch(PHONE, source.load) == source.people

    async def test_a_flushed_lease_allows_no_fill(
        self, cache: CustomerCache, source: Source, look: Redis
    ) -> None:
        source.may_answer.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(cache.fetch(PHONE, source.load))
            await source.has_read.wait()
            await look.flushall()
            source.may_answer.set()
        assert await look.exists(KEY) == 0

    async def test_who_comes_after_a_write_does_not_share_a_fetch_from_before_it(
        self, cache: CustomerCache, source: Source
    ) -> None:
        source.may_answer.clear()
        async with asyncio.TaskGroup() as group:
            before = group.create_task(cache.fetch(PHONE, source.load))
            await source.has_read.wait()
            mark = await cache.mark([PHONE])
            source.people = (person("Marie", version=2),)
            await cache.settle(mark)
            after = group.create_task(cache.fetch(PHONE, source.load))
            await asyncio.sleep(0.03)
            source.may_answer.set()
        assert before.result() == (person(),)
        assert after.result() == (person("Marie", version=2),)

    async def test_nor_one_from_before_a_write_of_another_process(
        self, cache: CustomerCache, other_process: CustomerCache, source: Source
    ) -> None:
        source.may_answer.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(cache.fetch(PHONE, source.load))
            await source.has_read.wait()
            mark = await other_process.mark([PHONE])
            source.people = (person("Marie", version=2),)
            await other_process.settle(mark)
            after = group.create_task(cache.fetch(PHONE, source.load))
            await asyncio.sleep(0.03)
            source.may_answer.set()
        assert after.result() == (person("Marie", version=2),)

    async def test_two_who_take_a_lease_cannot_both_fill(
        self, cache: CustomerCache, other_process: CustomerCache, look: Redis
    ) -> None:
        slow, fast = Source(), Source()
        slow.may_answer.clear()
        fast.people = (person("Marie", version=2),)
        async with asyncio.TaskGroup() as group:
            group.create_task(cache.fetch(PHONE, slow.load))
            await slow.has_read.wait()
            await other_process.fetch(PHONE, fast.load)
            slow.may_answer.set()
        assert await other_process.fetch(PHONE, fast.load) == fast.people
        assert cache.counts.fills_refused == 1

    async def test_random_readers_and_writers_agree_with_the_database(self, redis_url: str) -> None:
        """Every read returns a version that was current at some moment of the read."""
        async with cache_on(redis_url) as one, cache_on(redis_url) as two:
            committed = [1]
            caches = (one, two)

            async def load() -> tuple[CallerRecord, ...]:
                found = (person(version=committed[0]),)
                await asyncio.sleep(0.0005 * (committed[0] % 5))
                return found

            async def read(number: int) -> None:
                for turn in range(60):
                    least = committed[0]
                    (record,) = await caches[(number + turn) % 2].fetch(PHONE, load)
                    assert least <= record.customer.version <= committed[0]
                    await asyncio.sleep(0)

            async def write(cache: CustomerCache) -> None:
                for turn in range(30):
                    mark = await cache.mark([PHONE])
                    await asyncio.sleep(0.0003 * (turn % 4))
                    committed[0] += 1
                    await cache.settle(mark)
                    await asyncio.sleep(0.002 * (turn % 3))

            await asyncio.gather(*(read(n) for n in range(10)), write(one), write(two))
            assert not one.is_bypassed
            assert not two.is_bypassed
            assert one.counts.hits + two.counts.hits > 0


TEXT = st.text(st.characters(), max_size=40)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(phone=TEXT, text=TEXT)
async def test_no_string_breaks_a_key_or_a_record(
    cache: CustomerCache, look: Redis, phone: str, text: str
) -> None:
    people = (person(text=text),)

    async def load() -> tuple[CallerRecord, ...]:
        return people

    for _ in range(2):
        assert await cache.fetch(phone, load) == people
    await cache.settle(await cache.mark([phone]))
    assert await look.exists(key_of(phone)) == 0
    assert not cache.is_bypassed


@settings(max_examples=200)
@given(TEXT, TEXT)
def test_two_numbers_never_have_one_key(one: str, other: str) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)
    assert key_of(one).isascii()
    assert not set(key_of(one)) & set(" {}\r\n\0")
