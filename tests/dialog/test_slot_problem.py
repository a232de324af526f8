from __future__ import annotations

from datetime import date

from voicecore.dialog.slot_problem import DayQuestion, SlotProblem


def test_a_question_of_days_is_a_problem_that_knows_them() -> None:
    question = DayQuestion("day_ambiguous", "Do you mean?", days=(date(2026, 11, 27),))
    assert isinstance(question, SlotProblem)
    assert not question.is_next_weekday
