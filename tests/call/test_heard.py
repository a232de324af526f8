"""Which words were heard when the audio stopped.

The word ends are those of espeak-ng (en-us, 165 words a minute); `ends_ms` counts a word as ended
where the next one begins.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecore.call.heard import Heard, SpokenSegment, heard_text

MEASURED = [
    (
        "An oil change for your 2019 Toyota Camry on Thursday, November twenty-sixth at two p.m. "
        "Shall I book it?",
        7611,
        (
            66,
            385,
            838,
            1047,
            1192,
            2318,
            2742,
            3145,
            3357,
            4111,
            4628,
            5505,
            5695,
            5910,
            6741,
            7022,
            7121,
            7442,
            7611,
        ),
    ),
    ("Your number is 555-0142, is that right?", 4640, (171, 548, 699, 3902, 4050, 4286, 4640)),
    (
        "I have three openings this week: Thursday at two p.m., Friday at nine thirty a.m., "
        "and Friday at one fifteen p.m.",
        7243,
        (
            94,
            326,
            553,
            1086,
            1292,
            1897,
            2358,
            2538,
            2752,
            3582,
            3971,
            4149,
            4431,
            4760,
            5231,
            5430,
            5819,
            5993,
            6250,
            6730,
            7243,
        ),
    ),
    ("Let me check that for you.", 1457, (263, 385, 719, 1084, 1300, 1457)),
    ("It costs $49.95 plus tax.", 3340, (172, 624, 2538, 2869, 3340)),
]


def segment(
    text: str, start_ms: int | None = 0, audio_ms: int | None = 1000, *, heard: bool = False
) -> SpokenSegment:
    return SpokenSegment(text, start_ms, audio_ms, heard)


@pytest.mark.parametrize(("text", "audio_ms", "ends_ms"), MEASURED)
def test_no_word_is_kept_before_it_was_played(text, audio_ms, ends_ms):
    lost = []
    for played_ms in range(0, audio_ms, 20):
        kept = len(heard_text([segment(text, 0, audio_ms)], played_ms).text.split())
        played = sum(1 for end_ms in ends_ms if end_ms <= played_ms)
        assert kept <= played
        lost.append(played - kept)
    assert sorted(lost)[len(lost) // 2] <= 2


def test_a_segment_whose_mark_came_back_is_whole():
    heard = heard_text([segment("Hello there.", heard=True), segment("How are you?", 1000)], None)
    assert heard == Heard("Hello there.", False)


def test_everything_was_heard():
    parts = [segment("Hello there."), segment("How are you?", 1000)]
    assert heard_text(parts, 2000) == Heard("Hello there. How are you?", True)
    assert heard_text([], 0) == Heard("", True)


def test_the_last_word_waits_for_the_end_of_the_audio():
    assert heard_text([segment("Yes", 0, 500)], 499) == Heard("", False)
    assert heard_text([segment("Yes", 0, 500)], 500) == Heard("Yes", True)


def test_a_segment_without_a_place_was_not_heard():
    parts = [segment("Hello."), segment("Lost.", None, None), segment("Later.", 5000)]
    assert heard_text(parts, 1500) == Heard("Hello.", False)


def test_a_segment_of_unknown_length_is_taken_to_be_slow():
    text = "We are open from seven to six"
    assert heard_text([segment(text, 0, None)], 1500).text == "We are open"
    assert heard_text([segment(text, 0, None)], 60_000).text == "We are open from seven to"


def test_numbers_take_longer_than_their_letters():
    early = heard_text([segment("In 2019 we moved, and then we stayed", 0, 3000)], 700)
    assert early.text == "In"


@given(
    st.lists(st.text("aeiou xyz,.19", min_size=1, max_size=30), min_size=1, max_size=4),
    st.integers(0, 6000),
    st.integers(0, 400),
)
def test_more_audio_never_means_fewer_words(texts, played_ms, more_ms):
    parts = [segment(text, index * 1500, 1500) for index, text in enumerate(texts)]
    early = heard_text(parts, played_ms).text.split()
    late = heard_text(parts, played_ms + more_ms).text.split()
    assert late[: len(early)] == early
