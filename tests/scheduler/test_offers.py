"""Which three times are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from scheduler.offers import soonest, spread
from scheduler.slots import Slot

ZONE = ZoneInfo("America/Chicago")


def slot(text: str) -> Slot:
    start = datetime.fromisoformat(f"2026-06-{text}").replace(tzinfo=ZONE)
    return Slot(start, start + timedelta(hours=1), (1,))


def said(slots: tuple[Slot, ...]) -> list[str]:
    return [f"{item.start:%dT%H:%M}" for item in slots]


MONDAY = [slot(f"01T{hour:02d}:{minute}") for hour in (8, 9, 10) for minute in ("00", "30")]


def test_the_soonest_are_an_hour_apart() -> None:
    assert said(soonest(MONDAY)) == ["01T08:00", "01T09:00", "01T10:00"]
    assert said(soonest(MONDAY[:4])) == ["01T08:00", "01T08:30", "01T09:00"]
    assert said(soonest(MONDAY[1:2])) == ["01T08:30"]
    assert soonest([]) == ()


def test_spread_takes_the_first_of_each_day() -> None:
    days = [*MONDAY, slot("02T13:00"), slot("04T11:00"), slot("05T08:00")]
    assert said(spread(days, ZONE)) == ["01T08:00", "02T13:00", "04T11:00"]
    assert said(spread(days[:7], ZONE)) == ["01T08:00", "01T08:30", "02T13:00"]
    assert spread([], ZONE) == ()


@given(st.sets(st.integers(0, 500)), st.integers(1, 5), st.randoms())
def test_order_does_not_matter_and_nothing_is_said_twice(
    halves: set[int], limit: int, chance: object
) -> None:
    begin = datetime(2026, 3, 6, tzinfo=UTC)
    slots = [
        Slot((begin + timedelta(minutes=30 * half)).astimezone(ZONE), begin, (1,))
        for half in halves
    ]
    mixed = list(slots)
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # a random.Random
    for choose in (lambda items: soonest(items, limit), lambda items: spread(items, ZONE, limit)):
        chosen = choose(slots)
        assert choose(mixed) == chosen
        assert len(set(chosen)) == len(chosen) == min(limit, len(slots))
        instants = [item.start.astimezone(UTC) for item in chosen]
        assert instants == sorted(instants)
        if slots:
            assert instants[0] == min(item.start.astimezone(UTC) for item in slots)
