"""When somebody works."""

from __future__ import annotations

from datetime import date, time
from zoneinfo import ZoneInfo

from scheduler.duty import Duties
from scheduler.local_day import LocalDay
from scheduler.shop import OpeningHours

CHICAGO = ZoneInfo("America/Chicago")
MONDAY = LocalDay(date(2026, 6, 1), CHICAGO)
SHIFTS = (OpeningHours(1, time(8), time(12)), OpeningHours(1, time(12), time(16)))


def test_shifts_that_touch_are_one_and_breaks_are_left_out() -> None:
    breaks = (OpeningHours(1, time(12), time(12, 30)), OpeningHours(2, time(9), time(10)))
    mask = Duties().mask(1, SHIFTS, breaks, MONDAY)
    assert mask == MONDAY.duty(time(8), time(12)) | MONDAY.duty(time(12, 30), time(16))


def test_a_day_is_kept_for_each_person() -> None:
    duties = Duties()
    first = duties.mask(1, SHIFTS, (), MONDAY)
    assert duties.mask(1, (), (), MONDAY) == first
    assert duties.mask(2, (), (), MONDAY) == 0
    assert duties.mask(1, SHIFTS, (), LocalDay(date(2026, 6, 2), CHICAGO)) == 0
