"""Busy blocks in the background: fresh, kept through a failure, and honest about their age."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.busy_cache import BusyCache
from scheduler.errors import CalendarError
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.taken import Taken
from tests.scheduler.conftest import NINE, NOW, SERVICE, ShopFloor, hours
from voicecore.sandbox.google import GoogleSandbox

BLOCK = Taken(NINE, NINE + timedelta(hours=1))


class Source:
    """A calendar that answers or fails as told."""

    def __init__(self) -> None:
        self.problem: CalendarError | None = None
        self.reads = 0

    async def busy(self, start: datetime, end: datetime) -> tuple[Taken, ...]:
        self.reads += 1
        if self.problem is not None:
            raise self.problem
        return (BLOCK,)


async def test_a_failure_keeps_the_last_blocks_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source()
    now = [datetime(2030, 6, 4, tzinfo=UTC)]
    cache = BusyCache(source, stale_after_s=600, clock=lambda: now[0])
    assert (cache.blocks, cache.age_s, cache.is_stale) == ((), None, True)
    assert await cache.refresh()
    assert (cache.blocks, cache.is_stale, cache.problem) == ((BLOCK,), False, "")

    source.problem = CalendarError("invalid_grant", retryable=False, status=400, advice="consent")
    with caplog.at_level(logging.INFO, logger="scheduler.busy_cache"):
        for _ in range(20):
            now[0] += timedelta(seconds=60)
            assert not await cache.refresh()
    assert (cache.blocks, cache.is_stale) == ((BLOCK,), True)
    assert "consent" in cache.problem
    assert [record.message for record in caplog.records] == [
        "calendar_unreadable",
        "calendar_stale",
    ]
    source.problem = None
    assert await cache.refresh()
    assert (cache.is_stale, cache.problem) == (False, "")


async def test_it_refreshes_until_it_is_cancelled() -> None:
    source = Source()
    cache = BusyCache(source, refresh_s=0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await cache.run()
    assert source.reads > 3


async def test_a_block_drawn_by_staff_takes_the_slot(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess
) -> None:
    google.add_staff_event(NINE, NINE + hours(2))
    async with GoogleCalendar(access) as calendar:
        cache = BusyCache(calendar, clock=lambda: NOW)
        desk = floor.desk(busy=cache)
        offered = await desk.free_slots(SERVICE, earliest=NINE, latest=NINE + hours(3), limit=9)
        assert offered[0].start == NINE
        await cache.refresh()
        offered = await desk.free_slots(SERVICE, earliest=NINE, latest=NINE + hours(3), limit=9)
        assert offered[0].start == NINE + hours(2)


def cache_at(source: Source, now: list[datetime]) -> BusyCache:
    return BusyCache(source, clock=lambda: now[0])


async def test_a_fresh_look_finds_a_block_and_keeps_it_for_the_next_offers() -> None:
    now = [datetime(2030, 6, 4, tzinfo=UTC)]
    cache = cache_at(Source(), now)
    assert await cache.is_free(NINE, NINE + hours(1), 0.3) is False
    assert await cache.is_free(NINE + hours(1), NINE + hours(2), 0.3) is True
    assert cache.blocks == (BLOCK,)
    assert not await cache.recheck(NINE, NINE + hours(1))
    assert await cache.recheck(NINE + hours(1), NINE + hours(2))


async def test_without_an_answer_in_the_budget_the_known_blocks_decide(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [datetime(2030, 6, 4, tzinfo=UTC)]
    source = Source()
    cache = cache_at(source, now)
    await cache.refresh()

    async def hang(start: datetime, end: datetime) -> tuple[Taken, ...]:
        source.reads += 1
        await asyncio.sleep(30)
        return ()

    answering = source.busy
    source.busy = hang  # type: ignore[method-assign]
    begun = asyncio.get_running_loop().time()
    assert not await cache.recheck(NINE, NINE + hours(1))
    assert 0.25 < asyncio.get_running_loop().time() - begun < 1.0
    # For a while nobody waits again.
    reads = source.reads
    assert await cache.recheck(NINE + hours(2), NINE + hours(3))
    assert source.reads == reads
    assert [record.message for record in caplog.records] == ["calendar_recheck_missed"]

    now[0] += timedelta(seconds=6)
    source.busy = answering  # type: ignore[method-assign]
    assert await cache.is_free(NINE, NINE + hours(1), 0.3) is False
    source.problem = CalendarError("gone", retryable=True)
    assert await cache.is_free(NINE, NINE + hours(1), 0.3) is None
