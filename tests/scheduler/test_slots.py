"""Which times are offered: tables for the odd days, properties for the rest."""

from __future__ import annotations

import random
import statistics
import time as clock
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.shop import Bay, OpeningHours, Shop, SpecialHours, Technician, Work
from scheduler.slots import PartOfDay, Slot, SlotRules, find_slots, nearest
from scheduler.taken import Taken

CHICAGO = ZoneInfo("America/Chicago")
WEEK = tuple(OpeningHours(weekday, time(8), time(17)) for weekday in range(1, 8))
BAYS = (Bay(1, "Bay 1", "lift"), Bay(2, "Bay 2", "lift"), Bay(9, "Wash", "wash"))
SHOP = Shop(CHICAGO, WEEK, BAYS)
OIL = Work("lift", 45, 15)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


def starts(
    shop: Shop = SHOP,
    work: Work = OIL,
    taken: tuple[Taken, ...] = (),
    *,
    day: str = "2026-11-24",
    now: datetime = NOW,
    rules: SlotRules | None = None,
) -> list[str]:
    """The wall times offered on one local day."""
    first = datetime.combine(date.fromisoformat(day), time(), tzinfo=shop.zone)
    last = datetime.combine(first.date() + timedelta(days=1), time(), tzinfo=shop.zone)
    found = find_slots(shop, work, taken, now=now, earliest=first, latest=last, rules=rules)
    assert all(slot.start.tzinfo is shop.zone for slot in found)
    return [f"{slot.start:%H:%M}" for slot in found]


def test_an_empty_day_is_offered_from_opening_until_the_bay_would_run_over() -> None:
    offered = starts()
    assert offered[0] == "08:00"
    assert offered[-1] == "16:00"
    assert len(offered) == 17


def test_the_grid_can_be_fifteen_minutes() -> None:
    assert starts(rules=SlotRules(grid_minutes=15))[:3] == ["08:00", "08:15", "08:30"]


def test_opening_off_the_grid_begins_at_the_next_grid_time() -> None:
    shop = Shop(CHICAGO, (OpeningHours(2, time(7, 45), time(9, 30)),), BAYS)
    assert starts(shop) == ["08:00", "08:30"]


def test_a_lunch_break_is_never_worked_through() -> None:
    hours = (OpeningHours(2, time(8), time(12)), OpeningHours(2, time(13), time(15)))
    assert starts(Shop(CHICAGO, hours, BAYS), Work("lift", 120)) == [
        "08:00",
        "08:30",
        "09:00",
        "09:30",
        "10:00",
        "13:00",
    ]


def test_stretches_that_overlap_offer_a_time_once() -> None:
    hours = (OpeningHours(2, time(8), time(10)), OpeningHours(2, time(9), time(11)))
    offered = starts(Shop(CHICAGO, hours, BAYS), Work("lift", 30))
    assert offered == sorted(set(offered))


def test_a_slot_needs_the_buffer_too_but_ends_with_the_labour() -> None:
    taken = (Taken(local("2026-11-24T09:00"), local("2026-11-24T17:00")),)
    slots = find_slots(
        SHOP,
        OIL,
        taken,
        now=NOW,
        earliest=local("2026-11-24T00:00"),
        latest=local("2026-11-25T00:00"),
    )
    assert [(slot.start, slot.end) for slot in slots] == [
        (local("2026-11-24T08:00"), local("2026-11-24T08:45"))
    ]


def test_bookings_take_one_bay_and_closures_all() -> None:
    one = Taken(local("2026-11-24T08:00"), local("2026-11-24T12:00"), 1)
    slots = find_slots(
        SHOP,
        OIL,
        (one,),
        now=NOW,
        earliest=local("2026-11-24T08:00"),
        latest=local("2026-11-24T12:30"),
    )
    assert {slot.bay_ids for slot in slots[:-2]} == {(2,)}
    assert slots[-1].bay_ids == (1, 2)
    everything = Taken(local("2026-11-24T00:00"), local("2026-11-25T00:00"))
    assert starts(taken=(everything,)) == []
    assert starts(taken=(Taken(one.start, one.end, 9),)) == starts()


def test_touching_bookings_do_not_clash() -> None:
    around = (
        Taken(local("2026-11-24T08:00"), local("2026-11-24T10:00")),
        Taken(local("2026-11-24T11:00"), local("2026-11-24T17:00")),
    )
    assert starts(taken=around) == ["10:00"]


