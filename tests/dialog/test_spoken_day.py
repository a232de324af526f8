"""Days; their forms are in `spoken_forms.py`, here is what is asked and on other days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.dialog.slot_problem import DayQuestion, SlotProblem
from voicecore.dialog.spoken_day import read_day
from voicecore.dialog.spoken_time import WEEKDAYS, spoken_date, spoken_month_day

TUESDAY = date(2026, 11, 24)


def test_next_friday_is_two_days_and_both_are_offered() -> None:
    question = read_day("next Friday", today=TUESDAY)
    assert isinstance(question, DayQuestion)
    assert question.is_next_weekday
    assert question.days == (date(2026, 11, 27), date(2026, 12, 4))
    assert question.ask == (
        "Do you mean Friday, November twenty-seventh or Friday, December fourth?"
    )


def test_a_weekday_that_is_today_is_asked_about() -> None:
    question = read_day("Tuesday", today=TUESDAY)
    assert isinstance(question, DayQuestion)
    assert question.days == (TUESDAY, date(2026, 12, 1))
    assert read_day("this Tuesday", today=TUESDAY) == TUESDAY
    assert read_day("a week from Tuesday", today=TUESDAY) != date(2026, 12, 1)


@pytest.mark.parametrize(
    ("said", "error", "ask"),
    [
        ("Friday the third", "weekday_differs", "You said Friday, but the date is Thursday"),
        ("February twenty ninth", "no_such_day", "There is no February twenty-ninth."),
        ("November third", "day_past", "Tuesday, November third has passed."),
        ("next week", "day_missing", "Which day"),
        ("Thursday or so", "day_vague", "Which day"),
        ("tomorrow, Friday", "weekday_differs", "Wednesday, November twenty-fifth"),
        ("tomorrow and the third of May", "day_ambiguous", "Do you mean"),
        ("2026-13-45", "no_such_day", "There is no such day"),
    ],
)
def test_what_is_no_day_becomes_a_question(said: str, error: str, ask: str) -> None:
    problem = read_day(said, today=TUESDAY)
    assert isinstance(problem, SlotProblem)
    assert problem.error == error
    assert problem.ask.startswith(ask) or ask in problem.ask


def test_a_leap_day_is_taken_where_it_comes_next() -> None:
    assert read_day("February twenty ninth", today=date(2027, 11, 1)) == date(2028, 2, 29)
    assert read_day("the twenty ninth", today=date(2028, 2, 1)) == date(2028, 2, 29)
    assert read_day("the thirtieth", today=date(2028, 2, 1)) == date(2028, 3, 30)


@given(st.dates(date(2026, 1, 1), date(2030, 12, 31)), st.integers(0, 180))
@settings(max_examples=150)
def test_a_day_said_in_full_is_that_day(today: date, ahead: int) -> None:
    day = today + timedelta(days=ahead)
    assert read_day(spoken_date(day), today=today) == day
    assert read_day(f"the {day.day} of {spoken_month_day(day).split()[0]}", today=today) == day
    assert read_day(day.isoformat(), today=today) == day


@given(st.dates(date(2026, 1, 1), date(2030, 12, 31)), st.integers(0, 6))
@settings(max_examples=100)
def test_a_weekday_alone_is_the_coming_one(today: date, weekday: int) -> None:
    found = read_day(WEEKDAYS[weekday], today=today)
    if today.weekday() == weekday:
        assert isinstance(found, DayQuestion)
    else:
        assert isinstance(found, date)
        assert found.weekday() == weekday
        assert 0 < (found - today).days < 7


@given(st.text(max_size=60))
@settings(max_examples=150)
def test_any_text_is_a_day_or_a_question(text: str) -> None:
    found = read_day(text, today=TUESDAY)
    assert isinstance(found, SlotProblem) or found >= TUESDAY
