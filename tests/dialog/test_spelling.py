from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.dialog.spelling import TELEPHONE_WORDS, find_spelling, letter_of, spell_back


@pytest.mark.parametrize(
    ("said", "letters"),
    [
        ("Lopez, L O P E Z", "LOPEZ"),
        ("L-O-P-E-Z", "LOPEZ"),
        ("S as in Sam M I T H", "SMITH"),
        ("M I double L E R", "MILLER"),
        ("sierra mike india tango hotel", "SMITH"),
        ("double u I L L", "WILL"),
        ("O apostrophe B R I E N", "O'BRIEN"),
        ("x-ray U", "XU"),
        ("Baker, B A K E R", "BAKER"),
    ],
)
def test_letters_are_found_however_they_are_said(said: str, letters: str) -> None:
    spelling = find_spelling(said)
    assert spelling is not None
    assert (spelling.letters, spelling.is_clear) == (letters, True)


@pytest.mark.parametrize("said", ["I see you", "see you at ten", "I am a dog", "Mike", "", "a"])
def test_words_that_sound_like_letters_are_no_spelling(said: str) -> None:
    assert find_spelling(said) is None


def test_a_letter_and_a_word_that_disagree_are_not_clear() -> None:
    spelling = find_spelling("B as in dog A K E R")
    assert spelling is not None
    assert not spelling.is_clear


def test_what_stands_around_the_letters_is_told() -> None:
    spelling = find_spelling("Maria Lopez, L O P E Z please")
    assert spelling is not None
    assert (spelling.before, spelling.after, spelling.has_pause) == ("Maria Lopez", "please", True)


@pytest.mark.parametrize(
    ("word", "letter"),
    [("tango", "T"), ("q", "Q"), ("bee", "B"), ("zed", "Z"), ("alpha", "A"), ("table", None)],
)
def test_words_stand_for_letters(word: str, letter: str | None) -> None:
    assert letter_of(word) == letter


def test_letters_and_digits_are_spelled_so_that_nobody_mistakes_them() -> None:
    assert spell_back("T7x-é") == "T as in Tango, seven, X as in X-ray, É"


@given(st.text(alphabet=sorted(TELEPHONE_WORDS), min_size=3, max_size=12))
@settings(max_examples=60)
def test_what_is_spelled_back_is_heard_again(letters: str) -> None:
    spelling = find_spelling(spell_back(letters))
    assert spelling is not None
    assert spelling.letters == letters
