"""The end of a call: the last words, the tail behind them, the hang-up, and giving up."""

from __future__ import annotations

from dataclasses import replace

from voicecore.call.commands import (
    CancelReply,
    CancelSpeech,
    ClearPlayout,
    HangUp,
    TransferCall,
)
from voicecore.call.draft import Draft
from voicecore.call.events import HangupCause, Timer
from voicecore.call.reply import Ending
from voicecore.call.speech import change, current, retire, say, say_phrase
from voicecore.call.state import Closing, Phase
from voicecore.call.words import is_farewell

_TRY_AGAIN_MS = 1000
_TALK_TIMERS = (Timer.FINALIZE, Timer.ENDPOINT, Timer.SILENCE, Timer.DEAD_AIR)


def begin_tail(draft: Draft, ending: Ending) -> None:
    """The last words were heard: leave a moment, then cut the line."""
    draft.state = replace(draft.state, phase=Phase.ENDING, ending=ending)
    draft.cancel_timer(*_TALK_TIMERS)
    draft.set_timer(Timer.GOODBYE, after_ms=draft.state.policy.goodbye_tail_ms)


def await_goodbye(draft: Draft) -> None:
    """Make sure that the line is cut even if the last words are never reported as heard."""
    wait_ms = draft.state.policy.goodbye_wait_ms + current(draft).queue.audio_left_ms
    draft.set_timer(Timer.GOODBYE, after_ms=wait_ms)


def goodbye_due(draft: Draft) -> None:
    """The last words were heard, or should have been."""
    reply = draft.state.reply
    ending = draft.state.ending if reply is None else reply.ending
    assert ending is not None, "the timer runs only while there is an end to come"
    finish(draft, ending)


def voice_in_tail(draft: Draft) -> None:
    """The caller begins to speak after the goodbye: wait for a first word, once."""
    ending, heard_at = draft.state.ending, draft.state.heard_at
    if ending is not None and ending.can_be_called_off and heard_at is not None:
        wait_s = draft.state.policy.goodbye_voice_ms / 1000
        draft.set_timer_at(Timer.GOODBYE, max(draft.at, heard_at + wait_s))


def words_in_tail(draft: Draft) -> None:
    """Call the end off if the caller wants something, not for their own goodbye."""
    text = draft.state.caller.text
    if text and not is_farewell(text):
        _call_off(draft)


def digit_in_tail(draft: Draft) -> None:
    """Call the end off: a pressed key is no goodbye."""
    _call_off(draft)


def close_when_free(draft: Draft, closing: Closing) -> None:
    """Say goodbye now if nobody is talking, else at the next good moment."""
    if draft.state.closing is None:
        draft.state = replace(draft.state, closing=closing)
    if _is_free(draft):
        start_closing(draft)


def start_closing(draft: Draft) -> bool:
    """Say the goodbye that is due; return False when none is."""
    closing = draft.state.closing
    if closing is None:
        return False
    draft.state = replace(draft.state, closing=None)
    say_phrase(draft, closing.text, ending=closing.ending)
    await_goodbye(draft)
    return True


def time_is_short(draft: Draft) -> None:
    """The call is soon at its longest: say so as soon as nobody is talking."""
    if draft.state.closing is not None or draft.state.phase is Phase.ENDING:
        return
    if _is_free(draft):
        say_phrase(draft, draft.state.phrases.time_is_short)
    else:
        draft.set_timer(Timer.CALL_WARNING, after_ms=_TRY_AGAIN_MS)


def time_is_up(draft: Draft) -> None:
    """The call has reached its longest."""
    draft.cancel_timer(Timer.CALL_WARNING)
    text = draft.state.phrases.time_is_up
    close_when_free(draft, Closing(text, Ending(HangupCause.AGENT, False)))


def shut_down(draft: Draft) -> None:
    """The worker wants to stop."""
    text = draft.state.phrases.goodbye
    close_when_free(draft, Closing(text, Ending(HangupCause.SHUTDOWN, False)))


def give_up(draft: Draft, reason: str) -> None:
    """Say that it does not work, then hand the caller to a human or hang up."""
    draft.note("gave_up", {"reason": reason})
    phrases = draft.state.phrases
    ending = failure_ending(draft)
    text = phrases.handover if ending.cause is HangupCause.TRANSFER else phrases.failure_goodbye
    reply = draft.state.reply
    if reply is not None and reply.queue.is_audible and not reply.is_waiting:
        change(draft, replace(reply, ending=ending))
        say(draft, text, is_reply=True)
    else:
        if reply is not None:
            retire(draft)
        say_phrase(draft, text, ending=ending)
    await_goodbye(draft)


def failure_ending(draft: Draft) -> Ending:
    """Return the end of a call that cannot go on: a human where there is one."""
    can_transfer = draft.state.policy.can_transfer
    return Ending(HangupCause.TRANSFER if can_transfer else HangupCause.FAILURE, False)


def finish(draft: Draft, ending: Ending) -> None:
    """Cut the line, or leave it to the transfer."""
    _stop_everything(draft)
    if ending.cause is HangupCause.TRANSFER:
        draft.emit(TransferCall())
    else:
        draft.emit(HangUp(ending.cause))


def call_ended(draft: Draft, cause: HangupCause) -> None:
    """The line is gone."""
    _stop_everything(draft)
    draft.note("line_closed", {"cause": cause.value})


def _is_free(draft: Draft) -> bool:
    """Tell whether nobody is talking or about to."""
    caller = draft.state.caller
    is_quiet = caller.voice_at is None and not caller.text
    return draft.state.phase is Phase.LISTENING and is_quiet


def _call_off(draft: Draft) -> None:
    ending = draft.state.ending
    if ending is not None and ending.can_be_called_off:
        draft.cancel_timer(Timer.GOODBYE)
        draft.state = replace(draft.state, phase=Phase.LISTENING, ending=None)
        draft.note("end_called_off", {"cause": ending.cause.value})


def _stop_everything(draft: Draft) -> None:
    draft.cancel_all_timers()
    state = draft.state
    reply = state.reply
    log = state.log
    if reply is not None:
        if reply.queue.is_audible:
            draft.emit(ClearPlayout(reply.turn))
        if reply.streaming or reply.running_tools:
            draft.emit(CancelReply(reply.turn))
        if reply.queue.is_audible:
            draft.emit(CancelSpeech(reply.turn))
        log = (*log, reply.cut_off(None))
    draft.state = replace(state, phase=Phase.ENDED, reply=None, log=log, barge_in=None, timers=())
