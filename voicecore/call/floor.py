"""Giving the floor to the caller: listen, and start the clock of their silence."""

from __future__ import annotations

from dataclasses import replace

from voicecore.call.draft import Draft
from voicecore.call.events import Timer
from voicecore.call.expecting import Expecting, calls_for_more, is_whole
from voicecore.call.state import Caller, Phase


def give_floor(draft: Draft, *, silence_ms: int) -> None:
    """Listen; a prompt follows after `silence_ms` unless the caller says something."""
    draft.state = replace(draft.state, phase=Phase.LISTENING)
    if draft.state.caller.text:
        await_end_of_turn(draft)
    else:
        draft.set_timer(Timer.SILENCE, after_ms=silence_ms)


def await_end_of_turn(draft: Draft) -> None:
    """Words are there: end the turn when no more come for as long as these words call for."""
    policy, caller = draft.state.policy, draft.state.caller
    text, expecting = caller.text, draft.state.expecting
    if caller.digits:
        wait_ms = policy.digits_pause_ms
    elif calls_for_more(text, expecting):
        is_dictated = expecting is not None and expecting is not Expecting.YES_NO
        wait_ms = policy.endpoint_dictation_ms if is_dictated else policy.endpoint_incomplete_ms
    elif is_whole(text, expecting) and not has_voice(draft):
        wait_ms = policy.endpoint_complete_ms
    else:
        wait_ms = policy.endpoint_ms
    draft.cancel_timer(Timer.SILENCE)
    draft.set_timer(Timer.ENDPOINT, after_ms=wait_ms)


def drop_words(draft: Draft) -> None:
    """The words so far are no turn; more of the same segment may still become one."""
    caller = draft.state.caller
    caller = replace(caller, transcript=caller.transcript.taken(), digits="")
    set_caller(draft, caller)


def has_voice(draft: Draft) -> bool:
    """Tell whether the caller's voice is running; a run without words does not count for ever."""
    caller = draft.state.caller
    if caller.voice_at is None:
        return False
    since = max(caller.voice_at, caller.words_at or caller.voice_at)
    return draft.at - since < draft.state.policy.voice_latch_ms / 1000


def rejected_lately(draft: Draft) -> bool:
    """Tell whether a voice run did not interrupt so lately that its words may still arrive."""
    rejected_at = draft.state.caller.rejected_at
    wait_s = draft.state.policy.late_words_ms / 1000
    return rejected_at is not None and draft.at - rejected_at < wait_s


def had_voice_lately(draft: Draft) -> bool:
    """Tell whether a voice was detected so lately that words may be its, not the agent's echo."""
    last_voice_at = draft.state.caller.last_voice_at
    wait_s = draft.state.policy.late_words_ms / 1000
    return last_voice_at is not None and draft.at - last_voice_at < wait_s


def set_caller(draft: Draft, caller: Caller) -> None:
    """Replace what is known of the caller's side."""
    draft.state = replace(draft.state, caller=caller)
