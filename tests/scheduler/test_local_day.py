"""A day's wall clock on the minutes of UTC, on plain days and on those with a change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.local_day import LAYOUT_MINUTES, LocalDay, local_day
from scheduler.minute_mask import minutes_of

CHICAGO = ZoneInfo("America/Chicago")
SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 6, 1)


def walls(day: LocalDay, mask: int) -> list[str]:
    return [f"{day.local(bit):%H:%M}" for bit in minutes_of(mask)]


def length_h(mask: int) -> float:
    return mask.bit_count() / 60


@pytest.mark.parametrize(("day", "hours"), [(PLAIN, 6), (SPRING, 5), (AUTUMN, 7)])
def test_six_hours_of_the_wall_are_five_or_seven_on_the_days_of_the_change(
    day: date, hours: int
) -> None:
    assert length_h(LocalDay(day, CHICAGO).opening(time(0), time(6))) == hours
    assert length_h(LocalDay(day, CHICAGO).duty(time(0), time(6))) == hours


def test_the_grid_has_no_time_that_is_skipped_and_each_doubled_one_once() -> None:
    spring, autumn = LocalDay(SPRING, CHICAGO), LocalDay(AUTUMN, CHICAGO)
    assert walls(spring, spring.grid(time(1), time(4), 60)) == ["01:00", "03:00"]
    assert walls(autumn, autumn.grid(time(0), time(4), 60)) == ["00:00", "01:00", "02:00", "03:00"]


def test_an_edge_that_the_clocks_skip_widens_a_break_and_narrows_a_shift() -> None:
    spring = LocalDay(SPRING, CHICAGO)
    # 02:30 is not there: 01:30 standard and 03:30 summer time are its two readings.
    assert walls(spring, spring.duty(time(2, 30), time(4)))[0] == "03:30"
    assert walls(spring, spring.duty(time(1), time(2, 30)))[-1] == "01:29"
    pause = walls(spring, spring.pause(time(2, 30), time(2, 45)))
    assert (pause[0], pause[-1]) == ("01:30", "03:44")


def test_seconds_are_cut_to_the_minutes_that_are_whole() -> None:
    day = LocalDay(PLAIN, CHICAGO)
    assert walls(day, day.opening(time(8, 0, 30), time(8, 3, 30))) == ["08:01", "08:02"]
    pause = walls(day, day.pause(time(8, 0, 30), time(8, 1, 30)))
    assert pause == ["08:00", "08:01"]
    assert walls(day, day.opening(time(23, 59, 30), time(23, 59, 59))) == []


def test_a_date_that_a_zone_left_out_does_not_exist() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert not LocalDay(date(2011, 12, 30), apia).exists
    assert LocalDay(date(2011, 12, 31), apia).exists


def test_a_midnight_that_is_skipped_still_begins_its_day() -> None:
    """Beirut changes its clocks at midnight."""
    day = LocalDay(date(2026, 3, 29), ZoneInfo("Asia/Beirut"))
    assert day.exists
    assert walls(day, day.grid(time(0), time(3), 60)) == ["01:00", "02:00"]


@settings(max_examples=150)
@given(
    st.dates(date(2025, 1, 1), date(2030, 12, 31)),
    st.sampled_from(
        ["America/Chicago", "Australia/Lord_Howe", "Asia/Beirut", "Asia/Kathmandu", "UTC"]
    ),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
def test_every_minute_of_a_grid_reads_as_the_wall_says(
    day: date, zone_name: str, opens: int, closes: int
) -> None:
    zone = ZoneInfo(zone_name)
    layout = local_day(day, zone)
    grid = layout.grid(time(opens // 60, opens % 60), time(closes // 60, closes % 60), 15)
    assert grid < 1 << LAYOUT_MINUTES
    expected = []
    for minute in range(0, 1440, 15):
        wall = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)
        there = wall.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        if opens <= minute < closes and there == wall.replace(tzinfo=None):
            expected.append(wall)
    assert [layout.on_wall(bit) for bit in minutes_of(grid)] == expected
    assert [layout.local(bit) for bit in minutes_of(grid)] == expected
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for bit in minutes_of(grid):
        instant = epoch + timedelta(minutes=layout.first_minute + bit)
        assert layout.on_wall(bit).astimezone(UTC) == instant
