from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.dialog.speakable import speakable


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "An oil change is $49.95, on 2026-11-26 at 2 PM.",
            "An oil change is forty-nine dollars and ninety-five cents, on Thursday, November "
            "twenty-sixth at two p.m.",
        ),
        (
            "Thursday, November 26th at 2:30 p.m.",
            "Thursday, November twenty-sixth at two thirty p.m.",
        ),
        ("2026-11-26T14:00:00-06:00", "Thursday, November twenty-sixth at two p.m."),
        ("Thu, Nov 26 at 2pm", "Thursday, November twenty-sixth at two p.m."),
        ("the 26th of November", "the November twenty-sixth"),
        ("11/26/2026 or 11/26", "Thursday, November twenty-sixth or November twenty-sixth"),
        ("1/2", "one slash two"),
        ("8:00 AM - 5:30 PM, Mon-Fri", "eight a.m. to five thirty p.m., Monday to Friday"),
        ("at 9:00 or 14:00", "at nine o'clock or two p.m."),
        ("12:00 PM", "noon"),
        ("two PM, I am here", "two p.m., I am here"),
        ("Call (312) 555-0142", "Call three one two, five five five, oh one four two"),
        ("+13125550142", "three one two, five five five, oh one four two"),
        ("3125550142", "three one two, five five five, oh one four two"),
        ("your 2019 Toyota Camry", "your twenty nineteen Toyota Camry"),
        ("42,500 miles", "forty-two thousand five hundred miles"),
        ("2000 miles", "two thousand miles"),
        ("plate ABC-1234", "plate A B C, one two three four"),
        ("5W-30 oil", "five W thirty oil"),
        ("a Ford F-150", "a Ford F one fifty"),
        ("a RAV4 or CX-5", "a RAV four or CX five"),
        ("20% off", "twenty percent off"),
        ("3.5 quarts", "three point five quarts"),
        ("30-40 minutes", "thirty to forty minutes"),
        ("24/7", "twenty-four seven"),
        ("$1,200 or $0.99", "one thousand two hundred dollars or ninety-nine cents"),
        ("#3", "number three"),
        ("120 Main St. & Oak Ave.", "one hundred twenty Main Street and Oak Avenue"),
        ("maria.lopez@example.com", "maria dot lopez at example dot com"),
        ("code 0142", "code oh one four two"),
        ("parts, e.g. filters", "parts, for example filters"),
        ("it takes 45 min.", "it takes forty-five minutes"),
    ],
)
def test_is_written_the_way_it_is_said(written: str, said: str) -> None:
    assert speakable(written) == said


@pytest.mark.parametrize("text", ["2026-13-45", "99:99", "13/45/2026", "25 PM", "Jan 45"])
def test_impossible_dates_and_times_are_still_words(text: str) -> None:
    assert not any(character in "0123456789" for character in speakable(text))


@given(st.text(alphabet=st.sampled_from("0123456789 .,:;-/$%#+@aApPmMTZWdth'\n()x°"), max_size=60))
@settings(max_examples=300)
def test_no_digit_reaches_the_voice_and_nothing_is_raised(text: str) -> None:
    assert not any(character in "0123456789" for character in speakable(text))


SENTENCE = "we can do $49.95 2:30 on Nov 26 2019 a.m. Dr. 5W-30"


@given(st.lists(st.sampled_from(SENTENCE.split())))
@settings(max_examples=150)
def test_words_stay_as_they_are_the_second_time(words: list[str]) -> None:
    once = speakable(" ".join(words))
    assert speakable(once) == once
