from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.dialog.spoken_numbers import digit_readings, phone_candidates, spoken_digits

MARIA = "+13125550142"


@pytest.mark.parametrize(
    "said",
    [
        "three one two five five five oh one four two",
        "three one two, five five five, zero one four two.",
        "It's three one two double five five oh one forty-two",
        "area code three one two triple five oh one four two",
        "three twelve five fifty-five zero one forty two",
        "um three one two uh five five five oh one four two",
        "my phone number is 312 555 0142",
        "(312) 555-0142",
        "+1 312 555 0142",
        "plus one three one two five five five oh one four two",
        "one three one two five five five oh one four two",
        "three one two dash five five five dash oh one four two",
        "You can reach me at 3125550142, thanks",
        "three one two five five five o one four two",
        "three one two five five five nought one four too",
        "312 555 0142 to confirm",
    ],
)
def test_one_phone_number_is_found(said: str) -> None:
    assert phone_candidates(said) == (MARIA,)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "I have two cars for you",
        "five five five oh one four two",
        "three one two five five five oh one four",
        "nine nine nine five five five oh one four two",
        "three one two five five five oh one, no, oh two",
        "one two three",
        "٣١٢٥٥٥٠١٤٢",
    ],
)
def test_no_phone_number_is_invented(said: str) -> None:
    assert phone_candidates(said) == ()


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("twelve fifty-five", "1255"),
        ("oh one", "01"),
        ("double oh seven", "007"),
        ("triple five", "555"),
        ("five hundred", "500"),
        ("nineteen hundred", "1900"),
        ("two thousand", "2000"),
        ("forty-two hundred", "4200"),
        ("twenty twenty six", "2026"),
        ("eight", "8"),
        ("hello", ""),
    ],
)
def test_digits(said: str, digits: str) -> None:
    assert spoken_digits(said) == digits


def test_a_ten_and_a_one_can_be_read_two_ways() -> None:
    assert list(digit_readings("fifty five")) == ["55", "505"]


AMBIGUOUS = "twenty one fifty five thirty two oh double six"
DIGIT_WORDS = "oh one two three four five six seven eight nine"
WORDS = dict(zip("0123456789", DIGIT_WORDS.split(), strict=True))


@given(st.text(alphabet="0123456789", min_size=4, max_size=4), st.booleans())
@settings(max_examples=100)
def test_every_number_dictated_digit_by_digit_comes_back(line: str, doubled: bool) -> None:
    digits = "312555" + line
    words = " ".join(WORDS[digit] for digit in digits)
    if doubled:
        for digit, word in WORDS.items():
            words = words.replace(f"{word} {word}", f"double {word}", 1) if digit in line else words
    assert phone_candidates(words) == ("+1" + digits,)


@given(st.text(max_size=60))
@settings(max_examples=150)
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert len(list(digit_readings(text))) <= 32
    for number in phone_candidates(text):
        assert number.startswith("+")


@given(st.lists(st.sampled_from(AMBIGUOUS.split()), max_size=40))
@settings(max_examples=60)
def test_readings_are_bounded(words: list[str]) -> None:
    assert len(list(digit_readings(" ".join(words)))) <= 32
