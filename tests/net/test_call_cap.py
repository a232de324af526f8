"""The cap over all workers: never one call too many, and never a seat that stays lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from voicecore.net.call_cap import KEY, Admission, CallCap
from voicecore.net.redis_link import RedisLink, open_session_redis

CAP = 10


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[tuple[Redis, Redis]]:
    one, two = open_session_redis(redis_url), open_session_redis(redis_url)
    yield one, two
    await one.aclose()
    await two.aclose()


def cap_on(client: Redis, *, lease_s: float = 30.0) -> CallCap:
    return CallCap(RedisLink(client, timeout_s=5), max_calls=CAP, lease_s=lease_s)


async def test_two_workers_together_let_in_no_more_than_the_cap(
    clients: tuple[Redis, Redis],
) -> None:
    caps = [cap_on(client) for client in clients]
    answers = Counter(await asyncio.gather(*(caps[n % 2].admit(f"CA{n}") for n in range(CAP * 4))))
    assert answers == {Admission.ADMITTED: CAP, Admission.FULL: CAP * 3}
    assert await clients[0].zcard(KEY) == CAP


async def test_naively_both_take_the_last_seat(clients: tuple[Redis, Redis]) -> None:
    await clients[0].set("naive", CAP - 1)
    seen = [int(await client.get("naive") or 0) for client in clients]
    let_in = 0
    for client, count in zip(clients, seen, strict=True):
        if count < CAP:
            await client.set("naive", count + 1)
            let_in += 1
    assert let_in == 2
    assert await clients[0].get("naive") == str(CAP)


async def test_a_call_takes_one_seat_however_often_it_asks(clients: tuple[Redis, Redis]) -> None:
    one, two = (cap_on(client) for client in clients)
    for _ in range(3):
        for n in range(CAP):
            assert await one.admit(f"CA{n}") is Admission.ADMITTED
            assert await two.admit(f"CA{n}") is Admission.ADMITTED
    assert await one.admit("CA-late") is Admission.FULL
    await two.release("CA3")
    await two.release("CA3")
    assert await one.admit("CA-late") is Admission.ADMITTED
    assert await one.admit("CA-later") is Admission.FULL


async def test_the_seats_of_a_worker_that_died_come_free(clients: tuple[Redis, Redis]) -> None:
    dead, alive = (cap_on(client, lease_s=0.2) for client in clients)
    for n in range(CAP - 2):
        await dead.admit(f"CA-dead-{n}")
    for n in range(2):
        await alive.admit(f"CA-alive-{n}")
    assert await alive.admit("CA-new") is Admission.FULL
    for _ in range(4):
        await asyncio.sleep(0.1)
        count = await alive.renew(["CA-alive-0", "CA-alive-1"])
    assert count == 2
    assert await alive.admit("CA-new") is Admission.ADMITTED
    await asyncio.sleep(0.5)
    assert await clients[0].exists(KEY) == 0


async def test_renewing_brings_live_calls_back_after_a_restart_even_above_the_cap(
    clients: tuple[Redis, Redis],
) -> None:
    one, two = (cap_on(client) for client in clients)
    await clients[0].flushall()
    assert await one.renew(f"CA{n}" for n in range(CAP)) == CAP
    assert await two.renew(["CA-other"]) == CAP + 1
    assert await two.admit("CA-new") is Admission.FULL
    assert await two.renew([]) == CAP + 1


async def test_another_type_under_the_key_does_not_close_the_shop(
    clients: tuple[Redis, Redis],
) -> None:
    await clients[0].set(KEY, "text")
    assert await cap_on(clients[0]).admit("CA1") is Admission.ADMITTED


async def test_without_redis_the_answer_is_unknown() -> None:
    client = open_session_redis("redis://127.0.0.1:1/0")
    cap = cap_on(client)
    assert await cap.admit("CA1") is Admission.UNKNOWN
    assert await cap.renew(["CA1"]) is None
    await cap.release("CA1")
    await client.aclose()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.text(st.characters(), max_size=30), max_size=CAP))
async def test_no_string_breaks_the_count(clients: tuple[Redis, Redis], sids: set[str]) -> None:
    cap = cap_on(clients[0])
    await clients[0].delete(KEY)
    for sid in sids:
        assert await cap.admit(sid) is Admission.ADMITTED
    assert await clients[0].zcard(KEY) == len(sids)
    for sid in sids:
        await cap.release(sid)
    assert await clients[0].zcard(KEY) == 0
