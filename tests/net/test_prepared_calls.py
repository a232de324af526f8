"""The registry of calls that wait for their stream."""

from __future__ import annotations

import asyncio

import structlog

from tests.net.session_dummy import session
from voicecore.net.prepared_calls import PreparedCalls
from voicecore.net.tasks import TaskSet


async def test_a_ticket_is_good_once_and_for_its_own_call() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks), session()
        ticket = prepared.add(one)
        assert one.prepared == 1 and len(prepared) == 1 and len(ticket) >= 22
        assert prepared.ticket_for("CA1") == ticket
        assert prepared.take(ticket, "CA2") is None
        assert prepared.take("", "CA1") is None
        assert prepared.take(ticket, "CA1") is one
        assert prepared.take(ticket, "CA1") is None
        assert prepared.ticket_for("CA1") is None and len(prepared) == 0
        assert one.discarded == 0


async def test_a_ticket_that_is_not_used_gives_the_session_back() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks, ttl_s=0.02), session()
        with structlog.testing.capture_logs() as logs:
            ticket = prepared.add(one)
            await asyncio.sleep(0.06)
        assert one.discarded == 1 and len(prepared) == 0
        assert prepared.take(ticket, "CA1") is None
        assert [line["event"] for line in logs] == ["stream_never_came"]


async def test_a_call_can_be_dropped_before_its_time() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks), session()
        prepared.add(one)
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
            prepared.add(one)
        await prepared.close()
        await asyncio.sleep(0.05)
        assert [one.discarded for one in sessions] == [1, 1, 1]


async def test_an_expiry_behind_a_redeemed_ticket_is_nothing() -> None:
    async with TaskSet() as tasks:
        prepared, one = PreparedCalls(tasks), session()
        ticket = prepared.add(one)
        prepared.take(ticket, "CA1")
        prepared._expire(ticket)
        assert len(tasks) == 0
