"""Reading aloud: what a clerk on the phone would say for what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecore.sandbox.reading import spoken_form


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2:00", "2"),
        ("2:30,", "2 30,"),
        ("9:05", "9 oh 5"),
        ("10:30am", "10 30 A M"),
        ("2pm", "2 P M"),
        ("p.m.", "P M"),
        ("a.m.,", "A M,"),
        ("am", "am"),
        ("555-0142.", "5 5 5, 0 1 4 2."),
        ("15550142", "1 5 5 5 0 1 4 2"),
        ("0142", "0 1 4 2"),
        ("1,200", "1,200"),
        ("3.5", "3.5"),
        ("2019", "20 19"),
        ("2005", "two thousand 5"),
        ("2000", "two thousand"),
        ("1900", "19 hundred"),
        ("1905", "19 oh 5"),
        ("$49.95;", "49 dollars and 95 cents;"),
        ("$1,200.", "1200 dollars."),
        ("$1", "1 dollar"),
        ("1HGCM82633A004352", "1 H G C M 8 2 6 3 3 A 0 0 4 3 5 2"),
        ("26th", "26th"),
        ("I'd", "I'd"),
        ("F-150", "F-150"),
        ("–", "–"),
    ],
)
def test_a_word_is_read_as_people_say_it(written: str, spoken: str) -> None:
    assert spoken_form(written) == spoken


@given(st.text(min_size=1, max_size=30))
def test_any_word_can_be_read(word: str) -> None:
    assert isinstance(spoken_form(word), str)
