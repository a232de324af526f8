"""The work in progress of one step."""

from __future__ import annotations

from voicecore.call.commands import CancelTimer, Note, SetTimer
from voicecore.call.draft import Draft
from voicecore.call.events import Timer
from voicecore.call.policy import Phrases, Policy
from voicecore.call.state import CallState


def new(at: float = 10.0) -> Draft:
    return Draft(CallState.initial(Policy(), Phrases(), "Hello."), at)


def test_a_timer_is_set_and_moved():
    draft = new()
    draft.set_timer(Timer.SILENCE, after_ms=500)
    draft.set_timer_at(Timer.SILENCE, 12.0)
    assert draft.commands == [SetTimer(Timer.SILENCE, 10.5), SetTimer(Timer.SILENCE, 12.0)]
    assert draft.state.timers == ((Timer.SILENCE, 12.0),)
    assert draft.due_at(Timer.SILENCE) == 12.0


def test_only_running_timers_are_cancelled():
    draft = new()
    draft.set_timer(Timer.SILENCE, after_ms=500)
    draft.cancel_timer(Timer.FILLER, Timer.SILENCE)
    assert draft.commands[1:] == [CancelTimer(Timer.SILENCE)]
    assert draft.due_at(Timer.SILENCE) is None


def test_all_timers_are_cancelled():
    draft = new()
    draft.set_timer(Timer.SILENCE, after_ms=500)
    draft.set_timer(Timer.DEAD_AIR, after_ms=800)
    draft.cancel_all_timers()
    assert draft.state.timers == ()


def test_a_firing_counts_once():
    draft = new()
    draft.set_timer(Timer.SILENCE, after_ms=0)
    assert draft.take_fired(Timer.SILENCE)
    assert not draft.take_fired(Timer.SILENCE)


def test_a_firing_that_comes_a_little_early_counts():
    draft = new()
    draft.set_timer(Timer.SILENCE, after_ms=10)
    assert draft.take_fired(Timer.SILENCE)


def test_a_firing_of_a_timer_that_was_moved_sets_it_once_more():
    draft = new()
    draft.set_timer(Timer.SILENCE, after_ms=900)
    draft.commands.clear()
    assert not draft.take_fired(Timer.SILENCE)
    assert draft.commands == [SetTimer(Timer.SILENCE, 10.9)]
    assert draft.due_at(Timer.SILENCE) == 10.9


def test_a_note_is_a_command():
    draft = new()
    draft.note("fact", {"n": 1})
    assert draft.commands == [Note("fact", {"n": 1})]
