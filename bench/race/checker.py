"""Holds what callers were told against what is left; a small Jepsen for a booking system.

Nothing here trusts what it checks: overlaps are computed from rows, not taken from the constraint,
and once more from the history, because two bookings may have overlapped for a moment only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from bench.race.course import Course, Stage
from bench.race.journal import Op
from bench.race.records import Day, Event, Records, Row, Step

# A place is taken by these; a hold counts until somebody removes it, as for the constraint.
TAKING = frozenset({"held", "confirmed", "checked_in", "in_progress"})
COUNTED = TAKING | {"done", "no_show"}
BOOKED = frozenset({"confirmed", "checked_in", "in_progress", "done"})
FREEING = frozenset({"cancelled", "released", "hold_expired", "rescheduled"})


class Fault(StrEnum):
    """Kinds of violations."""

    LOST = "lost"  # an acknowledged change is not there
    DOUBLED = "doubled"  # one intent, two bookings
    UNASKED = "unasked"  # a booking that nobody asked for or was refused
    CONTRADICTION = "contradiction"  # answers that cannot all be true
    BAY_OVERLAP = "bay overlap"
    TECHNICIAN_OVERLAP = "technician overlap"
    CAPACITY = "capacity"
    CALENDAR = "calendar"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise, in words for a person."""

    fault: Fault
    text: str


def check(courses: Mapping[str, Course], records: Records, zone: ZoneInfo) -> tuple[Violation, ...]:
    """Return every violation; an empty tuple is a race won."""
    return (
        *_check_intents(courses, records.rows),
        *_check_overlaps(records.rows, records.steps),
        *_check_capacity(records.rows, records.days, zone),
        *_check_calendar(records.rows, records.events),
        *_check_history(records.rows, records.steps),
    )


# --- what the callers were told -----------------------------------------------------------------


def _check_intents(courses: Mapping[str, Course], rows: Sequence[Row]) -> Iterator[Violation]:
    of_intent: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_intent[row.intent].append(row)
    for intent in sorted(of_intent.keys() - courses.keys()):
        yield Violation(Fault.UNASKED, f"rows of {intent!r}, which no caller wanted")
    for course in courses.values():
        yield from _check_intent(course, of_intent[course.intent])


def _check_intent(course: Course, rows: Sequence[Row]) -> Iterator[Violation]:
    for text in course.contradictions:
        yield Violation(Fault.CONTRADICTION, f"{course.intent}: {text}")
    booked = [row for row in rows if row.status in BOOKED]
    others = [row for row in booked if row.appointment_id != course.appointment_id]
    if len(booked) > 1 or (others and course.stage is Stage.CANCELLED):
        ids = [row.appointment_id for row in booked]
        yield Violation(Fault.DOUBLED, f"{course.intent} ({course.stage}) is booked as {ids}")
    keys = Counter(row.key for row in rows)
    for key in course.held:
        if keys[key] != 1:
            yield Violation(Fault.LOST, f"{course.intent}: hold {key} has {keys[key]} rows")
    by_id = {row.appointment_id: row for row in rows}
    for key, appointment_id in course.booked.items():
        if appointment_id not in by_id or by_id[appointment_id].key != key:
            yield Violation(Fault.LOST, f"{course.intent}: {appointment_id} is not under {key}")
    for old, new in course.moved.items():
        if new not in by_id or by_id[new].rescheduled_from != old:
            yield Violation(Fault.LOST, f"{course.intent}: the move of {old} to {new} is gone")
    yield from _check_state(course, by_id, booked)


def _check_state(
    course: Course, by_id: Mapping[int, Row], booked: Sequence[Row]
) -> Iterator[Violation]:
    """Compare the state that was acknowledged last with the state of the row."""
    if course.stage in (Stage.WANTED, Stage.HELD):
        for row in booked:
            if not course.may_have(Op.CONFIRM, row.key):
                text = f"{course.intent}: {row.appointment_id} is booked without a yes"
                yield Violation(Fault.UNASKED, text)
        return
    wanted = {"cancelled"} if course.stage is Stage.CANCELLED else {"confirmed"}
    if course.may_have(Op.CANCEL, course.appointment_id):
        wanted.add("cancelled")
    if course.may_have(Op.MOVE, course.appointment_id):
        wanted.add("rescheduled")
    last = by_id.get(course.appointment_id)
    found = "absent" if last is None else last.status
    if found not in wanted:
        text = f"{course.intent}: {course.appointment_id} is {found}, not {' or '.join(wanted)}"
        yield Violation(Fault.LOST, text)
    for old in course.moved:
        if old in by_id and by_id[old].status != "rescheduled":
            text = f"{course.intent}: {old} was moved and is {by_id[old].status}"
            yield Violation(Fault.LOST, text)


# --- places -------------------------------------------------------------------------------------


