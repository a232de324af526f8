from __future__ import annotations

import string

from crm.spelling import choice, place, spelled


def test_every_letter_and_digit_has_a_word_of_its_own() -> None:
    said = {spelled(char) for char in string.ascii_uppercase + string.digits}
    assert len(said) == 36
    assert {"T as in Tango", "X as in X-ray", "the number zero"} <= said


def test_choices_are_joined() -> None:
    assert choice("T") == "T as in Tango"
    assert choice("TC") == "T as in Tango or C as in Charlie"
    assert choice("C3T") == "C as in Charlie, the number three or T as in Tango"


def test_places_are_counted_from_one() -> None:
    assert [place(1), place(9), place(17)] == ["first", "ninth", "seventeenth"]
