"""The checker sees every kind of broken promise, and nothing where none is broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bench.race.checker import Fault, check
from bench.race.course import Course, Stage
from bench.race.journal import Entry, Kind, Op
from bench.race.plan import ZONE
from bench.race.records import Day, Event, Records, Row, Step

NINE = datetime(2030, 6, 4, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BORN = datetime(2030, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def row(appointment_id: int = 1, **changes: Any) -> Row:
    usual = Row(
        appointment_id=appointment_id,
        intent=f"intent-{appointment_id}",
        key=f"key-{appointment_id}",
        status="confirmed",
        bay_id=1,
        technician_id=1,
        starts=NINE,
        ends=NINE + HOUR,
        rescheduled_from=None,
        labour_minutes=60,
    )
    return replace(usual, **changes)


def booked(number: int = 1, **changes: Any) -> Course:
    key = f"key-{number}"
    course = Course(
        f"intent-{number}",
        stage=Stage.BOOKED,
        key=key,
        appointment_id=number,
        held={key},
        booked={key: number},
    )
    for name, value in changes.items():
        setattr(course, name, value)
    return course


def steps(*rows: Row) -> tuple[Step, ...]:
    """The history that each row has by its status; all were taken a second after each other."""
    found = []
    for number, each in enumerate(rows):
        at = BORN + number * SECOND
        events = ["held"] if each.rescheduled_from is None else []
        if each.status in ("confirmed", "rescheduled"):
            events.append("confirmed")
        if each.status in ("cancelled", "rescheduled"):
            events.append(each.status)
        found += [Step(appointment_id=each.appointment_id, event=event, at=at) for event in events]
    return tuple(sorted(found, key=lambda step: step.at))


def records(*rows: Row, **changes: Any) -> Records:
    events = tuple(
        Event(event_id=f"event-{each.key}", key=each.key, starts=each.starts)
        for each in rows
        if each.status == "confirmed"
    )
    usual = Records(rows=rows, steps=steps(*rows), days=(), events=events)
    return replace(usual, **changes)


def faults(courses: list[Course], left: Records) -> list[Fault]:
    violations = check({course.intent: course for course in courses}, left, ZONE)
    assert all(violation.text for violation in violations)
    return [violation.fault for violation in violations]


def open_try(op: Op, subject: object) -> dict[tuple[Op, str], Entry]:
    return {(op, str(subject)): Entry(at_ns=1, kind=Kind.TRY, intent="", op=op)}


def test_a_kept_promise_is_no_violation() -> None:
    assert faults([booked()], records(row())) == []


def test_nothing_at_all_is_no_violation() -> None:
    assert faults([], records()) == []


@pytest.mark.parametrize("status", ["held", "cancelled", "rescheduled"])
def test_a_booking_in_another_state_is_lost(status: str) -> None:
    assert Fault.LOST in faults([booked()], records(row(status=status)))


def test_a_booking_without_a_row_is_lost() -> None:
    assert set(faults([booked()], records())) == {Fault.LOST}


def test_a_cancelled_booking_that_came_back_is_lost() -> None:
    assert faults([booked(stage=Stage.CANCELLED)], records(row())) == [Fault.LOST]


@pytest.mark.parametrize(
    ("op", "status"), [(Op.CANCEL, "cancelled"), (Op.CANCEL, "confirmed"), (Op.MOVE, "confirmed")]
)
def test_an_unanswered_change_may_have_been_done_or_not(op: Op, status: str) -> None:
    assert faults([booked(open=open_try(op, 1))], records(row(status=status))) == []


def test_an_acknowledged_move_that_is_not_there_is_lost() -> None:
    moved = booked(appointment_id=2, moved={1: 2})
    old = row(1, status="rescheduled")
    new = row(2, intent="intent-1", rescheduled_from=1, starts=NINE + HOUR, ends=NINE + 2 * HOUR)
    assert faults([moved], records(old, new)) == []
    assert set(faults([moved], records(row(1)))) == {Fault.LOST}


def test_two_bookings_of_one_intent_are_doubled() -> None:
    second = row(2, intent="intent-1", bay_id=2, technician_id=2)
    assert faults([booked()], records(row(), second)) == [Fault.DOUBLED]


def test_a_booking_that_stayed_beside_the_cancelled_one_is_doubled() -> None:
    first = row(1, status="cancelled")
    second = row(2, intent="intent-1", key="key-2")
    course = booked(stage=Stage.CANCELLED)
    assert faults([course], records(first, second)) == [Fault.DOUBLED]


def test_a_booking_that_was_refused_is_unasked() -> None:
    refused = booked(stage=Stage.WANTED, booked={}, appointment_id=0)
    assert faults([refused], records(row())) == [Fault.UNASKED]
    unanswered = booked(
        stage=Stage.HELD, booked={}, appointment_id=0, open=open_try(Op.CONFIRM, "key-1")
    )
    assert faults([unanswered], records(row())) == []


def test_a_row_that_no_caller_wanted_is_unasked() -> None:
    assert faults([], records(row())) == [Fault.UNASKED]


def test_a_contradiction_is_passed_on() -> None:
    assert faults([booked(contradictions=["yes and no"])], records(row())) == [Fault.CONTRADICTION]


def test_two_cars_in_one_place_overlap() -> None:
    second = row(2, starts=NINE + HOUR / 2, ends=NINE + 2 * HOUR)
    both = [Fault.BAY_OVERLAP, Fault.TECHNICIAN_OVERLAP]
    assert faults([booked(1), booked(2)], records(row(), second)) == both
    other_bay = replace(second, bay_id=2)
    assert faults([booked(1), booked(2)], records(row(), other_bay)) == [Fault.TECHNICIAN_OVERLAP]
    nobody = replace(second, technician_id=None, bay_id=2)
    assert faults([booked(1), booked(2)], records(row(), nobody)) == []


def test_a_car_after_the_other_does_not_overlap() -> None:
    second = row(2, starts=NINE + HOUR, ends=NINE + 2 * HOUR)
    assert faults([booked(1), booked(2)], records(row(), second)) == []


def test_an_overlap_that_is_over_by_now_is_still_seen() -> None:
    first, second = row(1), row(2, status="cancelled")
    history = (
        Step(appointment_id=2, event="held", at=BORN),
        Step(appointment_id=2, event="confirmed", at=BORN),
        Step(appointment_id=1, event="held", at=BORN + SECOND),
        Step(appointment_id=1, event="confirmed", at=BORN + SECOND),
        Step(appointment_id=2, event="cancelled", at=BORN + 2 * SECOND),
    )
    courses = [booked(1), booked(2, stage=Stage.CANCELLED)]
    both = [Fault.BAY_OVERLAP, Fault.TECHNICIAN_OVERLAP]
    assert faults(courses, records(first, second, steps=history)) == both


def test_a_place_that_was_given_back_first_may_be_taken() -> None:
    first, second = row(1, status="cancelled"), row(2)
    assert faults([booked(1, stage=Stage.CANCELLED), booked(2)], records(first, second)) == []


@pytest.mark.parametrize(
    ("labour", "told", "count"), [(60, 60, 0), (59, 60, 1), (100, 0, 1), (59, 0, 2)]
)
def test_a_day_gives_out_what_it_has_and_counts_it(labour: int, told: int, count: int) -> None:
    day = Day(day=date(2030, 6, 4), labour_minutes=labour, booked_minutes=told)
    assert faults([booked()], records(row(), days=(day,))) == [Fault.CAPACITY] * count


def test_the_day_is_the_one_at_the_shop() -> None:
    late = datetime(2030, 6, 5, 3, 0, tzinfo=UTC)
    day = Day(day=date(2030, 6, 4), labour_minutes=60, booked_minutes=60)
    left = records(row(starts=late, ends=late + HOUR), days=(day,))
    assert faults([booked()], left) == []


def test_a_booking_has_one_event_at_its_time() -> None:
    event = Event(event_id="a", key="key-1", starts=NINE)
    twice = (event, replace(event, event_id="b"))
    elsewhere = (replace(event, starts=NINE + HOUR),)
    for events in ((), twice, elsewhere):
        assert faults([booked()], records(row(), events=events)) == [Fault.CALENDAR]


def test_a_cancelled_booking_has_no_event() -> None:
    event = Event(event_id="a", key="key-1", starts=NINE)
    left = records(row(status="cancelled"), events=(event,))
    assert faults([booked(stage=Stage.CANCELLED)], left) == [Fault.CALENDAR]


def test_an_event_of_no_booking_is_an_orphan() -> None:
    orphan = Event(event_id="a", key="", starts=NINE)
    assert faults([], records(events=(orphan,))) == [Fault.CALENDAR]


@pytest.mark.parametrize(
    "events", [[], ["held"], ["held", "confirmed", "confirmed"], ["held", "confirmed", "cancelled"]]
)
def test_a_history_that_tells_something_else_is_seen(events: list[str]) -> None:
    history = tuple(Step(appointment_id=1, event=event, at=BORN) for event in events)
    assert faults([booked()], records(row(), steps=history)) == [Fault.HISTORY]


def test_a_history_without_a_row_is_seen() -> None:
    history = (Step(appointment_id=7, event="held", at=BORN),)
    assert faults([], records(steps=history)) == [Fault.HISTORY]
