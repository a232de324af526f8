"""The days of the big shop: who works when, which days are closed, and where a job still fits.

Theory of operation: a day is cut into quarters of an hour from opening on. What a bay or a
technician is busy with is one whole number whose bits are those quarters, so that looking for a
free time is a few shifts and ands. Every labour time and every buffer is a multiple of a quarter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm.dataset.big_shop import (
    BAY_TYPES,
    BAYS_OF,
    HOURS_OF,
    OFF_DUTY,
    PEOPLE_OF,
    QUARTER_MINUTES,
    SERVICE,
    quarter_of,
)
from crm.dataset.draws import Draws
from crm.dataset.rows import CapacityRow, ClosureRow

# Appointments start on this grid, in quarters.
_GRID = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a job is done; `end` includes the bay's buffer, both in UTC."""

    day: int
    bay_id: int
    technician_id: int
    start: datetime
    end: datetime


class _Day:
    """One open day; bits of `bays` and `technicians` are quarters that are taken."""

    __slots__ = ("bays", "booked_minutes", "labour_minutes", "opens", "quarters", "technicians")

    def __init__(self, opens: datetime, quarters: int, weekday: int) -> None:
        self.opens = opens
        self.quarters = quarters
        self.bays = dict.fromkeys(BAY_TYPES, 0)
        self.technicians = dict(OFF_DUTY[weekday])
        self.booked_minutes = 0
        full = (1 << quarters) - 1
        self.labour_minutes = sum(
            QUARTER_MINUTES * (full & ~busy).bit_count() for busy in self.technicians.values()
        )


class ShopDays:
    """The calendar of the shop around `today`, and what is booked in it.

    Args:
        closed_bays: (first day, last day, bay), days as ordinals of dates.
    """

    __slots__ = ("_closed_bays", "_days", "_draws", "_holidays", "_zone")

    def __init__(self, draws: Draws, zone: ZoneInfo, first: date, last: date) -> None:
        self._draws = draws
        self._zone = zone
        self._days: dict[int, _Day | None] = {}
        self._holidays = {
            day.toordinal(): name
            for year in range(first.year, last.year + 1)
            for name, day in holidays_of(year).items()
        }
        self._closed_bays: list[tuple[int, int, int, str]] = []

    def close_bay(self, first_day: int, days: int, bay_id: int, reason: str) -> None:
        """Take a bay out of use; before anything is booked on these days."""
        self._closed_bays.append((first_day, first_day + days, bay_id, reason))

    def is_open(self, day: int) -> bool:
        """Tell whether the shop opens on a day."""
        return day not in self._holidays and (day + 6) % 7 + 1 in HOURS_OF

    def open_day_from(self, day: int, step: int = 1) -> int:
        """Return the day, or the nearest open one after it (`step` 1) or before it (-1)."""
        while not self.is_open(day):
            day += step
        return day

    def find(self, code: str, day: int, *, is_early: bool = False) -> Place | None:
        """Return a time at which the service fits into the day; None: there is none left.

        `is_early` takes the first such time instead of any.
        """
        at = self._day(day)
        if at is None:
            return None
        service = SERVICE[code]
        quarters = (service.labour_minutes + service.buffer_minutes) // QUARTER_MINUTES
        starts = range(0, at.quarters - quarters + 1, _GRID)
        turn = 0 if is_early or not starts else self._draws.whole(0, len(starts) - 1)
        bays, people = BAYS_OF[service.bay_type], PEOPLE_OF[service.skill]
        for start in (*starts[turn:], *starts[:turn]):
            wanted = ((1 << quarters) - 1) << start
            bay = self._free(bays, at.bays, wanted)
            person = self._free(people, at.technicians, wanted) if bay else None
            if bay and person:
                begin = at.opens + timedelta(minutes=start * QUARTER_MINUTES)
                end = begin + timedelta(minutes=quarters * QUARTER_MINUTES)
                return Place(day, bay, person, begin, end)
        return None

    def book(self, code: str, place: Place) -> None:
        """Take bay and technician for the time, and count the labour."""
        at = self._day(place.day)
        assert at is not None, "a place is on an open day"
        start = int((place.start - at.opens).total_seconds()) // 60 // QUARTER_MINUTES
        quarters = int((place.end - place.start).total_seconds()) // 60 // QUARTER_MINUTES
        taken = ((1 << quarters) - 1) << start
        at.bays[place.bay_id] |= taken
        at.technicians[place.technician_id] |= taken
        at.booked_minutes += SERVICE[code].labour_minutes

    def capacity(self, first_day: int, last_day: int) -> Iterator[CapacityRow]:
        """Yield what the open days can hold and what is booked on them."""
        for day in range(first_day, last_day + 1):
            at = self._day(day)
            if at is not None:
                yield CapacityRow(date.fromordinal(day), at.labour_minutes, at.booked_minutes)

    def closures(self, first_day: int, last_day: int) -> Iterator[ClosureRow]:
        """Yield holidays and closed bays, from midnight to midnight of the shop."""
        found = [
            (day, day + 1, None, name)
            for day, name in self._holidays.items()
            if first_day <= day <= last_day
        ]
        spans = sorted([*found, *self._closed_bays], key=lambda span: (span[0], span[3]))
        for number, (start, end, bay_id, reason) in enumerate(spans, start=1):
            yield ClosureRow(
                number, (self._at(start, time()), self._at(end, time())), bay_id, reason
            )

    def _day(self, day: int) -> _Day | None:
        if day not in self._days:
            self._days[day] = self._new_day(day) if self.is_open(day) else None
        return self._days[day]

    def _new_day(self, day: int) -> _Day:
        weekday = (day + 6) % 7 + 1
        opens, closes = HOURS_OF[weekday]
        made = _Day(self._at(day, opens), quarter_of(closes), weekday)
        for first, end, bay_id, _ in self._closed_bays:
            if first <= day < end:
                made.bays[bay_id] = (1 << made.quarters) - 1
        return made

    def _at(self, day: int, wall: time) -> datetime:
        local = datetime.combine(date.fromordinal(day), wall, tzinfo=self._zone)
        return local.astimezone(UTC)

    def _free(self, candidates: tuple[int, ...], busy: Mapping[int, int], wanted: int) -> int:
        """Return one candidate whose quarters are free, any of them equally likely; else 0."""
        size = len(candidates)
        turn = self._draws.whole(0, size - 1)
        for step in range(size):
            key = candidates[(turn + step) % size]
            if not busy[key] & wanted:
                return key
        return 0


def holidays_of(year: int) -> dict[str, date]:
    """Return the days of a year on which nobody works.

    Source: 5 U.S.C. 6103(a); Illinois shops close on these six.
    """
    return {
        "New Year's Day": date(year, 1, 1),
        "Memorial Day": _last_monday(year, 5),
        "Independence Day": date(year, 7, 4),
        "Labor Day": _nth_weekday(year, 9, 1, 1),
        "Thanksgiving Day": _nth_weekday(year, 11, 4, 4),
        "Christmas Day": date(year, 12, 25),
    }


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.isoweekday()) % 7 + 7 * (nth - 1))


def _last_monday(year: int, month: int) -> date:
    last = date(year, month + 1, 1) - timedelta(days=1)
    return last - timedelta(days=last.isoweekday() - 1)
