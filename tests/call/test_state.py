"""The state of one call."""

from __future__ import annotations

import dataclasses

import pytest

from tests.call.playbook import PHRASES, Playbook
from voicecore.call.policy import Policy
from voicecore.call.state import Caller, CallState, Phase
from voicecore.call.transcript import Transcript


def test_a_new_call_is_connecting_and_knows_nothing():
    state = CallState.initial(Policy(), PHRASES, "Hello.")
    assert state.phase is Phase.CONNECTING
    assert state.history == ()
    assert not state.has_running_writes


def test_a_state_is_a_value():
    state = CallState.initial(Policy(), PHRASES, "Hello.")
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.phase = Phase.ENDED


def test_digits_stand_behind_the_words():
    caller = Caller(transcript=Transcript(finals=("my number is",)), digits="5550142")
    assert caller.text == "my number is 5 5 5 0 1 4 2"


def test_the_history_holds_past_and_present_in_order():
    call = Playbook().answered().asking("when are you open")
    call.speaking("From seven.", "Until six.").later(2000).heard(0)
    assert call.said() == [
        ("agent", "Hello, how can I help?"),
        ("caller", "when are you open"),
        ("agent", "From seven. -"),
    ]
    assert call.state.prompt_history[-1].text == "From seven. Until six."


def test_a_write_of_an_interrupted_reply_is_still_running():
    call = Playbook().answered().asking().tool("book", "c1", writes=True).finish()
    assert not call.state.has_running_writes
    call.interim("wait")
    assert call.state.has_running_writes


def test_a_caller_who_is_taken_back_is_asked_nothing_again_and_not_handed_on_again():
    log = Playbook().answered().state.log
    state = CallState.taken_back(Policy(can_transfer=True), PHRASES, log, 4)
    assert (state.log, state.turn) == (log, 4)
    assert state.greeting_text == PHRASES.taken_back
    assert not state.policy.can_transfer
