from __future__ import annotations

import pytest

from voicecore.call.dictation import dictated_characters, dictated_digits


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("three one two", "312"),
        ("three um one and two", "312"),
        ("fifty five", "55"),
        ("fifty", "50"),
        ("twelve fifty oh", "12500"),
        ("double five", "55"),
        ("five double", "5"),
        ("eight hundred", "800"),
        ("two thousand", "2000"),
        ("312 5", "3125"),
        ("two cars five five", "55"),
        ("b five", "5"),
        ("", ""),
    ],
)
def test_the_digits_at_the_end_count(said: str, digits: str) -> None:
    assert dictated_digits(tuple(said.split())) == digits


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("b k seven four", 4),
        ("bravo kilo seven four", 4),
        ("b as in boy k as in king 74", 4),
        ("b as in", 1),
        ("double l", 2),
        ("the plate reads b k", 2),
        ("a car", 0),
    ],
)
def test_letters_and_digits_at_the_end_count(said: str, count: int) -> None:
    assert dictated_characters(tuple(said.split())) == count
