from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.call.expecting import Expecting, Progress, calls_for_more, is_whole, progress_of

PHONE = "three one two five five five oh one four two"


@pytest.mark.parametrize(
    ("expecting", "text", "progress"),
    [
        (Expecting.YES_NO, "yes please", "complete"),
        (Expecting.YES_NO, "Yes,", "open"),
        (Expecting.YES_NO, "well on Thursday", "open"),
        (Expecting.PHONE, "three one two", "going_on"),
        (Expecting.PHONE, "it's three one two five five five", "going_on"),
        (Expecting.PHONE, PHONE, "complete"),
        (Expecting.PHONE, f"one {PHONE}", "complete"),
        (Expecting.PHONE, "one three one two five five five oh one four", "going_on"),
        (Expecting.PHONE, "312 555 0142", "complete"),
        (Expecting.PHONE, "three twelve triple five oh one forty two", "complete"),
        (Expecting.PHONE, "eight hundred five five five oh one four two", "complete"),
        (Expecting.PHONE, f"{PHONE} seven", "open"),
        (Expecting.PHONE, "sure", "going_on"),
        (Expecting.PHONE, "I have no phone", "open"),
        (Expecting.PHONE, "double", "open"),
        (Expecting.CODE, "one two three", "going_on"),
        (Expecting.CODE, "one two three four five six", "complete"),
        (Expecting.CODE, "123456", "complete"),
        (Expecting.VIN, "one H G C M eight two six", "going_on"),
        (Expecting.VIN, "1 H G C M 8 2 6 3 3 A 0 0 4 3 5 2", "complete"),
        (Expecting.VIN, "1HGCM82633A004352", "complete"),
        (Expecting.VIN, "one hotel golf C as in Charlie M 82633 A as in alpha 004352", "complete"),
        (Expecting.VIN, "I don't know where it is", "open"),
        (Expecting.PLATE, "B K seven", "going_on"),
        (Expecting.PLATE, "B K seven four two one nine", "open"),
        (Expecting.PLATE, "on my card", "open"),
        (Expecting.NAME, "Maria Lopez", "open"),
        (Expecting.NAME, "Mike", "open"),
        (Expecting.NAME, "Lopez L O P", "going_on"),
        (Expecting.NAME, "S as in Sam", "open"),
        (Expecting.NAME, "sierra mike india", "going_on"),
        (Expecting.NAME, "", "open"),
        (Expecting.EMAIL, "maria", "open"),
        (Expecting.EMAIL, "maria dot lopez", "going_on"),
        (Expecting.EMAIL, "m a r", "going_on"),
        (Expecting.EMAIL, "maria dot lopez at example dot com", "complete"),
        (Expecting.EMAIL, "maria.lopez@example.com", "complete"),
        (Expecting.EMAIL, "maria at example dot co", "going_on"),
        (Expecting.EMAIL, "I have none", "open"),
    ],
)
def test_how_far_an_answer_has_come(expecting: Expecting, text: str, progress: str) -> None:
    assert progress_of(text, expecting) is Progress(progress)


def test_an_answer_that_goes_on_calls_for_more_and_a_whole_one_does_not() -> None:
    assert calls_for_more("three one two", Expecting.PHONE)
    assert not calls_for_more(PHONE, Expecting.PHONE)
    assert is_whole(PHONE, Expecting.PHONE)
    assert not is_whole("sure", Expecting.PHONE)
    assert is_whole("no", Expecting.PHONE)
    assert not is_whole("no,", Expecting.PHONE)


def test_where_the_words_tell_nothing_they_are_judged_as_always() -> None:
    assert calls_for_more("my number is", Expecting.PHONE)
    assert not calls_for_more("I have no phone", Expecting.PHONE)
    assert calls_for_more("my number is", None)
    assert is_whole("yes please", None)
    assert not is_whole("my number is", None)


@given(st.text(max_size=60), st.sampled_from(Expecting))
@settings(max_examples=150)
def test_no_text_is_whole_and_unfinished_at_once(text: str, expecting: Expecting) -> None:
    assert not (is_whole(text, expecting) and calls_for_more(text, expecting))
