"""Looks for times in the diary: the free ones, one that is wanted, and those nearest to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from scheduler.diary import Diary
from scheduler.shop import Service
from scheduler.slots import PartOfDay, Slot, SlotFinder, nearest

ALTERNATIVES = 3
# Alternatives are looked for around the time that was wanted.
SEARCH_BEFORE = timedelta(days=3)
SEARCH_AFTER = timedelta(days=14)
# The longest that one booking can occupy a bay, so that neighbours of a window are seen.
LONGEST = timedelta(hours=24)


class SlotSearch:
    """Searches one diary; every method raises `ScheduleUnavailableError` where it is closed."""

    def __init__(self, diary: Diary, *, clock: Callable[[], datetime]) -> None:
        self._diary = diary
        self._clock = clock

    async def hours_on(self, day: date) -> tuple[tuple[time, time], ...]:
        """Return when the shop is open on a day, by the wall clock; empty where it is closed."""
        return (await self._diary.idle_finder()).hours_on(day)

    async def free(
        self,
        service: Service,
        *,
        earliest: datetime,
        latest: datetime,
        limit: int,
        part: PartOfDay = PartOfDay.ANY,
        technician_id: int | None = None,
    ) -> tuple[Slot, ...]:
        """Return up to `limit` slots that start in [earliest, latest) and not before now."""
        now = self._clock()
        earliest = max(earliest.astimezone(UTC), now.astimezone(UTC))
        latest = max(latest.astimezone(UTC), earliest)
        page = await self._diary.page(earliest - LONGEST, latest + LONGEST)
        return page.finder.find(
            service.work,
            now=now,
            earliest=earliest,
            latest=latest,
            limit=limit,
            part=part,
            technician_id=technician_id,
        )

    async def at(
        self,
        service: Service,
        start: datetime,
        *,
        moving: int | None = None,
        technician_id: int | None = None,
    ) -> Slot | None:
        """Return the bays and people that may do the work, whether or not they are taken.

        The booking itself finds out who is free. Only a car that is dropped off needs the diary,
        to know when its bay is. `moving` is an appointment that is not in its own way.
        """
        if service.drop_off:
            finder = await self._finder(service, start - LONGEST, start + LONGEST, moving)
        else:
            finder = await self._diary.idle_finder()
        slots = finder.find(
            service.work,
            now=self._clock(),
            earliest=start,
            latest=start + timedelta(microseconds=1),
            technician_id=technician_id,
        )
        return next(iter(slots), None)

    async def near(
        self,
        service: Service,
        wanted: datetime,
        *,
        moving: int | None = None,
        technician_id: int | None = None,
    ) -> tuple[Slot, ...]:
        """Return the free slots closest to a start that cannot be had, in the order of time."""
        first, last = wanted - SEARCH_BEFORE, wanted + SEARCH_AFTER
        finder = await self._finder(service, first - LONGEST, last + LONGEST, moving)
        slots = finder.find(
            service.work,
            now=self._clock(),
            earliest=first,
            latest=last,
            technician_id=technician_id,
        )
        # Between zones Python calls a wall time that comes twice unequal to every instant.
        others = [slot for slot in slots if slot.start.astimezone(UTC) != wanted]
        return nearest(others, wanted, ALTERNATIVES)

    async def _finder(
        self, service: Service, since: datetime, until: datetime, moving: int | None
    ) -> SlotFinder:
        page = await self._diary.page(since, until)
        return page.finder if moving is None else page.without(moving, service.labour_minutes)
