"""What words mean for the turn."""

from __future__ import annotations

import pytest

from voicecore.call.words import (
    is_backchannel,
    is_farewell,
    is_part_of,
    is_question,
    is_salutation,
    is_speakable,
    is_stop_word,
    looks_complete,
    looks_incomplete,
    normalise,
    words_of,
)


def test_words_are_compared_without_case_punctuation_and_typography():
    assert normalise("Don\N{RIGHT SINGLE QUOTATION MARK}t - WAIT, please!") == "don't wait please"
    assert words_of("at 2 p.m., or 9:30 A.M.") == ("at", "2", "pm", "or", "9", "30", "am")


@pytest.mark.parametrize(
    "text",
    [
        "uh huh",
        "Uh-huh.",
        "Mm-hmm.",
        "mhm",
        "Okay.",
        "OK",
        "got it",
        "yeah",
        "Right, right.",
        "okay, got it",
        "oh okay thanks",
        "all right, sounds good",
        "no problem",
    ],
)
def test_backchannels_are_known_as_phrases(text):
    assert is_backchannel(text)
    assert not is_stop_word(text)


@pytest.mark.parametrize(
    "text",
    ["", "...", "got a question", "okay but not Friday", "Tuesday", "right now please", "no"],
)
def test_other_words_are_no_backchannel(text):
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    ["stop", "Wait!", "hold on", "No.", "actually, Tuesday", "uh, wait", "okay stop", "excuse me"],
)
def test_stop_words_are_known_behind_backchannels_too(text):
    assert is_stop_word(text)


@pytest.mark.parametrize("text", ["", "okay", "Tuesday works", "nothing", "no problem"])
def test_other_words_do_not_ask_for_the_floor(text):
    assert not is_stop_word(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thank you so much, bye bye", True),
        ("okay, have a great day", True),
        ("one more thing", False),
        ("", False),
    ],
)
def test_farewells(text, expected):
    assert is_farewell(text) is expected


@pytest.mark.parametrize(("text", "expected"), [("Hello?", True), ("hi I need help", False)])
def test_salutations(text, expected):
    assert is_salutation(text) is expected


@pytest.mark.parametrize(
    "heard",
    [
        "I have two p.m. Shall I book it?",
        "Shall I book it",
        "Great. Would you like the",
        "Shall I book it? I also",
        "What day works for you?",
        "Is Thursday at two p.m. or",
        "It is on Thursday at two p.m. Shall I book",
    ],
)
def test_a_question_waits_for_an_answer(heard):
    assert is_question(heard)


@pytest.mark.parametrize(
    "heard",
    [
        "",
        "?",
        "Your car is ready.",
        "Is it ready? Yes, it has been ready since noon.",
        "Would you",
        "I would like to",
        "Do call us any time.",
    ],
)
def test_a_statement_does_not(heard):
    assert not is_question(heard)


@pytest.mark.parametrize(
    "text",
    [
        "I need an oil change and",
        "I'd like to",
        "book it for",
        "I want",
        "my name is",
        "um",
        "it's a Toyota,",
        "my number is five five five",
        "my number is 555",
        "312 555 01",
        "five five double",
        "five five five oh one",
        "J T D K B",
        "my plate is A B 3",
        "the appointment on",
        "can you tell me if I",
        "is it possible that I want",
    ],
)
def test_more_must_follow(text):
    assert looks_incomplete(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I need an oil change.",
        "can I bring it in",
        "what time can I come in",
        "yes I can",
        "I think it is",
        "what is it for?",
        "my number is 312 555 0142",
        "three one two five five five zero one four two",
        "five five five zero one four two",
        "my car is a 2019",
        "at two p.m.",
        "at 9 30",
        "1 H G C M 8 2 6 3 3 A 0 0 4 3 5 2",
        "at nine 30",
    ],
)
def test_these_may_be_the_end(text):
    assert not looks_incomplete(text)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "Yes, please.",
        "no thanks",
        "that's right",
        "yes, that's it, thank you",
        "it is 312 555 0142",
        "three one two double five five zero one four two",
        "1 H G C M 8 2 6 3 3 A 0 0 4 3 5 2",
    ],
)
def test_whole_answers(text):
    assert looks_complete(text)


@pytest.mark.parametrize("text", ["", "Tuesday", "yes and", "555 0142", "double"])
def test_others_may_go_on(text):
    assert not looks_complete(text)


@pytest.mark.parametrize(("text", "expected"), [("Hi.", True), ("7", True), (" …!", False)])
def test_only_letters_and_digits_can_be_spoken(text, expected):
    assert is_speakable(text) is expected


def test_an_echo_is_a_piece_of_what_was_spoken():
    spoken = "Your oil change is on Thursday, at two p.m."
    assert is_part_of("oil change is on Thursday", spoken)
    assert not is_part_of("oil change on Thursday", spoken)
    assert not is_part_of("our oil", spoken)
    assert not is_part_of("", spoken)