def test_notice_and_the_past() -> None:
    now = local("2026-11-24T10:10")
    assert starts(now=now)[0] == "11:30"
    assert starts(now=now, rules=SlotRules(notice_minutes=0))[0] == "10:30"
    assert starts(now=local("2026-11-25T00:00")) == []


def test_no_bay_of_that_type_or_too_long_a_job_has_no_slot() -> None:
    assert starts(work=Work("paint", 30)) == []
    assert starts(work=Work("lift", 541)) == []
    assert starts(work=Work("lift", 540)) == ["08:00"]


def test_limit_and_half_open_window() -> None:
    window = {"now": NOW, "earliest": local("2026-11-24T08:00")}
    assert len(find_slots(SHOP, OIL, (), latest=local("2026-11-30T08:00"), limit=3, **window)) == 3
    until_nine = find_slots(SHOP, OIL, (), latest=local("2026-11-24T09:00"), **window)
    assert [slot.start.hour for slot in until_nine] == [8, 8]
    assert find_slots(SHOP, OIL, (), latest=local("2026-11-24T08:00"), **window) == ()
    assert find_slots(SHOP, OIL, (), latest=local("2026-11-30T08:00"), limit=0, **window) == ()


NIGHT = Shop(
    CHICAGO, tuple(OpeningHours(weekday, time(0), time(6)) for weekday in range(1, 8)), BAYS
)


def test_the_hour_that_the_clocks_skip_is_not_offered() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    offered = starts(NIGHT, Work("lift", 60), day="2026-03-08", now=now)
    assert offered == [
        *("00:00", "00:30", "01:00", "01:30"),
        *("03:00", "03:30", "04:00", "04:30", "05:00"),
    ]


def test_work_over_the_skipped_hour_takes_its_true_length() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    slots = find_slots(
        NIGHT,
        Work("lift", 120),
        (),
        now=now,
        earliest=local("2026-03-08T01:00"),
        latest=local("2026-03-08T01:30"),
    )
    assert [f"{slot.end:%H:%M}" for slot in slots] == ["04:00"]


def test_the_hour_that_comes_twice_is_offered_once_and_worked_once() -> None:
    now = datetime(2026, 10, 25, tzinfo=UTC)
    offered = starts(NIGHT, Work("lift", 60), day="2026-11-01", now=now)
    assert offered == [f"{hour:02d}:{minute}" for hour in range(5) for minute in ("00", "30")] + [
        "05:00"
    ]
    slots = find_slots(
        NIGHT,
        Work("lift", 120),
        (),
        now=now,
        earliest=local("2026-11-01T00:30"),
        latest=local("2026-11-01T01:00"),
    )
    assert slots[0].end.astimezone(UTC) - slots[0].start.astimezone(UTC) == timedelta(hours=2)
    assert f"{slots[0].end:%H:%M}" == "01:30"
    assert slots[0].end.fold == 1


