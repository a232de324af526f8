"""The reducer as a whole: what holds for every call, whatever happens on it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.call.playbook import Playbook
from tests.call.world import World
from voicecore.call import events
from voicecore.call.commands import HangUp, Note
from voicecore.call.events import Event, Finish, HangupCause, Timer, TimerFired
from voicecore.call.expecting import Expecting
from voicecore.call.policy import Phrases, Policy
from voicecore.call.state import CallState, Phase
from voicecore.call.step import LEGAL, step

TIMES = st.floats(0, 2000, allow_nan=False)
TURNS = st.integers(0, 5)
SEGMENTS = st.integers(0, 4)
MS = st.integers(-100, 20_000)
WORDS = st.sampled_from(
    ("", "yes", "stop", "uh huh", "book an oil change", "and", "five five five", "goodbye", "Hello")
)
CALL_IDS = st.sampled_from(("a", "b", "c"))
VALUES = {
    "at": TIMES,
    "onset_at": TIMES,
    "turn": TURNS,
    "segment": SEGMENTS,
    "run_ms": MS,
    "missing_ms": MS,
    "audio_ms": MS,
    "start_ms": MS,
    "played_ms": MS,
    "text": WORDS,
    "start_s": st.sampled_from((0.0, 1.0, 2.0)),
    "reason": st.just("reason"),
    "call_id": CALL_IDS,
    "name": st.just("tool"),
    "arguments": st.just("{}"),
    "content": st.sampled_from(("", "{}")),
    "digit": st.sampled_from("05*#x"),
    "finish": st.sampled_from(Finish),
    "expecting": st.none() | st.sampled_from(Expecting),
    "timer": st.sampled_from(Timer),
    "cause": st.sampled_from(HangupCause),
}
FLAGS = st.booleans()


def any_event() -> st.SearchStrategy[Event]:
    kinds = events.Event.__args__
    return st.one_of(
        *(
            st.builds(kind, **{name: VALUES.get(name, FLAGS) for name in kind.__dataclass_fields__})
            for kind in kinds
            if kind not in (events.CallEnded, events.CallStarted)
        )
    )


def lively(state: CallState) -> CallState:
    return step(state, events.CallStarted(1.0))[0]


def fresh() -> CallState:
    return CallState.initial(Policy(), Phrases(), "Hello.")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(any_event(), max_size=40), st.lists(any_event(), max_size=8))
def test_any_events_in_any_order_are_taken(before, after):
    """Never an exception; nothing is said, asked or run after the end."""
    state = lively(fresh())
    for event in before:
        state, _ = step(state, event)
    state, _ = step(state, events.CallEnded(3000.0, HangupCause.CALLER))
    assert state.phase is Phase.ENDED
    assert state.timers == ()
    for event in after:
        state, commands = step(state, event)
        assert all(isinstance(command, Note) for command in commands)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(any_event(), max_size=30))
def test_timers_alone_end_every_call(before):
    """From any state, with nobody answering any more, the call ends in bounded steps and time."""
    state = lively(fresh())
    at = 1.0
    for event in before:
        state, _ = step(state, event)
        at = max(at, event.at)
    began = at
    for _ in range(120):
        if state.phase is Phase.ENDED:
            break
        timer, due_at = min(state.timers, key=lambda entry: entry[1])
        at = max(at, due_at)
        state, _ = step(state, TimerFired(at, timer))
    assert state.phase is Phase.ENDED
    assert at - began < 2200


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_a_whole_world(seed):
    """With answers of random delay: heard words only, tools answered, and an end."""
    world = World(Random(seed))
    world.run()
    assert world.state.phase is Phase.ENDED


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_its_legal_events(phase):
    assert set(LEGAL[phase]) <= set(events.Event.__args__)


def test_events_out_of_place_are_ignored():
    state = fresh()
    for event in (events.UtteranceEnded(1.0), TimerFired(1.0, Timer.SILENCE)):
        assert step(state, event) == (state, ())


def test_a_call_without_a_greeting_listens():
    call = Playbook(greeting=" ").given(events.CallStarted(100.0)).expect()
    assert call.state.phase is Phase.LISTENING
    always = {Timer.CALL_WARNING, Timer.CALL_LENGTH}
    assert {Timer.SILENCE, Timer.DEAD_AIR} | always == set(call.timers)


def test_an_onset_in_the_future_is_now():
    call = Playbook().answered().given(events.SpeechStarted(110.0, 120.0))
    assert call.state.caller.voice_at == 110.0


def test_a_gap_in_the_caller_s_audio_is_noted():
    call = Playbook().answered().given(events.MediaGap(102.0, 60))
    assert call.notes("media_gap") == [{"missing_ms": 60}]


def test_a_listener_that_reconnects_is_noted_and_nothing_is_said():
    call = Playbook().answered().given(events.ListenerLost(102.0, "closed", False)).expect()
    call = call.given(events.ListenerRestored(103.0)).expect()
    assert not call.state.troubles.deaf


def test_a_listener_lost_in_the_middle_of_words_is_told_later():
    call = (
        Playbook()
        .answered()
        .interim("an oil change")
        .given(events.ListenerLost(102.0, "closed", True))
    )
    call.expect()
    assert call.state.troubles.deaf


def test_a_demo_of_the_whole_way():
    """Look-up, a write after a yes, and the goodbye, without a single wait."""
    call = Playbook().answered().asking("my number is 312 555 0142")
    call.tool("lookup_customer", "c1").finish(Finish.TOOL_CALLS)
    call.given(events.ToolFinished(call.at, "c1", "{}", True))
    call.speaking("Hello Maria. Shall I book Thursday at two?").later(2000).heard(0)
    call.asking("yes").tool("book_appointment", "c2", writes=True).finish(Finish.TOOL_CALLS)
    call.given(events.ToolFinished(call.at, "c2", "{}", True))
    call.speaking("You are booked.").later(2000).heard(0)
    call.asking("that's all").tool("end_call", "c3").finish(Finish.TOOL_CALLS)
    call.given(events.ToolFinished(call.at, "c3", "{}", True, ends_call=True))
    call.speaking("Goodbye.").later(2000).heard(0).wait_for(Timer.GOODBYE)
    call.expect(HangUp(HangupCause.AGENT))
    assert [who for who, _ in call.said()] == [
        "agent",
        "caller",
        "lookup_customer",
        "agent",
        "caller",
        "book_appointment",
        "agent",
        "caller",
        "end_call",
        "agent",
    ]


def test_keys_mean_something_in_every_talking_phase():
    call = Playbook().answered().given(events.DigitPressed(102.0, "x"))
    assert call.state.caller.text == ""
    call.asking().given(events.DigitPressed(call.at, "#"))
    assert call.state.phase is Phase.THINKING
    call.given(events.DigitPressed(call.at, "4"))
    assert (call.state.phase, call.state.caller.text) == (Phase.LISTENING, "4")
    call.given(events.DigitPressed(call.at, "#")).tool("end_call", "c1").finish()
    call.given(events.ToolFinished(call.at, "c1", "{}", True, ends_call=True))
    call.speaking("Goodbye.").heard(0).given(events.DigitPressed(call.at, "7"))
    assert (call.state.phase, call.state.caller.text) == (Phase.LISTENING, "7")
