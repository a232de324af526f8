"""The forms of addresses are in `spoken_forms.py`; here is what is asked."""

from __future__ import annotations

from datetime import date

import pytest

from crm.slot_readers import SlotReaders
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spoken_email import read_email

READERS = SlotReaders(lambda: date(2026, 11, 24))


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", "email_host"),
        ("maria dot lopez", "email_host"),
        ("maria at gmail", "email_host"),
        ("john two at example dot com", "email_unclear"),
        ("two john at example dot com", "email_unclear"),
        ("a@b.example and c@d.example", "email_unclear"),
        ("maria no", "email_unclear"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked_for(said: str, error: str) -> None:
    problem = read_email(said, READERS)
    assert isinstance(problem, SlotProblem)
    assert problem.error == error
    assert problem.ask.endswith("?")


def test_digits_stand_where_they_were_said() -> None:
    assert read_email("maria dot forty two at example dot com", READERS) == "maria.42@example.com"
