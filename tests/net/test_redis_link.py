"""A Redis that is slow or gone costs a call 50 ms, never an error, and is used again in time."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager

import pytest
from redis.asyncio import Redis

from voicecore.net.redis_link import PROBE_EVERY_S, RedisLink, key_part, open_session_redis
from voicecore.net.session_store import SessionStore, Written
from voicecore.sandbox.redis import EmbeddedRedis

COST_MAX_MS = 50.0
RECOVERY_MAX_S = 2.0


@pytest.fixture
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as started:
        yield started


@pytest.fixture
async def client(server: EmbeddedRedis) -> AsyncIterator[Redis]:
    opened = open_session_redis(server.url)
    yield opened
    await opened.aclose()


@pytest.fixture
def quick_server(server: EmbeddedRedis) -> EmbeddedRedis:
    """A Redis that answers fifty calls in time and tells errors from hanging up."""
    if server.kind == "fakeredis":
        pytest.skip("fakeredis, on Python 3.13, is too slow for that and hangs up instead")
    return server


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def timed(work: Awaitable[object]) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await work
    return (loop.time() - begun) * 1000


async def test_a_frozen_redis_costs_one_operation_and_then_nothing(
    server: EmbeddedRedis, client: Redis
) -> None:
    store = SessionStore(client)
    assert await store.save("CA1", version=1, phase="talking", snapshot=b"{}")
    with frozen(server):
        first = await timed(store.save("CA1", version=2, phase="talking", snapshot=b"{}"))
        costs = [await timed(store.append_turn("CA1", turn=n, body=b"t")) for n in range(20)]
        assert await store.load("CA1") is None
        assert await store.append_turn("CA1", turn=1, body=b"t") is Written.UNKNOWN
        assert await store.take_over("CA1", owner="w", seen_epoch=0) is None
        assert not await store.ping()
    assert first < COST_MAX_MS
    assert max(costs) < 5


async def test_fifty_calls_at_once_wait_no_longer(server: EmbeddedRedis, client: Redis) -> None:
    store = SessionStore(client)
    await store.ping()
    with frozen(server):
        costs = await asyncio.gather(
            *(timed(store.append_turn(f"CA{n}", turn=1, body=b"t")) for n in range(50))
        )
    assert max(costs) < COST_MAX_MS


async def test_a_redis_that_is_gone_is_used_again_within_two_seconds_of_its_return(
    server: EmbeddedRedis, client: Redis
) -> None:
    link = RedisLink(client)
    store = SessionStore(client, link=link)
    assert await store.ping()
    server.kill()
    costs = [await timed(store.append_turn("CA1", turn=n, body=b"t")) for n in range(10)]
    assert max(costs) < COST_MAX_MS
    assert link.is_down
    server.start()
    begun = asyncio.get_running_loop().time()
    while await store.append_turn("CA1", turn=11, body=b"t") is Written.UNKNOWN:
        await asyncio.sleep(0.02)
    assert asyncio.get_running_loop().time() - begun < RECOVERY_MAX_S
    assert not link.is_down


async def test_a_command_that_redis_refuses_does_not_close_the_way(
    quick_server: EmbeddedRedis, client: Redis
) -> None:
    link = RedisLink(client)
    await client.set("text", "x")
    assert await link.ask(lambda: client.lpush("text", "y")) is None
    assert not link.is_down
    assert await link.ask(lambda: client.get("text")) == "x"


async def test_text_that_utf8_cannot_carry_is_read_and_written_all_the_same(
    client: Redis,
) -> None:
    link = RedisLink(client)
    await link.ask(lambda: client.set("key", "\ud800"))
    assert await link.ask(lambda: client.get("key")) == "?"
    await link.ask(lambda: client.set("key", b"\xff"))
    assert await link.ask(lambda: client.get("key")) == "\ufffd"


async def test_kill_freeze_and_restart_under_load_mix_up_no_answers(
    quick_server: EmbeddedRedis, client: Redis
) -> None:
    """50 calls read and write their own sessions; what comes back is theirs, or nothing."""
    store = SessionStore(client)
    finished = asyncio.Event()
    chance = random.Random(5)
    answers = 0

    async def call(number: int) -> None:
        nonlocal answers
        version = 0
        while not finished.is_set():
            version += 1
            body = b"%d.%d" % (number, version)
            await store.save(f"CA{number}", version=version, phase="talking", snapshot=body)
            found = await store.read(f"CA{number}")
            if found is not None:
                owner, _, saved = found.snapshot.partition(".")
                assert int(owner) == number
                assert int(saved) <= version
                answers += 1
            await asyncio.sleep(chance.random() * 0.02)

    async def disturb() -> None:
        for _ in range(2):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(quick_server.kill)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(quick_server.start)
            await asyncio.sleep(PROBE_EVERY_S * 2)
            with frozen(quick_server):
                await asyncio.sleep(0.2)
            await asyncio.sleep(PROBE_EVERY_S * 2)
        assert await store.ping()
        finished.set()

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(call(number))
        group.create_task(disturb())
    assert answers > 2000


@pytest.mark.parametrize("text", ["", "{", "}", "a}b", "CA 1", "CA\n", "\ud800", "é", "x" * 65])
def test_what_is_no_plain_word_is_hashed(text: str) -> None:
    assert key_part("CA_0-9") == "CA_0-9"
    assert key_part(text).startswith("~")
    assert key_part(text).isascii()
    assert len(key_part(text)) == 65
