"""Which times can be offered: pure arithmetic over opening hours, bays and what is taken.

Candidates lie on a grid of the shop's wall clock; everything is then compared in UTC seconds, so a
day with 23 or 25 hours needs no special case. A wall time that the clocks skip is never offered;
of a wall time that comes twice the first one is meant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE_S = 60
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """One stretch of one weekday (1 = Monday ... 7 = Sunday), wall clock; a break makes two."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Bay:
    """A place where a car is worked on; it does the services of its `bay_type`."""

    bay_id: int
    name: str
    bay_type: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A time that is gone, end exclusive: a booking, a hold, a closure or a busy block.

    `bay_id` None takes the whole shop.
    """

    start: datetime
    end: datetime
    bay_id: int | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a taken time needs its zone")


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: the labour, and the minutes that the bay needs afterwards."""

    bay_type: str
    labour_minutes: int
    buffer_minutes: int = 0

    @property
    def bay_time(self) -> timedelta:
        """How long the bay is occupied."""
        return timedelta(minutes=self.labour_minutes + self.buffer_minutes)


@dataclass(frozen=True, slots=True)
class SlotRules:
    """The shop's rules for offering: the grid of start times, and the least notice."""

    grid_minutes: int = 30
    notice_minutes: int = 60

    def __post_init__(self) -> None:
        if self.grid_minutes < 1 or DAY_MINUTES % self.grid_minutes:
            raise ValueError("grid_minutes has to divide a day")


@dataclass(frozen=True, slots=True)
class Shop:
    """Zone, hours and bays."""

    zone: ZoneInfo
    hours: tuple[OpeningHours, ...]
    bays: tuple[Bay, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that can be offered, in the shop's zone; `end` is when the labour is done.

    `bay_ids` are the bays that are free for all of it, lowest first.
    """

    start: datetime
    end: datetime
    bay_ids: tuple[int, ...]


def find_slots(
    shop: Shop,
    work: Work,
    taken: Iterable[Taken],
    *,
    now: datetime,
    earliest: datetime,
    latest: datetime,
    rules: SlotRules | None = None,
    limit: int | None = None,
) -> tuple[Slot, ...]:
    """Return the slots that start in [earliest, latest), soonest first.

    The order of `taken`, hours and bays does not matter. Work that does not fit into one stretch of
    opening hours has no slot.
    """
    rules = rules or SlotRules()
    first_s = max(earliest.timestamp(), (now + timedelta(minutes=rules.notice_minutes)).timestamp())
    last_s = latest.timestamp()
    if first_s >= last_s or limit == 0:
        return ()
    bays = _Occupancy(shop.bays, work.bay_type, taken)
    bay_s = work.bay_time.total_seconds()
    labour_s = work.labour_minutes * MINUTE_S
    found: list[Slot] = []
    for start_s, closes_s in _candidates(shop, rules.grid_minutes, first_s, last_s):
        if start_s + bay_s > closes_s:
            continue
        free = bays.free(start_s, start_s + bay_s)
        if free:
            start = datetime.fromtimestamp(start_s, shop.zone)
            end = datetime.fromtimestamp(start_s + labour_s, shop.zone)
            found.append(Slot(start, end, free))
            if len(found) == limit:
                break
    return tuple(found)


def nearest(slots: Sequence[Slot], wanted: datetime, limit: int) -> tuple[Slot, ...]:
    """Return the slots closest to a wanted start, in the order of time."""
    # Same-zone subtraction in Python ignores the offset, so distances are taken in UTC.
    wanted_utc = wanted.astimezone(UTC)
    closest = sorted(slots, key=lambda slot: abs(slot.start.astimezone(UTC) - wanted_utc))
    return tuple(sorted(closest[:limit], key=lambda slot: slot.start.astimezone(UTC)))


class _Occupancy:
    """Per bay the taken stretches, joined and sorted, as UTC seconds."""

    __slots__ = ("_bays",)

    def __init__(self, bays: Iterable[Bay], bay_type: str, taken: Iterable[Taken]) -> None:
        wanted = sorted({bay.bay_id for bay in bays if bay.bay_type == bay_type})
        spans: dict[int, list[tuple[float, float]]] = {bay_id: [] for bay_id in wanted}
        for item in taken:
            if item.bay_id is not None and item.bay_id not in spans:
                continue
            span = (item.start.timestamp(), item.end.timestamp())
            for bay_id in wanted if item.bay_id is None else (item.bay_id,):
                spans[bay_id].append(span)
        self._bays = [(bay_id, *_joined(spans[bay_id])) for bay_id in wanted]

    def free(self, start_s: float, end_s: float) -> tuple[int, ...]:
        """Return the bays with nothing in [start, end)."""
        found = []
        for bay_id, starts, ends in self._bays:
            following = bisect_right(ends, start_s)
            if following == len(starts) or starts[following] >= end_s:
                found.append(bay_id)
        return tuple(found)


def _joined(spans: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    starts: list[float] = []
    ends: list[float] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


def _candidates(
    shop: Shop, grid_minutes: int, first_s: float, last_s: float
) -> Iterator[tuple[float, float]]:
    """Yield (start, closing time) of every grid time in opening hours, in order."""
    hours: dict[int, set[tuple[time, time]]] = {}
    for item in shop.hours:
        hours.setdefault(item.weekday, set()).add((item.opens, item.closes))
    day = datetime.fromtimestamp(first_s, shop.zone).date()
    last_day = datetime.fromtimestamp(last_s, shop.zone).date()
    while day <= last_day:
        seen = -1.0
        for opens, closes in sorted(hours.get(day.isoweekday(), ())):
            closes_s = _closing_s(day, closes, shop.zone)
            for start_s in _grid(day, opens, closes, grid_minutes, shop.zone):
                # Stretches that overlap would otherwise offer one time twice.
                if start_s > seen and first_s <= start_s < last_s:
                    seen = start_s
                    yield start_s, closes_s
        day += timedelta(days=1)


def _grid(
    day: date, opens: time, closes: time, grid_minutes: int, zone: ZoneInfo
) -> Iterator[float]:
    """Yield the instants of the grid times from `opens` up to, not including, `closes`."""
    opens_minute = opens.hour * 60 + opens.minute + (opens.second > 0 or opens.microsecond > 0)
    closes_minute = closes.hour * 60 + closes.minute
    first = -(-opens_minute // grid_minutes) * grid_minutes
    midnight = datetime.combine(day, time(), tzinfo=zone)
    last = datetime.combine(day, closes, tzinfo=zone)
    if midnight.utcoffset() == last.utcoffset():
        base = midnight.timestamp()
        for minute in range(first, closes_minute, grid_minutes):
            yield base + minute * MINUTE_S
        return
    for minute in range(first, closes_minute, grid_minutes):
        wall = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)
        instant_s = wall.timestamp()
        if datetime.fromtimestamp(instant_s, zone).replace(tzinfo=None) == wall.replace(
            tzinfo=None
        ):
            yield instant_s


def _closing_s(day: date, closes: time, zone: ZoneInfo) -> float:
    """Return the instant of closing; where the clocks skip it, the one before the gap."""
    wall = datetime.combine(day, closes, tzinfo=zone)
    return min(wall.timestamp(), wall.replace(fold=1).timestamp())
