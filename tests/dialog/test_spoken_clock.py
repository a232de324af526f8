"""Times of day; their forms are in `spoken_forms.py`, here is what is asked."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spoken_clock import read_time
from voicecore.dialog.spoken_time import spoken_time


@pytest.mark.parametrize(
    ("said", "error", "ask"),
    [
        ("any day", "time_missing", "What time"),
        ("seven", "time_half", "What time"),
        ("seven p.m.", "time_closed", "We are not open at seven p.m."),
        ("after two p.m.", "time_vague", "What time"),
        ("at nine, at ten", "time_ambiguous", "Do you mean nine a.m. or ten a.m.?"),
    ],
)
def test_what_is_no_time_becomes_a_question(said: str, error: str, ask: str) -> None:
    problem = read_time(said)
    assert isinstance(problem, SlotProblem)
    assert problem.error == error
    assert problem.ask.startswith(ask)


def test_without_a_half_of_the_day_the_opening_hours_decide() -> None:
    assert read_time("at seven", opens=time(7), closes=time(18)) == time(7)
    assert read_time("at seven", opens=time(9), closes=time(21)) == time(19)
    assert isinstance(read_time("at nine", opens=time(8), closes=time(22)), SlotProblem)


@given(st.integers(8 * 60, 18 * 60 - 1))
@settings(max_examples=150)
def test_what_the_agent_says_it_understands(minutes: int) -> None:
    clock = time(minutes // 60, minutes % 60)
    assert read_time(spoken_time(clock)) == clock
    assert read_time(f"{clock:%H:%M}") == clock
    assert read_time(f"at {clock:%I:%M %p}") == clock


@given(st.text(max_size=60))
@settings(max_examples=150)
def test_any_text_is_a_time_or_a_question(text: str) -> None:
    found = read_time(text)
    assert isinstance(found, SlotProblem) or time(8) <= found < time(18)
