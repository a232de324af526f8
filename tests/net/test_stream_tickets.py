"""A ticket opens one stream, for the call that it was made for, and not for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from voicecore.net.redis_link import RedisLink, open_session_redis
from voicecore.net.stream_tickets import StreamTickets


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[tuple[Redis, Redis]]:
    one, two = open_session_redis(redis_url), open_session_redis(redis_url)
    yield one, two
    await one.aclose()
    await two.aclose()


async def test_of_many_who_show_a_ticket_on_two_workers_one_gets_in(
    clients: tuple[Redis, Redis],
) -> None:
    one, two = (StreamTickets(RedisLink(client, timeout_s=5)) for client in clients)
    for turn in range(20):
        assert await one.put("CA1", f"t{turn}", b"resume=1")
        shown = [(one, two)[n % 2].take("CA1", f"t{turn}") for n in range(10)]
        answers = await asyncio.gather(*shown)
        assert sorted(answer or "" for answer in answers) == [""] * 9 + ["resume=1"]


async def test_naively_two_get_in(clients: tuple[Redis, Redis]) -> None:
    await clients[0].set("naive", "resume=1")
    seen = [await client.get("naive") for client in clients]
    for client in clients:
        await client.delete("naive")
    assert seen == ["resume=1", "resume=1"]


async def test_a_ticket_shown_for_another_call_is_not_used_up(
    clients: tuple[Redis, Redis],
) -> None:
    tickets = StreamTickets(RedisLink(clients[0], timeout_s=5))
    await tickets.put("CA1", "t", b"body")
    assert await tickets.take("CA2", "t") is None
    assert await tickets.take("CA1", "u") is None
    assert await tickets.take("CA1", "t") == "body"
    assert await tickets.take("CA1", "t") is None


async def test_a_ticket_runs_out(clients: tuple[Redis, Redis]) -> None:
    tickets = StreamTickets(RedisLink(clients[0], timeout_s=5), ttl_s=0.05)
    await tickets.put("CA1", "t", b"body")
    (key,) = await clients[0].keys("*")
    assert key == "ticket:{CA1}:t"
    await asyncio.sleep(0.1)
    assert await tickets.take("CA1", "t") is None


async def test_without_redis_there_are_no_tickets() -> None:
    client = open_session_redis("redis://127.0.0.1:1/0")
    tickets = StreamTickets(RedisLink(client, timeout_s=5))
    assert not await tickets.put("CA1", "t", b"body")
    assert await tickets.take("CA1", "t") is None
    await client.aclose()


TEXT = st.text(st.characters(), max_size=40)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sid=TEXT, ticket=TEXT, other=TEXT)
async def test_no_string_breaks_a_ticket(
    clients: tuple[Redis, Redis], sid: str, ticket: str, other: str
) -> None:
    tickets = StreamTickets(RedisLink(clients[0], timeout_s=5))
    assert await tickets.put(sid, ticket, b"body")
    if other != ticket:
        assert await tickets.take(sid, other) is None
    if other != sid:
        assert await tickets.take(other, ticket) is None
    assert await tickets.take(sid, ticket) == "body"
