"""The agent's mouth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.call.playbook import PHRASES
from voicecore.call.commands import CancelReply, CancelSpeech, ClearPlayout, SetTimer, Speak
from voicecore.call.draft import Draft
from voicecore.call.events import Timer
from voicecore.call.policy import Policy
from voicecore.call.reply import ReplyKind
from voicecore.call.speech import begin_reply, change, current, release, retire, say, say_phrase
from voicecore.call.state import BargeIn, CallState, Phase


def new() -> Draft:
    return Draft(CallState.initial(Policy(), PHRASES, "Hello."), 10.0)


def suspect(draft: Draft, *, paused: bool, played_ms: int | None = None) -> None:
    barge_in = BargeIn(onset_at=9.9, began_at=10.0, paused=paused, played_ms=played_ms)
    draft.state = replace(draft.state, barge_in=barge_in)


def spoken(draft: Draft) -> list[object]:
    return [command for command in draft.commands if not isinstance(command, SetTimer)]


def test_the_greeting_is_number_zero_and_replies_count_up():
    draft = new()
    assert begin_reply(draft, ReplyKind.GREETING).turn == 0
    assert begin_reply(draft, ReplyKind.ANSWER).turn == 1
    assert draft.state.phase is Phase.THINKING
    say_phrase(draft, "Bye.")
    assert (draft.state.turn, draft.state.phase) == (2, Phase.SPEAKING)


def test_a_reply_takes_the_caller_s_clocks_away():
    draft = new()
    draft.set_timer(Timer.SILENCE, after_ms=100)
    begin_reply(draft, ReplyKind.ANSWER)
    assert draft.state.timers == ()


def test_segments_are_numbered_across_the_reply():
    draft = new()
    begin_reply(draft, ReplyKind.ANSWER)
    say(draft, "One.", is_reply=True)
    say(draft, "Two.", is_reply=False)
    assert spoken(draft) == [Speak(1, 0, "One."), Speak(1, 1, "Two.")]


def test_a_held_segment_is_spoken_at_its_release():
    draft = new()
    begin_reply(draft, ReplyKind.ANSWER)
    suspect(draft, paused=False)
    say(draft, "One.", is_reply=True)
    assert spoken(draft) == []
    release(draft)
    release(draft)
    assert spoken(draft) == [Speak(1, 0, "One.")]


def test_segments_behind_a_pause_are_synthesised_meanwhile():
    draft = new()
    begin_reply(draft, ReplyKind.ANSWER)
    suspect(draft, paused=True)
    say(draft, "One.", is_reply=True)
    assert spoken(draft) == [Speak(1, 0, "One.")]


def test_a_retired_reply_is_cleared_cancelled_and_remembered():
    draft = new()
    begin_reply(draft, ReplyKind.ANSWER)
    say(draft, "One.", is_reply=True)
    change(draft, replace(current(draft), streaming=True, asked=True))
    suspect(draft, paused=True, played_ms=300)
    draft.commands.clear()
    assert retire(draft).played_ms == 300
    assert spoken(draft) == [ClearPlayout(1), CancelReply(1), CancelSpeech(1)]
    assert draft.state.reply is None
    assert draft.state.barge_in is None
    assert draft.state.log[-1].cut


def test_nothing_is_cleared_where_nothing_was_said():
    draft = new()
    begin_reply(draft, ReplyKind.PHRASE)
    retire(draft)
    assert spoken(draft) == []


def test_there_is_no_reply_to_change_without_one():
    with pytest.raises(AssertionError):
        current(new())
