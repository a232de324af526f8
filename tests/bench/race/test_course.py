"""What a caller knows, line by line of the journal."""

from __future__ import annotations

from typing import Any

from bench.race.course import Course, Stage, read_courses
from bench.race.journal import Entry, Kind, Op


class Script:
    """Writes lines down without a file, each a nanosecond after the other."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Entry]] = []

    def add(self, kind: Kind, op: Op | None = None, number: int = 0, **fields: Any) -> None:
        at_ns = len(self.lines)
        entry = Entry(at_ns=at_ns, kind=kind, intent="i", op=op, number=number, **fields)
        self.lines.append(("file", entry))

    def tried(self, op: Op, number: int, **fields: Any) -> None:
        self.add(Kind.TRY, op, number, **fields)

    def acked(self, op: Op, number: int, **fields: Any) -> None:
        self.add(Kind.ACK, op, number, **fields)

    def booked(self) -> None:
        self.tried(Op.HOLD, 1, key="k")
        self.acked(Op.HOLD, 1, key="k")
        self.tried(Op.CONFIRM, 2, key="k")
        self.acked(Op.CONFIRM, 2, appointment_id=7)

    @property
    def course(self) -> Course:
        return read_courses(self.lines)["i"]


def test_a_booking_goes_through_its_stages() -> None:
    script = Script()
    script.tried(Op.HOLD, 1, key="k")
    assert (script.course.stage, script.course.may_have(Op.HOLD, "k")) == (Stage.WANTED, True)
    script.acked(Op.HOLD, 1, key="k")
    assert (script.course.stage, script.course.held) == (Stage.HELD, {"k"})
    script.tried(Op.CONFIRM, 2, key="k")
    assert script.course.may_have(Op.CONFIRM, "k")
    script.acked(Op.CONFIRM, 2, appointment_id=7)
    assert (script.course.stage, script.course.booked) == (Stage.BOOKED, {"k": 7})
    script.tried(Op.CANCEL, 3, appointment_id=7)
    script.acked(Op.CANCEL, 3, appointment_id=7)
    assert (script.course.stage, script.course.open) == (Stage.CANCELLED, {})
    script.add(Kind.END)
    assert script.course.ended


def test_a_taken_place_holds_nothing() -> None:
    script = Script()
    script.tried(Op.HOLD, 1, key="k")
    script.acked(Op.HOLD, 1)
    assert (script.course.stage, script.course.held) == (Stage.WANTED, set())


def test_a_later_answer_settles_a_lost_one() -> None:
    script = Script()
    script.tried(Op.HOLD, 1, key="k")
    script.acked(Op.HOLD, 1, key="k")
    script.tried(Op.CONFIRM, 2, key="k")
    script.add(Kind.LOST, Op.CONFIRM, 2)
    assert script.course.may_have(Op.CONFIRM, "k")
    script.tried(Op.CONFIRM, 3, key="k")
    script.acked(Op.CONFIRM, 3, appointment_id=7)
    assert not script.course.may_have(Op.CONFIRM, "k")


def test_a_move_leads_to_the_new_appointment() -> None:
    script = Script()
    script.booked()
    script.tried(Op.MOVE, 3, appointment_id=7, start="later")
    assert script.course.open[Op.MOVE, "7"].start == "later"
    script.acked(Op.MOVE, 3, appointment_id=8)
    assert (script.course.moved, script.course.appointment_id) == ({7: 8}, 8)


def test_a_refused_move_changes_nothing() -> None:
    script = Script()
    script.booked()
    script.tried(Op.MOVE, 3, appointment_id=7, start="later")
    script.acked(Op.MOVE, 3)
    assert (script.course.moved, script.course.appointment_id) == ({}, 7)


def test_a_no_beside_the_yes_is_no_contradiction() -> None:
    script = Script()
    script.tried(Op.HOLD, 1, key="k")
    script.acked(Op.HOLD, 1, key="k")
    script.tried(Op.CONFIRM, 2, key="k")
    script.tried(Op.CONFIRM, 3, key="k")
    script.acked(Op.CONFIRM, 2)
    script.acked(Op.CONFIRM, 3, appointment_id=7)
    assert (script.course.stage, script.course.contradictions) == (Stage.BOOKED, [])


def test_a_no_to_a_question_after_the_yes_is_a_contradiction() -> None:
    script = Script()
    script.booked()
    script.tried(Op.CONFIRM, 3, key="k")
    script.acked(Op.CONFIRM, 3)
    assert len(script.course.contradictions) == 1


def test_two_answers_about_one_thing_are_a_contradiction() -> None:
    script = Script()
    script.booked()
    script.tried(Op.CONFIRM, 3, key="k")
    script.acked(Op.CONFIRM, 3, appointment_id=8)
    script.tried(Op.MOVE, 4, appointment_id=7)
    script.acked(Op.MOVE, 4, appointment_id=9)
    script.tried(Op.MOVE, 5, appointment_id=7)
    script.acked(Op.MOVE, 5, appointment_id=10)
    assert len(script.course.contradictions) == 2


def test_a_booking_that_cannot_be_cancelled_is_a_contradiction() -> None:
    script = Script()
    script.booked()
    script.tried(Op.CANCEL, 3, appointment_id=7)
    script.acked(Op.CANCEL, 3)
    assert len(script.course.contradictions) == 1