def _check_overlaps(rows: Sequence[Row], steps: Sequence[Step]) -> Iterator[Violation]:
    lives = _lives(steps)
    owners: list[tuple[Fault, Callable[[Row], int | None]]] = [
        (Fault.BAY_OVERLAP, lambda row: row.bay_id),
        (Fault.TECHNICIAN_OVERLAP, lambda row: row.technician_id),
    ]
    for fault, owner in owners:
        places: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            number = owner(row)
            if number is not None:
                places[number].append(row)
        for number, taken in places.items():
            at_the_end = set(_overlaps(row for row in taken if row.status in TAKING))
            at_some_time = set(_overlaps_in_time(taken, lives)) - at_the_end
            for first, second in sorted(at_the_end):
                yield Violation(fault, f"{number}: appointments {first} and {second}")
            for first, second in sorted(at_some_time):
                yield Violation(fault, f"{number}: {first} and {second}, for a while")


def _overlaps(rows: Iterable[Row]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of rows that share some time; ends are exclusive."""
    live: list[Row] = []
    for row in sorted(rows, key=lambda row: (row.starts, row.appointment_id)):
        live = [other for other in live if other.ends > row.starts]
        for other in live:
            yield _pair(row, other)
        live.append(row)


def _overlaps_in_time(
    rows: Iterable[Row], lives: Mapping[int, tuple[datetime, datetime]]
) -> Iterator[tuple[int, int]]:
    """Yield the pairs that shared some time while both were taken."""
    live: list[Row] = []
    born = [row for row in rows if row.appointment_id in lives]
    for row in sorted(born, key=lambda row: lives[row.appointment_id][0]):
        since = lives[row.appointment_id][0]
        live = [other for other in live if lives[other.appointment_id][1] > since]
        for other in live:
            if other.starts < row.ends and row.starts < other.ends:
                yield _pair(row, other)
        live.append(row)


def _pair(row: Row, other: Row) -> tuple[int, int]:
    first, second = sorted((row.appointment_id, other.appointment_id))
    return first, second


def _lives(steps: Iterable[Step]) -> dict[int, tuple[datetime, datetime]]:
    """Return from when to when each row took its place.

    A row is written before its first step, and freed before the step that says so, in the same
    transaction: so nobody who had to wait for that place can seem to have had it before.
    """
    lives: dict[int, tuple[datetime, datetime]] = {}
    for step in steps:
        born, dead = lives.get(step.appointment_id, (step.at, datetime.max.replace(tzinfo=UTC)))
        dead = min(dead, step.at) if step.event in FREEING else dead
        lives[step.appointment_id] = born, dead
    return lives


def _check_capacity(
    rows: Sequence[Row], days: Sequence[Day], zone: ZoneInfo
) -> Iterator[Violation]:
    used: Counter[date] = Counter()
    for row in rows:
        if row.status in COUNTED:
            used[row.starts.astimezone(zone).date()] += row.labour_minutes
    for day in days:
        minutes = used[day.day]
        if minutes > day.labour_minutes:
            text = f"{day.day}: {minutes} minutes of {day.labour_minutes}"
            yield Violation(Fault.CAPACITY, text)
        if minutes != day.booked_minutes:
            text = f"{day.day}: {minutes} minutes are booked, {day.booked_minutes} written down"
            yield Violation(Fault.CAPACITY, text)


# --- the calendar and the history ---------------------------------------------------------------


def _check_calendar(rows: Sequence[Row], events: Sequence[Event]) -> Iterator[Violation]:
    by_key: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_key[event.key].append(event)
    for row in rows:
        found = by_key.pop(row.key, [])
        wanted = 1 if row.status in BOOKED else 0
        if len(found) != wanted:
            text = f"appointment {row.appointment_id} ({row.status}) has {len(found)} events"
            yield Violation(Fault.CALENDAR, text)
        elif found and found[0].starts != row.starts:
            text = f"appointment {row.appointment_id} is at another time in the calendar"
            yield Violation(Fault.CALENDAR, text)
    for key, orphans in by_key.items():
        yield Violation(Fault.CALENDAR, f"{len(orphans)} events of no booking ({key or 'no key'})")


def _check_history(rows: Sequence[Row], steps: Sequence[Step]) -> Iterator[Violation]:
    """Every row was born once, confirmed at most once, freed at most once, and says so."""
    told: dict[int, list[str]] = defaultdict(list)
    for step in steps:
        told[step.appointment_id].append(step.event)
    for row in rows:
        events = told.pop(row.appointment_id, [])
        confirmed = events.count("confirmed")
        freed = sum(event in FREEING for event in events)
        is_freed = row.status in ("cancelled", "rescheduled")
        is_true = events and confirmed <= 1 and freed == int(is_freed)
        if not is_true or (row.status in BOOKED and confirmed != 1):
            text = f"appointment {row.appointment_id} ({row.status}) tells {events}"
            yield Violation(Fault.HISTORY, text)
    for appointment_id in told:
        yield Violation(Fault.HISTORY, f"steps of {appointment_id}, which has no row")