@pytest.mark.parametrize(
    "day", ["2028-02-29", "2026-12-31", "2027-01-01", "2026-03-09", "2026-11-02"]
)
def test_leap_day_year_end_and_the_days_after_a_change_are_plain_days(day: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert len(starts(day=day, now=now)) == 17


@pytest.mark.parametrize("name", ["Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"])
def test_other_zones_keep_their_own_wall_clock(name: str) -> None:
    offered = starts(Shop(ZoneInfo(name), WEEK, BAYS), day="2026-11-25")
    assert (offered[0], offered[-1], len(offered)) == ("08:00", "16:00", 17)


def test_naive_times_and_odd_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Taken(datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(ValueError, match="grid"):
        SlotRules(grid_minutes=7)


def test_the_nearest_are_returned_in_order_of_time() -> None:
    slots = [
        Slot(local(f"2026-11-24T{hour:02d}:00"), local("2026-11-24T17:00"), (1,))
        for hour in range(8, 16)
    ]
    chosen = nearest(slots, local("2026-11-24T11:10"), 3)
    assert [slot.start.hour for slot in chosen] == [10, 11, 12]


def test_five_thousand_bookings_and_sixty_days_take_under_twenty_ms() -> None:
    """The bound leaves room for a busy machine; `bench.booking_latency` prints the figure."""
    bays = tuple(Bay(number, f"Bay {number}", "lift") for number in range(1, 9))
    rng = random.Random(1)
    taken = []
    for _ in range(5000):
        start = local("2026-11-24T08:00") + timedelta(minutes=30 * rng.randrange(60 * 48))
        taken.append(Taken(start, start + timedelta(minutes=60), rng.randint(1, 8)))
    times = []
    for _ in range(9):
        # The time of this process: what others do meanwhile does not count.
        begun = clock.process_time()
        find_slots(
            Shop(CHICAGO, WEEK, bays),
            OIL,
            taken,
            now=NOW,
            earliest=NOW,
            latest=NOW + timedelta(days=60),
        )
        times.append(clock.process_time() - begun)
    assert statistics.median(times) < 0.06


EARLY = tuple(OpeningHours(weekday, time(8), time(12)) for weekday in range(1, 8))
LATE = tuple(OpeningHours(weekday, time(11), time(17)) for weekday in range(1, 8))
NOON_BREAK = tuple(OpeningHours(weekday, time(13), time(14)) for weekday in range(1, 8))
DANA = Technician(1, "Dana", frozenset({"brakes", "oil"}), EARLY)
LUIS = Technician(2, "Luis", frozenset({"oil"}), LATE, NOON_BREAK)
STAFFED = Shop(CHICAGO, WEEK, BAYS, (DANA, LUIS))
BRAKES = Work("lift", 60, skill="brakes")
ANY_OIL = Work("lift", 60, skill="oil")


def on_the_24th(
    shop: Shop, work: Work, taken: tuple[Taken, ...] = (), **options: Any
) -> list[Slot]:
    window = {"earliest": local("2026-11-24T00:00"), "latest": local("2026-11-25T00:00")}
    return list(find_slots(shop, work, taken, now=NOW, **(window | options)))


def test_a_slot_needs_somebody_with_the_skill_who_is_there() -> None:
    slots = on_the_24th(STAFFED, BRAKES)
    assert {slot.technician_ids for slot in slots} == {(1,)}
    assert [f"{slot.start:%H:%M}" for slot in slots][-1] == "11:00"
    assert on_the_24th(STAFFED, Work("lift", 60, skill="paint")) == []
    by_start = {
        f"{slot.start:%H:%M}": slot.technician_ids for slot in on_the_24th(STAFFED, ANY_OIL)
    }
    assert by_start["08:00"] == (1,)
    assert by_start["11:00"] == (1, 2)
    assert by_start["12:00"] == (2,)
    # Over the break nobody works.
    assert "12:30" not in by_start
    assert by_start["14:00"] == (2,)
    # Without a skill anybody does it; without technicians nobody is needed.
    assert on_the_24th(STAFFED, Work("lift", 60)) == on_the_24th(STAFFED, ANY_OIL)
    assert {slot.technician_ids for slot in on_the_24th(SHOP, BRAKES)} == {()}


def test_somebody_who_is_taken_is_in_no_second_bay() -> None:
    busy = Taken(local("2026-11-24T08:00"), local("2026-11-24T10:00"), 1, 1)
    slots = on_the_24th(STAFFED, BRAKES, (busy,))
    assert f"{slots[0].start:%H:%M}" == "10:00"
    away = Taken(local("2026-11-24T08:00"), local("2026-11-24T10:30"), None, 1)
    slots = on_the_24th(STAFFED, BRAKES, (away,))
    assert f"{slots[0].start:%H:%M}" == "10:30"
    assert slots[0].bay_ids == (1, 2)


def test_the_same_technician_can_be_asked_for() -> None:
    slots = on_the_24th(STAFFED, ANY_OIL, technician_id=2)
    assert {slot.technician_ids for slot in slots} == {(2,)}
    assert f"{slots[0].start:%H:%M}" == "11:00"
    assert on_the_24th(STAFFED, BRAKES, technician_id=2) == []


@pytest.mark.parametrize(
    ("part", "first", "last"),
    [
        (PartOfDay.ANY, "08:00", "16:00"),
        (PartOfDay.MORNING, "08:00", "11:30"),
        (PartOfDay.AFTERNOON, "12:00", "16:00"),
    ],
)
def test_noon_parts_the_day(part: PartOfDay, first: str, last: str) -> None:
    slots = on_the_24th(SHOP, OIL, part=part)
    assert (f"{slots[0].start:%H:%M}", f"{slots[-1].start:%H:%M}") == (first, last)
    assert len(on_the_24th(SHOP, OIL, part=part, limit=2)) == 2


def test_a_holiday_is_closed_unless_it_has_hours_of_its_own() -> None:
    thanksgiving = date(2026, 11, 26)
    window = {"earliest": local("2026-11-26T00:00"), "latest": local("2026-11-27T00:00")}
    closed = Shop(CHICAGO, WEEK, BAYS, holidays=frozenset({thanksgiving}))
    assert on_the_24th(closed, OIL, **window) == []
    special = (SpecialHours(thanksgiving, time(9), time(11)),)
    opened = Shop(CHICAGO, WEEK, BAYS, (), special, frozenset({thanksgiving}))
    slots = on_the_24th(opened, OIL, **window)
    assert [f"{slot.start:%H:%M}" for slot in slots] == ["09:00", "09:30", "10:00"]
    # They take the place of the weekday's hours on any other day too.
    plain = Shop(CHICAGO, WEEK, BAYS, (), special)
    assert on_the_24th(plain, OIL, **window) == slots


def test_a_day_whose_labour_is_used_up_is_not_offered() -> None:
    today = date(2026, 11, 24)
    assert on_the_24th(SHOP, OIL, room={today: 44}) == []
    # What counts is labour; the buffer is the bay's.
    assert on_the_24th(SHOP, OIL, room={today: 45}) == on_the_24th(SHOP, OIL)
    assert on_the_24th(SHOP, OIL, room={date(2026, 11, 25): 0}) == on_the_24th(SHOP, OIL)


def test_a_car_that_is_dropped_off_waits_for_its_bay() -> None:
    work = Work("lift", 180, 0, None, True)
    morning = tuple(
        Taken(local("2026-11-24T08:00"), local("2026-11-24T10:30"), bay_id) for bay_id in (1, 2)
    )
    slots = on_the_24th(SHOP, work, morning)
    assert f"{slots[0].start:%H:%M}" == "08:00"
    assert slots[0].work_start == local("2026-11-24T10:30").astimezone(UTC)
    assert slots[0].end == local("2026-11-24T13:30")
    # The last one that can be done by closing begins at two; nobody is asked to come after it.
    assert f"{slots[-1].start:%H:%M}" == "14:00"
    assert slots[-1].bay_start is None
    waiting = on_the_24th(SHOP, Work("lift", 180), morning)
    assert f"{waiting[0].start:%H:%M}" == "10:30"
    # Not until another day.
    all_day = tuple(
        Taken(local("2026-11-24T08:00"), local("2026-11-24T15:00"), bay_id) for bay_id in (1, 2)
    )
    assert on_the_24th(SHOP, work, all_day) == []


def test_a_car_is_not_dropped_off_while_the_shop_is_closed() -> None:
    hours = (OpeningHours(2, time(8), time(12)), OpeningHours(2, time(13), time(17)))
    closed = Taken(local("2026-11-24T08:00"), local("2026-11-24T09:00"))
    slots = on_the_24th(Shop(CHICAGO, hours, BAYS), Work("lift", 240, drop_off=True), (closed,))
    starts_at = [f"{slot.start:%H:%M}" for slot in slots]
    assert (starts_at[0], starts_at[-1]) == ("09:00", "13:00")
    assert "12:30" not in starts_at
    assert slots[0].work_start == local("2026-11-24T13:00").astimezone(UTC)


ZONES = st.sampled_from([CHICAGO, ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")])
# Around both changes of the clocks, so that they are met often.
MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)),
    st.datetimes(datetime(2026, 3, 6), datetime(2026, 3, 10)),
    st.datetimes(datetime(2026, 10, 23), datetime(2026, 11, 4)),
).map(lambda moment: moment.replace(tzinfo=UTC))
TIMES = st.times(max_value=time(23, 59)).map(lambda value: value.replace(microsecond=0))
HOURS = st.lists(
    st.builds(OpeningHours, st.integers(1, 7), TIMES, TIMES).filter(
        lambda item: item.opens < item.closes
    ),
    max_size=14,
)


@st.composite
def taken_near(draw: st.DrawFn, moment: datetime) -> list[Taken]:
    blocks = draw(
        st.lists(
            st.tuples(
                st.integers(-1440, 10000), st.integers(0, 900), st.sampled_from([1, 2, 9, None])
            ),
            max_size=25,
        )
    )
    return [
        Taken(moment + timedelta(minutes=begin), moment + timedelta(minutes=begin + length), bay_id)
        for begin, length, bay_id in blocks
    ]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), zone=ZONES, now=MOMENTS, hours=HOURS)
