"""Assembly of a turn as Deepgram's endpointing guides describe it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicecore.call.transcript import Transcript


def test_an_interim_replaces_the_one_before():
    heard = Transcript().with_interim("I need", 0.0).with_interim("I need an oil", 0.0)
    assert heard.text == "I need an oil"


def test_finals_are_joined_and_the_interim_is_their_end():
    heard = (
        Transcript()
        .with_final("I need an oil change", 0.0)
        .with_interim("for my", 2.1)
        .with_final("for my Camry", 2.1)
        .with_interim("on", 4.0)
    )
    assert heard.text == "I need an oil change for my Camry on"


def test_an_empty_final_keeps_the_words_and_closes_the_guess():
    heard = Transcript().with_final("yes", 0.0).with_interim("uh", 1.0).with_final("", 1.0)
    assert heard.text == "yes"


def test_a_final_that_comes_twice_counts_once():
    heard = Transcript().with_final("two p.m.", 3.2).with_final("two p.m.", 3.2)
    assert heard.text == "two p.m."
    assert heard.taken().with_final("two p.m.", 3.2).text == ""


def test_a_turn_made_of_an_interim_takes_only_the_rest_of_its_final():
    heard = Transcript().with_interim("yes", 5.0).taken()
    assert heard.text == ""
    assert heard.with_interim("yes", 5.0).text == ""
    assert heard.with_final("yes please cancel it", 5.0).text == "please cancel it"


def test_another_segment_is_new_even_with_the_same_words():
    heard = Transcript().with_interim("yes", 5.0).taken()
    assert heard.with_final("yes", 6.4).text == "yes"


def test_a_dropped_interim_that_grows_further_adds_only_new_words():
    heard = Transcript().with_interim("okay", 1.0).taken().with_interim("okay but", 1.0)
    assert heard.text == "but"
    assert heard.taken().with_final("okay but Friday", 1.0).text == "Friday"


@given(st.lists(st.sampled_from(["one", "two three", "", "four"]), max_size=8))
def test_distinct_segments_lose_and_double_nothing(texts):
    heard = Transcript()
    for index, text in enumerate(texts):
        heard = heard.with_interim(text[:3], float(index)).with_final(text, float(index))
    assert heard.text.split() == " ".join(texts).split()
