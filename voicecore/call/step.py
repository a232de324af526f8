"""The reducer of a call: one event in, the next state and the commands out.

Theory of operation
-------------------
Nothing here waits, reads a clock or fails. Time comes with the event (`at`), waiting is a timer
set by a command and fired by an event, and whatever the outside does comes back as an event.

Two parties share one floor. In LISTENING the caller has it: `endpointing` gathers their words and
commits the turn. In THINKING and SPEAKING the agent has it, and `state.reply` is the reply that is
being made (`replying`) and heard (`speaking`); `barge_in` weighs whatever the caller does
meanwhile. CONNECTING comes before, ENDING is the moment between the goodbye and the hang-up, and
after ENDED only facts are still written down: the result of a write, and what had been heard.

    CONNECTING -> SPEAKING            the greeting
    LISTENING  -> THINKING            a turn was committed
    THINKING  <-> SPEAKING            audio of the reply goes out / is used up while a tool runs
    SPEAKING   -> LISTENING           all of the reply was heard, or the caller interrupted it
    SPEAKING   -> ENDING -> ENDED     the last words were heard; a moment later the line is cut
    ENDING     -> LISTENING           "wait, one more thing"
    any        -> ENDED               the line is gone

What keeps a call from hanging: every live phase has the DEAD_AIR timer running, and it is moved
only by what the agent does and by words, never by the bare voice of the caller, which may be
noise. Every flag that says "somebody is talking" expires. Failures are counted (`Troubles`), and
the count leads to a human or a goodbye. Late news of a reply is recognised by its turn number.

`LEGAL` says which events mean something in which phase; all others are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from voicecore.call import barge_in, ending, endpointing, replying, speaking, supervision
from voicecore.call.commands import AskLlm, Command, ResumePlayout, RunTool, Speak
from voicecore.call.draft import Draft
from voicecore.call.events import (
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    FinalWords,
    InterimWords,
    ListenerLost,
    ListenerRestored,
    MarkEchoed,
    MediaGap,
    PlayoutCleared,
    PlayoutDrained,
    PlayoutPaused,
    PlayoutStarted,
    ReplyFailed,
    ReplyFinished,
    SegmentSynthesized,
    SentenceReady,
    ShutdownRequested,
    SpeakerFailed,
    SpeechStarted,
    SpeechStopped,
    Timer,
    TimerFired,
    ToolFinished,
    ToolRequested,
    UtteranceEnded,
)
from voicecore.call.floor import give_floor, set_caller
from voicecore.call.reply import ReplyKind
from voicecore.call.speech import begin_reply, say
from voicecore.call.state import CallState, Phase
from voicecore.call.words import is_speakable

_ALWAYS = frozenset({CallEnded, ShutdownRequested, ListenerLost, ListenerRestored})
_CALLER = frozenset(
    {SpeechStarted, SpeechStopped, InterimWords, FinalWords, UtteranceEnded, DigitPressed}
)
_MODEL = frozenset({SentenceReady, ToolRequested, ReplyFinished, ReplyFailed, ToolFinished})
_SPEECH = frozenset(
    {
        SegmentSynthesized,
        SpeakerFailed,
        PlayoutStarted,
        PlayoutPaused,
        PlayoutCleared,
        MarkEchoed,
        PlayoutDrained,
    }
)
_LIVE: frozenset[type] = _ALWAYS | _CALLER | _MODEL | _SPEECH | {MediaGap, TimerFired}

LEGAL: Mapping[Phase, frozenset[type]] = MappingProxyType(
    {
        Phase.CONNECTING: _ALWAYS | {CallStarted},
        Phase.LISTENING: _LIVE,
        Phase.THINKING: _LIVE,
        Phase.SPEAKING: _LIVE,
        Phase.ENDING: _ALWAYS | _CALLER | {ToolFinished, PlayoutCleared, MediaGap, TimerFired},
        Phase.ENDED: frozenset({ToolFinished, PlayoutCleared}),
    }
)
"""Which events mean something in which phase."""

_AGENT_PHASES = frozenset({Phase.THINKING, Phase.SPEAKING})
_TALK_PHASES = _AGENT_PHASES | {Phase.LISTENING}
_ACTIVITY = _MODEL | (_SPEECH - {PlayoutPaused, PlayoutCleared}) | {CallStarted, DigitPressed}
_DIGITS = frozenset("0123456789*#")
_ACTS = (AskLlm, RunTool, Speak, ResumePlayout)
_DUE: Mapping[Timer, Callable[[Draft], None]] = MappingProxyType(
    {
        Timer.BARGE_IN: barge_in.decision_due,
        Timer.ENDPOINT: endpointing.endpoint_due,
        Timer.FINALIZE: endpointing.finalize_due,
        Timer.FILLER: replying.filler_due,
        Timer.REPLY: replying.reply_overdue,
        Timer.SILENCE: supervision.silence_due,
        Timer.DEAD_AIR: supervision.dead_air_due,
        Timer.GOODBYE: ending.goodbye_due,
        Timer.CALL_WARNING: ending.time_is_short,
        Timer.CALL_LENGTH: ending.time_is_up,
    }
)


def step(state: CallState, event: Event) -> tuple[CallState, tuple[Command, ...]]:
    """Advance one call by one event: no waiting, no clock, no randomness."""
    if type(event) not in LEGAL[state.phase]:
        return state, ()
    draft = Draft(state, event.at)
    _take(draft, event)
    _supervise(draft, event, state)
    return draft.state, tuple(draft.commands)


def _take(draft: Draft, event: Event) -> None:
    match event:
        case CallStarted():
            _call_started(draft)
        case SpeechStarted() | SpeechStopped():
            _voice(draft, event)
        case InterimWords() | FinalWords() | UtteranceEnded() | DigitPressed():
            _said(draft, event)
        case SentenceReady() | ToolRequested() | ReplyFinished() | ReplyFailed() | ToolFinished():
            _model(draft, event)
        case PlayoutPaused():
            barge_in.playout_paused(draft, event)
        case PlayoutCleared():
            barge_in.playout_cleared(draft, event)
        case TimerFired():
            _timer(draft, event.timer)
        case CallEnded():
            ending.call_ended(draft, event.cause)
        case ShutdownRequested() | ListenerLost() | ListenerRestored() | MediaGap():
            _circumstances(draft, event)
        case _:
            speaking.speech_progressed(draft, event)


def _call_started(draft: Draft) -> None:
    state = draft.state
    policy = state.policy
    draft.set_timer(Timer.CALL_LENGTH, after_ms=policy.max_call_s * 1000)
    if 0 < policy.warn_before_s < policy.max_call_s:
        warn_s = policy.max_call_s - policy.warn_before_s
        draft.set_timer(Timer.CALL_WARNING, after_ms=warn_s * 1000)
    if is_speakable(state.greeting_text):
        # A caller who was taken back is no new one: the replies count on.
        begin_reply(draft, ReplyKind.PHRASE if state.log else ReplyKind.GREETING)
        say(draft, state.greeting_text, is_reply=True)
    else:
        give_floor(draft, silence_ms=state.policy.silence_ms)


def _voice(draft: Draft, event: SpeechStarted | SpeechStopped) -> None:
    phase, caller = draft.state.phase, draft.state.caller
    if isinstance(event, SpeechStarted):
        onset_at = min(event.onset_at, event.at)
        set_caller(draft, replace(caller, voice_at=onset_at, last_voice_at=onset_at))
        draft.cancel_timer(Timer.FINALIZE)
        if phase in _AGENT_PHASES:
            barge_in.voice_over_reply(draft, onset_at)
        elif phase is Phase.ENDING:
            ending.voice_in_tail(draft)
        return
    set_caller(draft, replace(caller, voice_at=None))
    if phase is Phase.LISTENING or draft.state.barge_in is not None:
        draft.set_timer(Timer.FINALIZE, after_ms=draft.state.policy.finalize_after_ms)
    if phase is Phase.LISTENING:
        endpointing.voice_stopped(draft)
    elif phase in _AGENT_PHASES:
        barge_in.voice_stopped_over_reply(draft, event)


def _said(draft: Draft, event: InterimWords | FinalWords | UtteranceEnded | DigitPressed) -> None:
    match event:
        case InterimWords():
            transcript = draft.state.caller.transcript.with_interim(event.text, event.start_s)
            set_caller(draft, replace(draft.state.caller, transcript=transcript))
            closes, is_new = False, bool(transcript.interim)
        case FinalWords():
            before = draft.state.caller.transcript
            transcript = before.with_final(event.text, event.start_s)
            set_caller(draft, replace(draft.state.caller, transcript=transcript))
            is_silent = draft.state.caller.voice_at is None
            closes = event.speech_final or (event.from_finalize and is_silent)
            is_new = transcript.finals != before.finals
        case UtteranceEnded():
            if draft.state.phase is Phase.LISTENING:
                endpointing.utterance_ended(draft)
                return
            closes, is_new = True, False
        case DigitPressed():
            _digit(draft, event.digit)
            return
        case _:
            assert_never(event)
    if is_new:
        set_caller(draft, replace(draft.state.caller, words_at=draft.at))
        supervision.arm_dead_air(draft)
    _weigh(draft, closes=closes)


def _weigh(draft: Draft, *, closes: bool) -> None:
    """Judge the words so far by who has the floor; they may change that first."""
    if draft.state.phase is Phase.ENDING:
        ending.words_in_tail(draft)
    elif draft.state.phase in _AGENT_PHASES and draft.state.caller.transcript.text:
        barge_in.words_over_reply(draft, closes=closes)
    if draft.state.phase is Phase.LISTENING:
        endpointing.words_heard(draft, closes=closes)


def _digit(draft: Draft, digit: str) -> None:
    if digit not in _DIGITS:
        return
    if digit.isdigit() and draft.state.phase in _AGENT_PHASES:
        barge_in.digit_over_reply(draft)
    elif digit.isdigit() and draft.state.phase is Phase.ENDING:
        ending.digit_in_tail(draft)
    if draft.state.phase is Phase.LISTENING:
        endpointing.digit_pressed(draft, digit)


def _model(
    draft: Draft,
    event: SentenceReady | ToolRequested | ReplyFinished | ReplyFailed | ToolFinished,
) -> None:
    match event:
        case SentenceReady():
            replying.sentence_ready(draft, event)
        case ToolRequested():
            replying.tool_requested(draft, event)
        case ReplyFinished():
            replying.reply_finished(draft, event)
        case ReplyFailed():
            replying.reply_failed(draft, event)
        case ToolFinished():
            replying.tool_finished(draft, event)
        case _:
            assert_never(event)


def _circumstances(
    draft: Draft, event: ShutdownRequested | ListenerLost | ListenerRestored | MediaGap
) -> None:
    troubles = draft.state.troubles
    match event:
        case ShutdownRequested():
            ending.shut_down(draft)
        case MediaGap():
            draft.note("media_gap", {"missing_ms": event.missing_ms})
        case ListenerRestored():
            draft.state = replace(
                draft.state, troubles=replace(troubles, deaf=False, told_deaf=False)
            )
            draft.note("listener_restored", {})
        case ListenerLost():
            draft.note("listener_lost", {"reason": event.reason, "fatal": event.fatal})
            draft.state = replace(
                draft.state, troubles=replace(troubles, deaf=troubles.deaf or event.fatal)
            )
            if draft.state.phase is Phase.LISTENING and not draft.state.caller.text:
                speaking.tell_deaf(draft)
        case _:
            assert_never(event)


def _timer(draft: Draft, timer: Timer) -> None:
    if draft.take_fired(timer):
        _DUE[timer](draft)


def _supervise(draft: Draft, event: Event, before: CallState) -> None:
    """Keep the supervisor's clock running; what the agent does moves it."""
    if draft.state.phase not in _TALK_PHASES:
        draft.cancel_timer(Timer.DEAD_AIR)
        return
    is_activity = type(event) in _ACTIVITY and draft.state is not before
    acts = any(isinstance(command, _ACTS) for command in draft.commands)
    if is_activity or acts or draft.due_at(Timer.DEAD_AIR) is None:
        supervision.arm_dead_air(draft)