def test_what_is_offered_is_free_open_and_ahead(
    data: st.DataObject, zone: ZoneInfo, now: datetime, hours: list[OpeningHours]
) -> None:
    taken = data.draw(taken_near(now))
    work = Work("lift", data.draw(st.integers(5, 600)), data.draw(st.integers(0, 60)))
    rules = SlotRules(data.draw(st.sampled_from([15, 30])), data.draw(st.integers(0, 180)))
    earliest = now + timedelta(minutes=data.draw(st.integers(-3000, 3000)))
    latest = earliest + timedelta(days=4)

    def offer(hours: list[OpeningHours], taken: list[Taken], bays: list[Bay]) -> tuple[Slot, ...]:
        return find_slots(
            Shop(zone, tuple(hours), tuple(bays)),
            work,
            taken,
            now=now,
            earliest=earliest,
            latest=latest,
            rules=rules,
        )

    offered = offer(hours, taken, list(BAYS))
    for slot in offered:
        begin = slot.start.astimezone(UTC)
        end = begin + work.bay_time
        assert begin >= now + timedelta(minutes=rules.notice_minutes)
        assert earliest <= begin < latest
        assert slot.bay_ids
        assert set(slot.bay_ids) <= {1, 2}
        for block in taken:
            if block.start < block.end and block.bay_id in (None, *slot.bay_ids):
                assert block.end <= begin or end <= block.start
        wall_end = end.astimezone(zone)
        assert any(
            item.weekday == slot.start.isoweekday()
            and item.opens <= slot.start.time()
            and wall_end.date() == slot.start.date()
            and wall_end.time() <= item.closes
            for item in hours
        )
        assert (slot.start.hour * 60 + slot.start.minute) % rules.grid_minutes == 0
    instants = [slot.start.astimezone(UTC) for slot in offered]
    assert instants == sorted(set(instants))

    shuffle = random.Random(data.draw(st.integers(0, 99))).shuffle
    mixed = [list(hours), list(taken), list(BAYS)]
    for items in mixed:
        shuffle(items)
    assert offer(*mixed) == offered


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from([frozenset(), frozenset({"oil"})]),
        st.lists(st.builds(OpeningHours, st.integers(1, 7), TIMES, TIMES), max_size=6),
        st.lists(st.builds(OpeningHours, st.integers(1, 7), TIMES, TIMES), max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), zone=ZONES, now=MOMENTS, hours=HOURS, people=PEOPLE)
