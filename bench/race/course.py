"""How far an intent has come, read from the journal.

Two readers rely on it: the process that takes over from a killed one, which goes on from here, and
the checker, which compares what was promised with what stands in the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from bench.race.journal import Entry, Kind, Op

# An operation on something: a hold or a booking.
Subject: TypeAlias = tuple[Op, str]


class Stage(StrEnum):
    """What the caller knows; every step was acknowledged."""

    WANTED = "wanted"
    HELD = "held"
    BOOKED = "booked"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Course:
    """One customer who wants one appointment.

    `key` is the hold asked for last, `appointment_id` the booking. `held` are the keys whose hold
    was acknowledged, `booked` the appointment that each confirmed key stands for, `moved` the
    successor of each appointment. `open` are the tries that nobody has answered yet, or ever will;
    an answer to a later try of the same settles them. `contradictions` are answers that cannot all
    be true.
    """

    intent: str
    stage: Stage = Stage.WANTED
    key: str = ""
    appointment_id: int = 0
    ended: bool = False
    held: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    booked: dict[str, int] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)
    open: dict[Subject, Entry] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    _tries: dict[tuple[str, int], Entry] = field(default_factory=dict)
    _booked_at_ns: dict[str, int] = field(default_factory=dict)

    def read(self, file: str, entry: Entry) -> None:
        """Take in the next line; lines come in the order of time."""
        if entry.kind is Kind.END:
            self.ended = True
        elif entry.kind is Kind.TRY:
            self._tries[file, entry.number] = entry
            self.open[_subject(entry)] = entry
            if entry.op is Op.HOLD:
                self.key = entry.key
        elif entry.kind is Kind.ACK:
            tried = self._tries.pop((file, entry.number))
            self.open.pop(_subject(tried), None)
            self._answered(tried, entry)

    def may_have(self, op: Op, subject: object) -> bool:
        """Tell whether an operation without an answer may have been done."""
        return (op, str(subject)) in self.open

    def _answered(self, tried: Entry, ack: Entry) -> None:
        if tried.op is Op.HOLD:
            if ack.key:
                self.held.add(ack.key)
                self.stage = Stage.HELD
        elif tried.op is Op.CONFIRM:
            self._confirmed(tried, ack)
        elif tried.op is Op.RELEASE:
            self.released.add(tried.key)
            self.stage = Stage.WANTED
        elif tried.op is Op.MOVE:
            self._moved(tried, ack)
        elif ack.appointment_id:
            self.stage = Stage.CANCELLED
        else:
            self.contradictions.append(
                f"appointment {tried.appointment_id} was booked, and could not be cancelled"
            )

    def _confirmed(self, tried: Entry, ack: Entry) -> None:
        before = self.booked.get(tried.key)
        if not ack.appointment_id:
            # A no beside the yes is fine at the instant of expiry; to a question that was asked
            # after the yes it is not.
            asked_again = tried.at_ns > self._booked_at_ns.get(tried.key, tried.at_ns)
            if asked_again and self.stage is Stage.BOOKED:
                self.contradictions.append(f"hold {tried.key} was confirmed as {before}, then not")
            elif before is None and self.stage is Stage.HELD:
                self.stage = Stage.WANTED
            return
        if before is None:
            self.booked[tried.key] = self.appointment_id = ack.appointment_id
            self._booked_at_ns[tried.key] = ack.at_ns
            self.stage = Stage.BOOKED
        elif before != ack.appointment_id:
            self.contradictions.append(
                f"hold {tried.key} was confirmed as {before} and as {ack.appointment_id}"
            )

    def _moved(self, tried: Entry, ack: Entry) -> None:
        if not ack.appointment_id or ack.appointment_id == tried.appointment_id:
            return
        before = self.moved.get(tried.appointment_id, ack.appointment_id)
        if before != ack.appointment_id:
            self.contradictions.append(
                f"appointment {tried.appointment_id} became {before} and {ack.appointment_id}"
            )
        self.moved[tried.appointment_id] = ack.appointment_id
        self.appointment_id = ack.appointment_id


def _subject(tried: Entry) -> Subject:
    assert tried.op is not None, "only operations are tried"
    by_key = tried.op in (Op.HOLD, Op.CONFIRM, Op.RELEASE)
    return tried.op, tried.key if by_key else str(tried.appointment_id)


def read_courses(lines: Iterable[tuple[str, Entry]]) -> dict[str, Course]:
    """Return the course of every intent, from (file, line) in the order of time."""
    courses: dict[str, Course] = {}
    for file, entry in lines:
        course = courses.get(entry.intent)
        if course is None:
            course = courses[entry.intent] = Course(entry.intent)
        course.read(file, entry)
    return courses
