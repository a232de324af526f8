"""Sets of minutes against sets of numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.minute_mask import every, hull, minutes_of, starts_of_runs, stretch


@given(st.sets(st.integers(0, 300)), st.integers(1, 60))
def test_a_run_starts_where_all_of_its_minutes_are_set(minutes: set[int], length: int) -> None:
    mask = sum(1 << minute for minute in minutes)
    runs = [m for m in sorted(minutes) if minutes.issuperset(range(m, m + length))]
    assert list(minutes_of(starts_of_runs(mask, length))) == runs


@given(st.integers(-50, 300), st.integers(-50, 300))
def test_a_stretch_ends_before_its_end_and_begins_with_the_day(start: int, end: int) -> None:
    assert list(minutes_of(stretch(start, end))) == list(range(max(start, 0), max(end, 0)))


@given(st.integers(1, 60), st.integers(0, 50))
def test_every_nth_minute(step: int, count: int) -> None:
    assert list(minutes_of(every(step, count))) == list(range(0, step * count, step))


@given(st.sets(st.integers(0, 200)))
def test_the_hull_reaches_from_the_first_to_the_last(minutes: set[int]) -> None:
    found = hull(sum(1 << minute for minute in minutes))
    assert found == (range(min(minutes), max(minutes) + 1) if minutes else range(0))
