"""The registry of calls that wait for their stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog

from tests.net.session_dummy import Session, session
from voicecore.call_info import Attestation, CallInfo
from voicecore.dialog.reminder import Reminder
from voicecore.net.prepared_calls import PreparedCalls
from voicecore.net.redis_link import RedisLink, open_session_redis
from voicecore.net.stream_tickets import StreamTickets
from voicecore.net.tasks import TaskSet


async def test_a_ticket_is_good_once_and_for_its_own_call() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks), session()
        ticket = await prepared.add(one)
        assert one.prepared == 1 and len(prepared) == 1 and len(ticket) >= 22
        assert prepared.ticket_for("CA1") == ticket
        assert await prepared.take(ticket, "CA2") is None
        assert await prepared.take("", "CA1") is None
        assert await prepared.take(ticket, "CA1") is one
        assert await prepared.take(ticket, "CA1") is None
        assert prepared.ticket_for("CA1") is None and len(prepared) == 0
        assert one.discarded == 0


async def test_a_ticket_that_is_not_used_gives_the_session_back() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks, ttl_s=0.02), session()
        with structlog.testing.capture_logs() as logs:
            ticket = await prepared.add(one)
            await asyncio.sleep(0.06)
        assert one.discarded == 1 and len(prepared) == 0
        assert await prepared.take(ticket, "CA1") is None
        assert [line["event"] for line in logs] == ["stream_never_came"]


async def test_a_call_can_be_dropped_before_its_time() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks), session()
        await prepared.add(one)
        prepared.drop("CA2")
        assert len(prepared) == 1
        prepared.drop("CA1")
        prepared.drop("CA1")
        await asyncio.sleep(0.01)
        assert one.discarded == 1 and len(prepared) == 0


async def test_closing_gives_everything_back_and_stops_the_clocks() -> None:
    async with TaskSet() as tasks:
        prepared = PreparedCalls(tasks, ttl_s=0.03)
        sessions = [session(f"CA{number}") for number in range(3)]
        for one in sessions:
            await prepared.add(one)
        await prepared.close()
        await asyncio.sleep(0.05)
        assert [one.discarded for one in sessions] == [1, 1, 1]


async def test_an_expiry_behind_a_redeemed_ticket_is_nothing() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks), session()
        ticket = await prepared.add(one)
        await prepared.take(ticket, "CA1")
        prepared._expire(ticket)
        assert len(tasks) == 0


# --- several workers ------------------------------------------------------------------------------


@asynccontextmanager
async def two_workers(url: str) -> AsyncIterator[tuple[PreparedCalls, PreparedCalls, list[Any]]]:
    """The registries of two workers over one Redis, and the sessions that the second remade."""
    remade: list[Any] = []

    def remake(info: CallInfo, reminder: Reminder | None) -> Any:
        again = Session(info.call_sid)
        again.info, again.reminder = info, reminder
        remade.append(again)
        return again

    client = open_session_redis(url)
    async with TaskSet() as tasks:
        tickets = StreamTickets(RedisLink(client, timeout_s=5.0))
        first, second = (PreparedCalls(tasks, tickets=tickets, remake=remake) for _ in range(2))
        yield first, second, remade
    await client.aclose()


async def test_the_stream_may_come_to_another_worker(redis_url: str) -> None:
    async with two_workers(redis_url) as (first, second, remade):
        one = session()
        one.info = replace(
            one.info, from_e164="+13125550142", attestation=Attestation.PARTIAL, is_outbound=True
        )
        one.reminder = Reminder(appointment_id=7, phone_e164="+13125550142", first_name="Maria")
        ticket = await first.add(one)
        assert await second.take(ticket, "CA2") is None
        taken = await second.take(ticket, "CA1")
        assert [taken] == remade and taken is not one and taken.prepared == 1
        assert (taken.info, taken.reminder) == (one.info, one.reminder)
        assert await second.take(ticket, "CA1") is None
        assert await first.take(ticket, "CA1") is None
        await asyncio.sleep(0.01)
        assert one.discarded == 1


async def test_of_all_who_show_a_ticket_at_once_one_gets_the_call(redis_url: str) -> None:
    async with two_workers(redis_url) as (first, second, _):
        ticket = await first.add(session())
        shown = (worker.take(ticket, "CA1") for worker in (first, second) * 8)
        taken = await asyncio.gather(*shown)
        assert sum(one is not None for one in taken) == 1


async def test_without_redis_the_worker_honours_its_own_ticket_once() -> None:
    async with two_workers("redis://127.0.0.1:1") as (first, second, remade):
        one = session()
        ticket = await first.add(one)
        assert await second.take(ticket, "CA1") is None
        assert await first.take(ticket, "CA1") is one
        assert await first.take(ticket, "CA1") is None
        assert not remade


async def test_what_is_no_ticket_is_not_asked_for(redis_url: str) -> None:
    async with two_workers(redis_url) as (first, _, remade):
        for odd in ("", "x", "x" * 23, "*" * 22, "\ud800" * 22, "x" * 100_000):
            assert await first.take(odd, "CA1") is None
        assert not remade


async def test_a_ticket_with_a_body_that_is_none_is_refused(redis_url: str) -> None:
    async with two_workers(redis_url) as (first, second, remade):
        assert second._tickets is not None
        for number, body in enumerate((b"", b"[]", b"{}", b'{"call": {"call_sid": 1}}')):
            ticket = f"{number:022d}"
            await second._tickets.put("CA1", ticket, body)
            assert await first.take(ticket, "CA1") is None
        assert not remade
