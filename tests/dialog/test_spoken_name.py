"""The forms of names are in `spoken_forms.py`; here is what is asked."""

from __future__ import annotations

from datetime import date

import pytest

from crm.slot_readers import SlotReaders
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spoken_name import read_name

READERS = SlotReaders(lambda: date(2026, 11, 24))


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("Lopez, no.", "name_missing"),
        ("", "name_missing"),
        ("it's", "name_missing"),
        ("Smith with a Y", "name_unclear"),
        ("L O P E Z, no, S", "name_unclear"),
        ("B as in dog A K E R", "name_unclear"),
        ("I need an oil change please today", "name_unclear"),
        ("anonymous", "name_missing"),
    ],
)
def test_what_is_no_clear_name_is_asked_for(said: str, error: str) -> None:
    problem = read_name(said, READERS)
    assert isinstance(problem, SlotProblem)
    assert problem.error == error
    assert problem.ask.endswith("?")


def test_capitals_are_those_of_the_owner() -> None:
    assert read_name("it's o'brien", READERS) == "O'Brien"
    assert read_name("M C D O N A L D", READERS) == "McDonald"
