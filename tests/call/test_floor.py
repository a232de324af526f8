"""Giving the floor to the caller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.call.playbook import PHRASES
from voicecore.call.draft import Draft
from voicecore.call.events import Timer
from voicecore.call.floor import (
    await_end_of_turn,
    drop_words,
    give_floor,
    had_voice_lately,
    has_voice,
    rejected_lately,
    set_caller,
)
from voicecore.call.policy import Policy
from voicecore.call.state import Caller, CallState, Phase
from voicecore.call.transcript import Transcript


def hearing(text: str = "", **caller: object) -> Draft:
    state = CallState.initial(Policy(), PHRASES, "Hello.")
    finals = (text,) if text else ()
    values = Caller(transcript=Transcript(finals=finals), **caller)
    return Draft(replace(state, caller=values), 50.0)


def test_a_silent_caller_gets_a_prompt_later():
    draft = hearing()
    give_floor(draft, silence_ms=7500)
    assert draft.state.phase is Phase.LISTENING
    assert draft.due_at(Timer.SILENCE) == 57.5


def test_words_that_are_there_already_start_the_end_of_turn():
    draft = hearing("an oil change")
    give_floor(draft, silence_ms=7500)
    assert draft.due_at(Timer.SILENCE) is None
    assert draft.due_at(Timer.ENDPOINT) == 51.5


@pytest.mark.parametrize(
    ("text", "caller", "wait_ms"),
    [
        ("an oil change", {}, 1500),
        ("an oil change and", {}, 2500),
        ("yes", {}, 400),
        ("yes", {"voice_at": 49.8}, 1500),
        ("yes", {"digits": "5"}, 2500),
    ],
)
def test_the_wait_depends_on_the_words(text, caller, wait_ms):
    draft = hearing(text, **caller)
    await_end_of_turn(draft)
    assert draft.due_at(Timer.ENDPOINT) == pytest.approx(50 + wait_ms / 1000)


def test_dropped_words_are_gone():
    draft = hearing("uh huh", digits="5")
    drop_words(draft)
    assert draft.state.caller.text == ""


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ({}, False),
        ({"voice_at": 49.0}, True),
        ({"voice_at": 40.0}, False),
        ({"voice_at": 40.0, "words_at": 48.0}, True),
    ],
)
def test_a_voice_counts_for_a_while_after_its_onset_or_last_words(caller, expected):
    assert has_voice(hearing(**caller)) is expected


def test_late_words_are_expected_for_a_while():
    assert rejected_lately(hearing(rejected_at=48.0))
    assert not rejected_lately(hearing(rejected_at=47.0))
    assert not rejected_lately(hearing())
    assert had_voice_lately(hearing(last_voice_at=48.0))
    assert not had_voice_lately(hearing(last_voice_at=47.0))
    assert not had_voice_lately(hearing())


def test_the_caller_s_side_is_replaced():
    draft = hearing("yes")
    set_caller(draft, Caller())
    assert draft.state.caller.text == ""