def test_whoever_is_offered_is_on_shift_free_and_can_do_it(
    data: st.DataObject, zone: ZoneInfo, now: datetime, hours: list[OpeningHours], people: list[Any]
) -> None:
    staff = [
        Technician(number, f"Person {number}", skills, tuple(shifts), tuple(breaks))
        for number, (skills, shifts, breaks) in enumerate(people, start=1)
    ]
    drawn = data.draw(taken_near(now))
    numbers = data.draw(st.lists(st.integers(1, 4), min_size=len(drawn), max_size=len(drawn)))
    taken = [
        Taken(item.start, item.end, item.bay_id, number)
        for item, number in zip(drawn, numbers, strict=True)
    ]
    labour, drop_off = data.draw(st.integers(5, 400)), data.draw(st.booleans())
    work = Work("lift", labour, data.draw(st.integers(0, 30)), "oil", drop_off)

    def offer(people: list[Technician], taken: list[Taken]) -> tuple[Slot, ...]:
        return find_slots(
            Shop(zone, tuple(hours), BAYS, tuple(people)),
            work,
            taken,
            now=now,
            earliest=now,
            latest=now + timedelta(days=4),
        )

    offered = offer(staff, taken)
    for slot in offered:
        begin = slot.work_start
        end = begin + work.bay_time
        day = slot.start.date()
        assert begin >= slot.start.astimezone(UTC)
        assert begin.astimezone(zone).date() == day
        assert slot.end.astimezone(UTC) == begin + timedelta(minutes=labour)
        assert slot.technician_ids
        for person in staff:
            if person.technician_id not in slot.technician_ids:
                continue
            assert "oil" in person.skills
            minutes = int((end - begin).total_seconds()) // 60
            for minute in (*range(0, minutes, 7), minutes - 1):
                wall = (begin + timedelta(minutes=minute)).astimezone(zone)
                assert any(
                    shift.weekday == wall.isoweekday() and shift.opens <= wall.time() < shift.closes
                    for shift in person.shifts
                )
                assert not any(
                    rest.weekday == wall.isoweekday() and rest.opens <= wall.time() < rest.closes
                    for rest in person.breaks
                )
        for block in taken:
            if block.start >= block.end:
                continue
            if block.bay_id in slot.bay_ids or block.technician_id in slot.technician_ids:
                assert block.end <= begin or end <= block.start
    random.Random(data.draw(st.integers(0, 99))).shuffle(staff)
    assert offer(staff, taken[::-1]) == offered
