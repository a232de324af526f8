"""The registry of calls that have their stream."""

from __future__ import annotations

import asyncio

import pytest

from tests.net.session_dummy import session
from voicecore.call.events import HangupCause
from voicecore.net import live_calls
from voicecore.net.live_calls import LiveCalls


def test_the_end_of_a_call_is_known_as_soon_as_it_is_decided() -> None:
    live, one = LiveCalls(), session()
    assert live.end_of("CA1") is None and not live.knows("CA1")
    live.add(one)
    assert "CA1" in live and len(live) == 1 and live.knows("CA1")
    assert live.end_of("CA1") is None
    one.cause = HangupCause.AGENT
    assert live.end_of("CA1") is HangupCause.AGENT
    live.remove(one, HangupCause.AGENT)
    assert live.end_of("CA1") is HangupCause.AGENT
    assert "CA1" not in live and live.knows("CA1")


def test_only_the_last_ends_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_calls, "REMEMBERED_ENDS", 2)
    live = LiveCalls()
    for number in range(4):
        one = session(f"CA{number}")
        live.add(one)
        live.remove(one, HangupCause.CALLER)
    assert [live.knows(f"CA{number}") for number in range(4)] == [False, False, True, True]


def test_a_session_is_told_that_its_stream_is_over() -> None:
    live, one = LiveCalls(), session()
    live.stream_is_over("CA1")
    live.add(one)
    live.stream_is_over("CA1")
    assert one.told_over == 1


async def test_draining_asks_every_call_and_waits_for_the_last() -> None:
    live, first, second = LiveCalls(), session("CA1"), session("CA2")
    assert await live.drain(0.1)
    live = LiveCalls()
    live.add(first)
    draining = asyncio.gather(live.drain(2.0))
    await asyncio.sleep(0.01)
    # A call that was prepared before is asked as soon as its stream comes.
    live.add(second)
    assert (first.asked_to_end, second.asked_to_end) == (1, 1)
    live.remove(first, HangupCause.SHUTDOWN)
    await asyncio.sleep(0.01)
    assert not draining.done()
    live.remove(second, HangupCause.SHUTDOWN)
    assert await draining == [True]


async def test_draining_has_a_limit() -> None:
    live = LiveCalls()
    live.add(session())
    assert not await live.drain(0.02)
