"""The calendar's busy blocks, read in the background so that no caller waits for Google."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from scheduler.errors import CalendarError
from scheduler.taken import Taken

log = logging.getLogger(__name__)

REFRESH_S = 30.0
STALE_AFTER_S = 600.0
HORIZON = timedelta(days=60)
# Staff may draw a block over a job that has begun, so the window opens a little in the past.
LOOK_BACK = timedelta(days=1)
JITTER = 0.2
# What a caller who has said yes may wait for Google; after it the cache decides.
RECHECK_BUDGET_S = 0.3
# After Google has missed a budget it is not waited for again at once.
RECHECK_PAUSE_S = 5.0


class FreeBusySource(Protocol):
    """Whoever knows when the calendar is busy."""

    async def busy(self, start: datetime, end: datetime) -> tuple[Taken, ...]:
        """Return the blocks between two instants.

        Raises:
            CalendarError: the calendar could not be read.
        """
        ...


class BusyCache:
    """Holds the last good answer; `run` keeps it fresh until it is cancelled.

    Blocks older than `stale_after_s` are still served: to leave out an hour that staff have freed
    is a smaller harm than to sell one that they have blocked. They count as `is_stale`, and that is
    logged once.
    """

    def __init__(
        self,
        source: FreeBusySource,
        *,
        refresh_s: float = REFRESH_S,
        stale_after_s: float = STALE_AFTER_S,
        horizon: timedelta = HORIZON,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._refresh_s = refresh_s
        self._stale_after_s = stale_after_s
        self._horizon = horizon
        self._clock = clock
        self._blocks: tuple[Taken, ...] = ()
        self._read_at: datetime | None = None
        self._problem = ""
        self._reported_stale = False
        self._missed_at: datetime | None = None

    @property
    def blocks(self) -> tuple[Taken, ...]:
        """The blocks of the last good answer; they take the whole shop."""
        return self._blocks

    @property
    def age_s(self) -> float | None:
        """Seconds since the last good answer; None before the first."""
        if self._read_at is None:
            return None
        return (self._clock() - self._read_at).total_seconds()

    @property
    def is_stale(self) -> bool:
        """Whether the answer is missing or older than the bound."""
        age_s = self.age_s
        return age_s is None or age_s > self._stale_after_s

    @property
    def problem(self) -> str:
        """Why the last reading failed; empty after a good one."""
        return self._problem

    async def refresh(self) -> bool:
        """Read the calendar once; return whether it answered.

        A failure is logged when it begins or changes, not every time it repeats.
        """
        now = self._clock()
        try:
            blocks = await self._source.busy(now - LOOK_BACK, now + self._horizon)
        except CalendarError as error:
            if str(error) != self._problem:
                log.error("calendar_unreadable", extra={"reason": str(error)})
            self._problem = str(error)
            if self.is_stale and not self._reported_stale:
                self._reported_stale = True
                log.warning("calendar_stale", extra={"age_s": self.age_s})
            return False
        if self._problem:
            log.info("calendar_readable", extra={"blocks": len(blocks)})
        self._blocks, self._read_at = blocks, now
        self._problem, self._reported_stale = "", False
        return True

    async def is_free(self, start: datetime, end: datetime, budget_s: float) -> bool | None:
        """Ask the calendar now whether a time is free of blocks; None: no answer in the budget.

        A block that is found takes its time from the next offers as well.
        """
        now = self._clock()
        if self._missed_at is not None and now - self._missed_at < timedelta(
            seconds=RECHECK_PAUSE_S
        ):
            return None
        try:
            async with asyncio.timeout(budget_s):
                found = await self._source.busy(start, end)
        except (CalendarError, TimeoutError) as error:
            self._missed_at = now
            log.warning("calendar_recheck_missed", extra={"reason": type(error).__name__})
            return None
        self._missed_at = None
        self._blocks += tuple(block for block in found if block not in self._blocks)
        return not any(block.start < end and block.end > start for block in found)

    async def recheck(self, start: datetime, end: datetime) -> bool:
        """Tell whether a time that was offered may still be booked; False: a block covers it.

        It takes at most 0.3 s; without an answer the blocks that are known decide.
        """
        fresh = await self.is_free(start, end, RECHECK_BUDGET_S)
        if fresh is not None:
            return fresh
        return not any(block.start < end and block.end > start for block in self._blocks)

    async def run(self) -> None:
        """Refresh for ever, at intervals with jitter; cancel to stop."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._refresh_s * random.uniform(1 - JITTER, 1 + JITTER))
