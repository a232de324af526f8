"""The caller's turn: their words are gathered, and its end is found.

The listener's own signs come first (`speech_final`, its answer to Finalize, UtteranceEnd), a timer
of ours stands behind all of them. Words that cannot be the end wait longer, whole answers less.
"""

from __future__ import annotations

from dataclasses import replace

from voicecore.call.commands import FinalizeListener
from voicecore.call.draft import Draft
from voicecore.call.ending import start_closing
from voicecore.call.events import Timer
from voicecore.call.expecting import Expecting, calls_for_more, is_whole
from voicecore.call.floor import (
    await_end_of_turn,
    drop_words,
    give_floor,
    had_voice_lately,
    has_voice,
    rejected_lately,
    set_caller,
)
from voicecore.call.history import CallerSaid
from voicecore.call.keypad import keypad_answer
from voicecore.call.reply import Reply
from voicecore.call.replying import start_answer
from voicecore.call.state import CallState, LogEntry
from voicecore.call.words import (
    is_backchannel,
    is_part_of,
    is_question,
    words_of,
)


def voice_stopped(draft: Draft) -> None:
    """A whole answer need not wait for the listener once the voice is silent."""
    caller, expecting = draft.state.caller, draft.state.expecting
    if not caller.text or caller.digits or not is_whole(caller.text, expecting):
        return
    if expecting is None:
        await_end_of_turn(draft)
    elif caller.transcript.interim:
        # The words are only guessed: ask at once, so that the last digit is sure.
        draft.cancel_timer(Timer.FINALIZE)
        draft.emit(FinalizeListener())
        await_end_of_turn(draft)
    else:
        commit(draft)


def finalize_due(draft: Draft) -> None:
    """The voice has been silent for a moment: ask for the final words."""
    draft.emit(FinalizeListener())


def words_heard(draft: Draft, *, closes: bool) -> None:
    """Take words of the caller's turn; `closes`: the listener says that the utterance is over."""
    text = draft.state.caller.text
    if not text:
        return
    if _is_stray(draft):
        drop_words(draft)
        if draft.due_at(Timer.SILENCE) is None:
            give_floor(draft, silence_ms=draft.state.policy.silence_ms)
    elif _is_answered(draft) or (closes and _may_be_all(draft)):
        commit(draft)
    else:
        await_end_of_turn(draft)


def utterance_ended(draft: Draft) -> None:
    """The backup sign: the words so far are the turn, unless they call for more."""
    text = draft.state.caller.text
    if text and not draft.state.caller.digits and not _calls_for_more(draft):
        commit(draft)


def endpoint_due(draft: Draft) -> None:
    """No more words came: end the turn, but not in the middle of a running voice."""
    caller, policy = draft.state.caller, draft.state.policy
    if not caller.text:
        give_floor(draft, silence_ms=policy.silence_ms)
        return
    waited_s = draft.at - (draft.at if caller.words_at is None else caller.words_at)
    if has_voice(draft) and not caller.digits and waited_s < policy.endpoint_max_ms / 1000:
        draft.set_timer(Timer.ENDPOINT, after_ms=policy.endpoint_ms)
    else:
        commit(draft)


def digit_pressed(draft: Draft, digit: str) -> None:
    """Gather a number from the keypad: `#` ends it, `*` starts it again."""
    caller = draft.state.caller
    if digit == "#":
        if caller.text:
            commit(draft)
        return
    digits = "" if digit == "*" else caller.digits + digit
    set_caller(draft, replace(caller, digits=digits, words_at=draft.at))
    expecting = draft.state.expecting
    is_answer = expecting is Expecting.YES_NO and _pressed_answer(draft.state) is not None
    if is_answer or (expecting is not None and is_whole(" ".join(digits), expecting)):
        commit(draft)
    elif draft.state.caller.text:
        await_end_of_turn(draft)


def commit(draft: Draft) -> None:
    """End the caller's turn and answer it."""
    draft.cancel_timer(Timer.ENDPOINT, Timer.FINALIZE, Timer.SILENCE)
    state = draft.state
    caller = state.caller
    draft.state = replace(
        state,
        log=_with_turn(state, state.turn + 1, _pressed_answer(state) or caller.text),
        caller=replace(
            caller,
            transcript=caller.transcript.taken(),
            digits="",
            last_voice_at=caller.voice_at,
            rejected_at=None,
        ),
        expecting=None,
        troubles=replace(state.troubles, silences=0, postponed=0),
    )
    if not start_closing(draft):
        start_answer(draft)


def _pressed_answer(state: CallState) -> str | None:
    """Return what the pressed key means as an answer to what the agent has asked."""
    if not state.caller.digits or state.caller.transcript.text:
        return None
    last = next((entry for entry in reversed(state.log) if isinstance(entry, Reply)), None)
    asked = "" if last is None else last.text
    return keypad_answer(state.caller.digits, state.expecting, asked)


def unanswered_at(state: CallState) -> int | None:
    """Return where the log holds a turn of the caller to which they have heard no answer."""
    for index in reversed(range(len(state.log))):
        entry = state.log[index]
        if isinstance(entry, CallerSaid):
            return index
        if entry.started:
            return None
    return None


def _with_turn(state: CallState, turn: int, text: str) -> tuple[LogEntry, ...]:
    """Add the turn; words that go on before an answer was heard join the turn before.

    Once a tool has begun to change something for the earlier words, those stand for themselves.
    """
    index = unanswered_at(state)
    if index is not None:
        earlier, after = state.log[index], state.log[index + 1 :]
        wrote = any(isinstance(entry, Reply) and entry.has_begun_write for entry in after)
        if isinstance(earlier, CallerSaid) and not wrote:
            merged = CallerSaid(turn, f"{earlier.text} {text}")
            return (*state.log[:index], merged, *after)
    return (*state.log, CallerSaid(turn, text))


def _calls_for_more(draft: Draft) -> bool:
    """Tell whether the words so far cannot be the end of the answer."""
    return calls_for_more(draft.state.caller.text, draft.state.expecting)


def _may_be_all(draft: Draft) -> bool:
    return not _calls_for_more(draft) and not _has_fresh_voice(draft)


def _is_answered(draft: Draft) -> bool:
    """Tell whether the answer that was asked for is whole, sure, and nobody is speaking on."""
    state = draft.state
    if state.expecting is None or state.caller.transcript.interim or state.caller.digits:
        return False
    return is_whole(state.caller.text, state.expecting) and not has_voice(draft)


def _is_stray(draft: Draft) -> bool:
    """Tell whether the words belong to the time before the caller had the floor.

    The late words of a backchannel, or the echo of the agent's last words.
    """
    state = draft.state
    text = state.caller.text
    last = state.log[-1] if state.log else None
    if not isinstance(last, Reply) or last.cut or state.caller.digits:
        return False
    if rejected_lately(draft) and is_backchannel(text):
        return not is_question(last.heard().text)
    tail_s = state.policy.echo_tail_ms / 1000
    is_tail = state.heard_at is not None and draft.at - state.heard_at < tail_s
    is_echo = len(words_of(text)) > 1 and is_part_of(text, last.text)
    return is_tail and not had_voice_lately(draft) and is_echo


def _has_fresh_voice(draft: Draft) -> bool:
    """Tell whether the caller has just begun again: that run cannot be in the closed utterance."""
    voice_at = draft.state.caller.voice_at
    fresh_s = draft.state.policy.fresh_voice_ms / 1000
    return voice_at is not None and draft.at - voice_at < fresh_s
