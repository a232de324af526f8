"""Which times can be offered: pure arithmetic over the shop's hours, people and bays.

Theory of operation: a day is laid out in minutes of UTC, one bit each (`local_day`). The minutes
on which a bay is free for the whole job come from its free minutes by a few shifts, those of the
technicians likewise; both, the opening hours and the grid of start times together leave the starts
that can be offered. Whole days are worked out once and kept, as callers ask for the same ones.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from scheduler.duty import Duties
from scheduler.local_day import DAY_MINUTES, MINUTE_S, LocalDay, local_day
from scheduler.minute_mask import hull, minutes_of, starts_of_runs
from scheduler.occupancy import Occupancy
from scheduler.shop import Shop, Work
from scheduler.taken import Taken

NOON = 12


@dataclass(frozen=True, slots=True)
class SlotRules:
    """The shop's rules for offering: the grid of start times, and the least notice."""

    grid_minutes: int = 30
    notice_minutes: int = 60

    def __post_init__(self) -> None:
        if self.grid_minutes < 1 or DAY_MINUTES % self.grid_minutes:
            raise ValueError("grid_minutes has to divide a day")


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that can be offered, in the shop's zone.

    The customer comes at `start`; `end` is when the labour is done. The work begins at
    `bay_start`, which is later than `start` only for a car that is dropped off. `bay_ids` and
    `technician_ids` are those that are free for all of it, lowest first.
    """

    start: datetime
    end: datetime
    bay_ids: tuple[int, ...]
    technician_ids: tuple[int, ...] = ()
    bay_start: datetime | None = None

    @property
    def work_start(self) -> datetime:
        """When bay and technician are taken from, in UTC."""
        return (self.bay_start or self.start).astimezone(UTC)


class PartOfDay(StrEnum):
    """When on the day a caller wants to come; noon is the first minute of the afternoon."""

    ANY = "any"
    MORNING = "morning"
    AFTERNOON = "afternoon"

    def has(self, start: datetime) -> bool:
        """Tell whether a wall time lies in it."""
        return self is PartOfDay.ANY or (start.hour < NOON) == (self is PartOfDay.MORNING)


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
    room: Mapping[date, int] | None = None,
    part: PartOfDay = PartOfDay.ANY,
    technician_id: int | None = None,
) -> tuple[Slot, ...]:
    """Return the slots that start in [earliest, latest), soonest first.

    `room` has the minutes of labour that a day can still take; a day without an entry takes any.
    `technician_id` leaves only what this person can do. The order of `taken`, hours, bays and
    technicians does not matter. Work that does not fit into one stretch of opening hours has no
    slot.
    """
    finder = SlotFinder(shop, Occupancy(one.span for one in taken), rules=rules, room=room)
    return finder.find(
        work,
        now=now,
        earliest=earliest,
        latest=latest,
        limit=limit,
        part=part,
        technician_id=technician_id,
    )


def nearest(slots: Sequence[Slot], wanted: datetime, limit: int) -> tuple[Slot, ...]:
    """Return the slots closest to a wanted start, in the order of time."""
    # Same-zone subtraction in Python ignores the offset, so distances are taken in UTC.
    wanted_utc = wanted.astimezone(UTC)
    closest = sorted(slots, key=lambda slot: abs(slot.start.astimezone(UTC) - wanted_utc))
    return tuple(sorted(closest[:limit], key=lambda slot: slot.start.astimezone(UTC)))


_DaySlots = tuple[list[int], list[Slot]]


class SlotFinder:
    """One shop with what is taken in it; finds slots for any work, each day worked out once."""

    __slots__ = ("_days", "_duties", "_hours", "_idle", "_occupancy", "_room", "_rules", "_shop")

    def __init__(
        self,
        shop: Shop,
        occupancy: Occupancy,
        *,
        rules: SlotRules | None = None,
        room: Mapping[date, int] | None = None,
        duties: Duties | None = None,
    ) -> None:
        self._shop = shop
        self._duties = duties or Duties()
        self._occupancy = occupancy
        self._rules = rules or SlotRules()
        self._room = room or {}
        self._hours: dict[int | date, set[tuple[time, time]]] = {}
        for usual in shop.hours:
            self._hours.setdefault(usual.weekday, set()).add((usual.opens, usual.closes))
        for special in shop.special_hours:
            self._hours.setdefault(special.day, set()).add((special.opens, special.closes))
        self._days: dict[tuple[Work, int | None], dict[date, _DaySlots]] = {}
        self._idle: dict[tuple[str, int, date], int] = {}

    def find(
        self,
        work: Work,
        *,
        now: datetime,
        earliest: datetime,
        latest: datetime,
        limit: int | None = None,
        part: PartOfDay = PartOfDay.ANY,
        technician_id: int | None = None,
    ) -> tuple[Slot, ...]:
        """Return the slots that start in [earliest, latest), soonest first; as `find_slots`."""
        notice = timedelta(minutes=self._rules.notice_minutes)
        first_s = max(earliest.timestamp(), (now.astimezone(UTC) + notice).timestamp())
        last_s = latest.timestamp()
        found: list[Slot] = []
        if first_s >= last_s:
            return ()
        # Slots start on whole minutes.
        first, last = int(-(-first_s // MINUTE_S)), int(-(-last_s // MINUTE_S))
        day = datetime.fromtimestamp(first_s, self._shop.zone).date()
        last_day = datetime.fromtimestamp(last_s, self._shop.zone).date()
        days = self._days.setdefault((work, technician_id), {})
        while day <= last_day and (limit is None or len(found) < limit):
            if day not in days:
                days[day] = self._new_day(work, technician_id, day)
            minutes, slots = days[day]
            begin, end = bisect_left(minutes, first), bisect_left(minutes, last)
            if part is PartOfDay.ANY:
                found += slots[begin:end]
            else:
                found += [slot for slot in slots[begin:end] if part.has(slot.start)]
            day += timedelta(days=1)
        return tuple(found[:limit])

    def hours_on(self, day: date) -> tuple[tuple[time, time], ...]:
        """Return when the shop opens and closes on a day; empty where it stays closed."""
        return tuple(sorted(self._hours_of(day)))

    def _hours_of(self, day: date) -> Iterable[tuple[time, time]]:
        if day in self._hours:
            return self._hours[day]
        weekday = day.isoweekday()
        if weekday not in self._hours or day in self._shop.holidays:
            return ()
        return self._hours[weekday]

    def _new_day(self, work: Work, technician_id: int | None, day: date) -> _DaySlots:
        hours = self._hours_of(day)
        if not hours or self._room.get(day, work.labour_minutes) < work.labour_minutes:
            return [], []
        layout = local_day(day, self._shop.zone)
        if not layout.exists:
            return [], []
        arrivals = starts = opening = 0
        for opens, closes in hours:
            grid = layout.grid(opens, closes, self._rules.grid_minutes)
            stretch = layout.opening(opens, closes)
            opening |= stretch
            arrivals |= grid
            starts |= grid & starts_of_runs(stretch, work.bay_minutes)
        if not starts:
            return [], []
        open_minutes = opening & ~self._occupancy.shop(layout.first_minute, hull(opening))
        bays = self._free_bays(work, layout, open_minutes)
        people = self._free_technicians(work, technician_id, layout, open_minutes)
        starts &= _any(bays)
        if people is not None:
            starts &= _any(people)
        return _slots(work, layout, arrivals & open_minutes, starts, bays, people or ())

    def _free_bays(self, work: Work, layout: LocalDay, open_minutes: int) -> _Free:
        """Return per bay the minutes from which on it is free for the work."""
        wanted = {bay.bay_id for bay in self._shop.bays if bay.bay_type == work.bay_type}
        found = []
        for bay_id in sorted(wanted):
            key = ("bay", bay_id, layout.day)
            if key not in self._idle:
                busy = self._occupancy.bay(bay_id, layout.first_minute, hull(open_minutes))
                self._idle[key] = open_minutes & ~busy
            found.append((bay_id, starts_of_runs(self._idle[key], work.bay_minutes)))
        return tuple(found)

    def _free_technicians(
        self, work: Work, technician_id: int | None, layout: LocalDay, open_minutes: int
    ) -> _Free | None:
        """Return per technician the minutes from which on they are free; None: none is needed."""
        if not self._shop.technicians:
            return None
        found = []
        for person in self._shop.technicians:
            number = person.technician_id
            if technician_id not in (None, number):
                continue
            if work.skill is not None and work.skill not in person.skills:
                continue
            key = ("technician", number, layout.day)
            if key not in self._idle:
                busy = self._occupancy.technician(number, layout.first_minute, hull(open_minutes))
                duty = self._duties.mask(number, person.shifts, person.breaks, layout)
                self._idle[key] = duty & open_minutes & ~busy
            if self._idle[key]:
                found.append((number, starts_of_runs(self._idle[key], work.bay_minutes)))
        return tuple(sorted(found))


_Free = tuple[tuple[int, int], ...]


def _any(free: _Free) -> int:
    mask = 0
    for _, minutes in free:
        mask |= minutes
    return mask


def _slots(
    work: Work, layout: LocalDay, arrivals: int, starts: int, bays: _Free, people: _Free
) -> _DaySlots:
    minutes: list[int] = []
    slots: list[Slot] = []
    for arrival in minutes_of(arrivals if work.drop_off else starts):
        later = starts >> arrival
        if not later:
            break
        begin = arrival + (later & -later).bit_length() - 1
        minutes.append(layout.first_minute + arrival)
        slots.append(
            Slot(
                layout.on_wall(arrival),
                layout.on_wall(begin + work.labour_minutes),
                tuple([key for key, free in bays if free >> begin & 1]),
                tuple([key for key, free in people if free >> begin & 1]),
                layout.on_wall(begin) if begin > arrival else None,
            )
        )
    return minutes, slots
