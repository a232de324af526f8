"""When the shop is open, for what callers are told: read now and then, answered at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Iterable
from datetime import date, datetime, time
from itertools import groupby
from zoneinfo import ZoneInfo

import asyncpg

from crm.errors import DatabaseError
from crm.pool import connection_of
from scheduler.shop import Shop
from scheduler.shop_rows import load_shop

log = logging.getLogger(__name__)

REFRESH_S = 600.0
DEADLINE_S = 2.0
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Stretches = tuple[tuple[time, time], ...]


class OpeningTimes:
    """The hours of one shop; until they are known it counts as open."""

    def __init__(
        self, pool: asyncpg.Pool, zone: ZoneInfo, holidays: Container[date] = frozenset()
    ) -> None:
        self._pool = pool
        self._zone = zone
        self._holidays = holidays
        self._shop: Shop | None = None

    async def refresh(self) -> None:
        """Read the hours; the last ones stay where that fails."""
        try:
            async with connection_of(self._pool, "hours", deadline_s=DEADLINE_S) as connection:
                self._shop = await load_shop(connection, self._zone, self._holidays)
        except DatabaseError as error:
            log.warning("opening_times_not_read: %s", error)

    async def run(self) -> None:
        """Keep the hours fresh until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            await self.refresh()

    def is_open(self, at: datetime) -> bool:
        """Tell whether somebody is in the shop at an instant."""
        if self._shop is None or not self._shop.hours:
            return True
        local = at.astimezone(self._zone)
        wall = local.time()
        return any(opens <= wall < closes for opens, closes in self._hours_on(local.date()))

    def in_words(self) -> str:
        """Return one sentence about an ordinary week; empty where the hours are not known."""
        if self._shop is None or not self._shop.hours:
            return ""
        week = [(name, self._usual(day)) for day, name in enumerate(_DAYS, start=1)]
        open_days, closed = [], []
        for hours, group in groupby(week, key=lambda entry: entry[1]):
            names = [name for name, _ in group]
            if hours:
                open_days.append(f"{_span(names)} from {_stretches(hours)}")
            else:
                closed.append(_span(names))
        text = f"We are open {', '.join(open_days)}"
        return f"{text}; closed on {' and '.join(closed)}." if closed else f"{text}."

    def _hours_on(self, day: date) -> Stretches:
        assert self._shop is not None
        special = [
            (entry.opens, entry.closes) for entry in self._shop.special_hours if entry.day == day
        ]
        if special:
            return tuple(special)
        return () if day in self._shop.holidays else self._usual(day.isoweekday())

    def _usual(self, weekday: int) -> Stretches:
        assert self._shop is not None
        hours = self._shop.hours
        return tuple(
            sorted((entry.opens, entry.closes) for entry in hours if entry.weekday == weekday)
        )


def _span(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _stretches(hours: Iterable[tuple[time, time]]) -> str:
    return " and from ".join(f"{_clock(opens)} to {_clock(closes)}" for opens, closes in hours)


def _clock(wall: time) -> str:
    half = "a.m." if wall.hour < 12 else "p.m."
    minutes = f":{wall.minute:02d}" if wall.minute else ""
    return f"{(wall.hour - 1) % 12 + 1}{minutes} {half}"
