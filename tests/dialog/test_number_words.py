from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecore.dialog.number_words import (
    LARGEST,
    cardinal,
    digit_by_digit,
    minute,
    ordinal,
    year,
)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (512, "five hundred twelve"),
        (42_500, "forty-two thousand five hundred"),
        (1_000_001, "one million one"),
    ],
)
def test_whole_numbers_are_said_as_words(number: int, words: str) -> None:
    assert cardinal(number) == words


@pytest.mark.parametrize("number", [-1, LARGEST + 1])
def test_numbers_nobody_says_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        cardinal(number)


@given(st.integers(0, LARGEST))
def test_every_number_in_range_has_words_without_digits(number: int) -> None:
    assert cardinal(number).replace(" ", "").replace("-", "").isalpha()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *((1, "first"), (2, "second"), (3, "third"), (5, "fifth"), (8, "eighth"), (9, "ninth")),
        *((12, "twelfth"), (20, "twentieth"), (26, "twenty-sixth"), (31, "thirty-first")),
    ],
)
def test_ordinals(number: int, words: str) -> None:
    assert ordinal(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *((2019, "twenty nineteen"), (2005, "two thousand five"), (1907, "nineteen oh seven")),
        *((1999, "nineteen ninety-nine"), (1900, "nineteen hundred"), (2000, "two thousand")),
    ],
)
def test_years(number: int, words: str) -> None:
    assert year(number) == words


def test_zero_is_said_oh_in_digit_strings() -> None:
    assert digit_by_digit("0142") == "oh one four two"


@pytest.mark.parametrize(("number", "words"), [(0, ""), (5, "oh five"), (30, "thirty")])
def test_minutes(number: int, words: str) -> None:
    assert minute(number) == words
