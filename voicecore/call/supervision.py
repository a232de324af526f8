"""Nobody says anything: prompts to a silent caller, and the supervisor of dead air."""

from __future__ import annotations

from dataclasses import replace

from voicecore.call.draft import Draft
from voicecore.call.ending import (
    await_goodbye,
    failure_ending,
    finish,
    give_up,
    start_closing,
)
from voicecore.call.endpointing import commit, unanswered_at
from voicecore.call.events import HangupCause, Timer
from voicecore.call.floor import has_voice
from voicecore.call.reply import Ending, Reply
from voicecore.call.replying import rescue, start_answer
from voicecore.call.speech import current, say, say_phrase
from voicecore.call.state import CallState, Phase

_MAX_POSTPONED = 2
_MAX_PROMPTS = 2
_MAX_DEAD_AIRS = 2


def silence_due(draft: Draft) -> None:
    """The caller has said nothing for a while since the agent was last heard."""
    troubles = draft.state.troubles
    if has_voice(draft) and troubles.postponed < _MAX_POSTPONED:
        draft.state = replace(
            draft.state, troubles=replace(troubles, postponed=troubles.postponed + 1)
        )
        draft.set_timer(Timer.SILENCE, after_ms=draft.state.policy.silence_extra_ms)
        arm_dead_air(draft)
    else:
        _prompt(draft)


def dead_air_due(draft: Draft) -> None:
    """Nothing has happened for too long, whatever the reason: make a sound or an end."""
    state = draft.state
    if state.phase is Phase.LISTENING:
        if state.caller.text:
            commit(draft)
        else:
            _prompt(draft)
        return
    reply = current(draft)
    draft.note("dead_air", {"phase": state.phase.value, "turn": reply.turn})
    is_working = bool(reply.running_tools) or reply.is_unasked
    if is_working and not reply.queue.is_audible:
        say(draft, state.phrases.filler, is_reply=False)
        return
    dead_airs = state.troubles.dead_airs + 1
    draft.state = replace(state, troubles=replace(state.troubles, dead_airs=dead_airs))
    if reply.ending is not None and not reply.is_waiting:
        finish(draft, reply.ending)
    elif dead_airs >= _MAX_DEAD_AIRS:
        finish(draft, failure_ending(draft))
    else:
        rescue(draft, "dead_air")


def arm_dead_air(draft: Draft) -> None:
    """Start the supervisor's clock; audio that is still to be played gets its time."""
    reply = draft.state.reply
    audio_ms = 0 if reply is None else reply.queue.audio_left_ms
    draft.set_timer(Timer.DEAD_AIR, after_ms=draft.state.policy.dead_air_ms + audio_ms)


def _prompt(draft: Draft) -> None:
    """Say something that fits to the silence, at last goodbye."""
    state = draft.state
    phrases = state.phrases
    silences = state.troubles.silences
    if start_closing(draft):
        return
    if state.troubles.deaf:
        give_up(draft, "deaf")
        return
    draft.state = replace(
        state, troubles=replace(state.troubles, silences=silences + 1, postponed=0)
    )
    if silences >= _MAX_PROMPTS:
        say_phrase(draft, phrases.goodbye, ending=Ending(HangupCause.AGENT, True))
        await_goodbye(draft)
    elif unanswered_at(state) is not None:
        start_answer(draft)
    elif _was_cut(state):
        say_phrase(draft, phrases.say_again)
    else:
        say_phrase(draft, phrases.still_there_again if silences else phrases.still_there)


def _was_cut(state: CallState) -> bool:
    """Tell whether the caller interrupted the agent and then said nothing."""
    last = state.log[-1] if state.log else None
    return isinstance(last, Reply) and last.cut
