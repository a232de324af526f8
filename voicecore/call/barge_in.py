"""The caller's voice and words while the agent has the floor: pause first, then decide.

Stage 1: a voice pauses the playout at once. Stage 2: words, the length of the run and what the
agent was saying decide, at the latest when `barge_in_decide_ms` of voice are certain. Interrupt:
the reply is taken off and cut to what was heard. Resume: the agent goes on at the first unplayed
sample and the words are dropped. Words that come later, or without any voice detected, are
weighed as well.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from voicecore.call.commands import FinalizeListener, PausePlayout, ResumePlayout
from voicecore.call.draft import Draft
from voicecore.call.events import (
    PlayoutCleared,
    PlayoutPaused,
    SpeechStopped,
    Timer,
)
from voicecore.call.floor import (
    drop_words,
    give_floor,
    had_voice_lately,
    has_voice,
    rejected_lately,
)
from voicecore.call.history import AgentSaid
from voicecore.call.policy import Policy
from voicecore.call.reply import Reply, ReplyKind
from voicecore.call.speaking import settle
from voicecore.call.speech import change, current, release, retire
from voicecore.call.state import BargeIn, CallState, Interruption, LogEntry
from voicecore.call.words import (
    is_backchannel,
    is_farewell,
    is_part_of,
    is_question,
    is_salutation,
    is_stop_word,
    may_become_backchannel,
    words_of,
)


class Verdict(Enum):
    """What words over the agent's reply are."""

    INTERRUPTION = "interruption"
    BACKCHANNEL = "backchannel"
    ECHO = "echo"


def voice_over_reply(draft: Draft, onset_at: float) -> None:
    """Stage 1: pause what can be heard, or hold back what is about to be."""
    reply = current(draft)
    if draft.state.barge_in is not None:
        _goes_on(draft, draft.state.barge_in, reply)
        return
    if not _may_interrupt(reply):
        return
    if _is_protected(draft.state, reply, onset_at):
        return
    is_audible = reply.queue.is_audible
    draft.state = replace(
        draft.state,
        barge_in=BargeIn(onset_at=onset_at, began_at=draft.at, paused=is_audible),
    )
    if is_audible:
        draft.emit(PausePlayout(reply.turn))
    decide_ms = _decide_ms(draft.state.policy, reply)
    draft.set_timer_at(Timer.BARGE_IN, max(draft.at, onset_at + decide_ms / 1000))


def voice_stopped_over_reply(draft: Draft, event: SpeechStopped) -> None:
    """The voice is over: give its words the rest of their time, then it was nothing.

    The listener is asked for them at once. Words that interrupt have done so before this.
    """
    barge_in, caller = draft.state.barge_in, draft.state.caller
    if barge_in is None:
        return
    text = caller.transcript.text
    if not barge_in.paused or is_backchannel(text) or may_become_backchannel(text):
        resume(draft)
        return
    until_s = barge_in.onset_at + _words_wait_ms(draft.state) / 1000
    if event.run_ms > draft.state.policy.backchannel_max_ms or text:
        until_s = max(until_s, draft.at + draft.state.policy.long_run_words_ms / 1000)
    if until_s <= draft.at:
        resume(draft)
        return
    draft.cancel_timer(Timer.FINALIZE)
    draft.emit(FinalizeListener())
    draft.set_timer_at(Timer.BARGE_IN, until_s)


def decision_due(draft: Draft) -> None:
    """Stage 2 at its deadline: a voice that still runs interrupts what it was heard over."""
    barge_in, policy = draft.state.barge_in, draft.state.policy
    assert barge_in is not None, "the timer runs only while there is a barge-in to decide"
    was_heard = barge_in.paused and current(draft).started and barge_in.played_ms != 0
    if not has_voice(draft):
        resume(draft)
    elif was_heard:
        interrupt(draft, "voice")
    elif draft.at - barge_in.onset_at < policy.hold_max_ms / 1000:
        draft.set_timer(Timer.BARGE_IN, after_ms=policy.barge_in_decide_ms)
    else:
        resume(draft)


def words_over_reply(draft: Draft, *, closes: bool) -> None:
    """Weigh the words that the caller said so far over the reply; `closes`: no more follow."""
    reply = current(draft)
    if not _may_interrupt(reply):
        drop_words(draft)
        return
    verdict = judge(draft.state, reply, had_voice=had_voice_lately(draft))
    text = draft.state.caller.transcript.text
    if verdict is Verdict.INTERRUPTION and not closes and may_become_backchannel(text):
        return
    if verdict is Verdict.INTERRUPTION:
        interrupt(draft, "words")
    elif draft.state.barge_in is None or verdict is Verdict.ECHO:
        drop_words(draft)
        if draft.state.barge_in is not None:
            resume(draft)
    elif closes or draft.state.caller.voice_at is None:
        resume(draft)


def judge(state: CallState, reply: Reply, *, had_voice: bool) -> Verdict:
    """Tell what the caller's words mean over this reply.

    `had_voice`: a voice was detected a moment ago, and the words may be its.
    """
    transcript = state.caller.transcript
    text = transcript.text
    whole = max(text, transcript.segment, key=len)
    if _is_echo(state, reply, whole, had_voice=had_voice):
        return Verdict.ECHO
    if is_stop_word(text):
        return Verdict.INTERRUPTION
    if reply.kind is ReplyKind.GREETING and is_salutation(text) and not is_backchannel(text):
        return Verdict.BACKCHANNEL
    if reply.ending is not None and is_farewell(text):
        return Verdict.BACKCHANNEL
    if is_backchannel(text) and not is_question(_last_heard(state, reply)):
        return Verdict.BACKCHANNEL
    return Verdict.INTERRUPTION


def digit_over_reply(draft: Draft) -> bool:
    """A pressed digit interrupts; return False where nothing may."""
    if not _may_interrupt(current(draft)):
        return False
    interrupt(draft, "digits")
    return True


def interrupt(draft: Draft, reason: str) -> None:
    """Take the reply off and give the floor to the caller."""
    reply = current(draft)
    barge_in = draft.state.barge_in
    was_audible = reply.queue.is_audible
    retired = retire(draft)
    interruption = Interruption(
        turn=reply.turn,
        onset_at=_last_onset(draft) if barge_in is None else barge_in.onset_at,
        paused_at=draft.at if barge_in is None else barge_in.began_at,
        decided_at=draft.at,
        reason=reason,
    )
    if not was_audible:
        draft.note("reply_withdrawn", {"turn": reply.turn, "reason": reason})
    elif retired.played_ms is not None:
        _note_interruption(draft, interruption, retired)
    else:
        draft.state = replace(draft.state, interruption=interruption)
    give_floor(draft, silence_ms=draft.state.policy.empty_turn_ms)


def resume(draft: Draft) -> None:
    """It was no interruption: go on as if nothing had been said."""
    barge_in = draft.state.barge_in
    assert barge_in is not None, "there is a barge-in to end"
    reply = current(draft)
    draft.cancel_timer(Timer.BARGE_IN)
    drop_words(draft)
    caller = replace(draft.state.caller, rejected_at=barge_in.onset_at)
    draft.state = replace(draft.state, barge_in=None, caller=caller)
    release(draft)
    if barge_in.paused:
        draft.emit(ResumePlayout(reply.turn))
        draft.note(
            "barge_in",
            {
                "kind": "resume",
                "turn": reply.turn,
                "onset_at": barge_in.onset_at,
                "paused_at": barge_in.began_at,
                "decided_at": draft.at,
                "played_ms": barge_in.played_ms,
            },
        )


def playout_paused(draft: Draft, event: PlayoutPaused) -> None:
    """Take the position of the pause; a reply that was heard to its end is over."""
    barge_in, reply = draft.state.barge_in, draft.state.reply
    if barge_in is None or not barge_in.paused or reply is None or reply.turn != event.turn:
        return
    draft.state = replace(
        draft.state,
        barge_in=replace(barge_in, played_ms=event.played_ms),
    )
    change(draft, replace(reply, queue=reply.queue.heard_up_to(event.played_ms)))
    settle(draft)


def playout_cleared(draft: Draft, event: PlayoutCleared) -> None:
    """Cut a reply of the past to what was really heard of it."""
    log: list[LogEntry] = list(draft.state.log)
    for index in reversed(range(len(log))):
        entry = log[index]
        if isinstance(entry, Reply) and entry.turn == event.turn and entry.cut:
            entry = replace(
                entry,
                queue=entry.queue.heard_up_to(event.played_ms),
                played_ms=event.played_ms,
            )
            log[index] = entry
            draft.state = replace(draft.state, log=tuple(log))
            _note_pending(draft, entry)
            return


def _note_pending(draft: Draft, reply: Reply) -> None:
    interruption = draft.state.interruption
    if interruption is not None and interruption.turn == reply.turn:
        draft.state = replace(draft.state, interruption=None)
        _note_interruption(draft, interruption, reply)


def _note_interruption(draft: Draft, interruption: Interruption, reply: Reply) -> None:
    draft.note(
        "barge_in",
        {
            "kind": "interrupt",
            "turn": reply.turn,
            "onset_at": interruption.onset_at,
            "paused_at": interruption.paused_at,
            "decided_at": interruption.decided_at,
            "reason": interruption.reason,
            "played_ms": reply.played_ms,
            "heard": reply.heard().text,
        },
    )


def _last_onset(draft: Draft) -> float:
    """Return when the voice behind these words began; now, where none was detected."""
    caller = draft.state.caller
    if caller.voice_at is not None:
        return caller.voice_at
    if caller.rejected_at is not None and rejected_lately(draft):
        return caller.rejected_at
    return draft.at


def _may_interrupt(reply: Reply) -> bool:
    return reply.ending is None or reply.ending.can_be_called_off


def _is_protected(state: CallState, reply: Reply, onset_at: float) -> bool:
    """Tell whether the greeting has only begun: people pick up the phone noisily."""
    if reply.kind is not ReplyKind.GREETING:
        return False
    protect_s = state.policy.greeting_protect_ms / 1000
    return state.greeting_at is None or onset_at < state.greeting_at + protect_s


def _goes_on(draft: Draft, barge_in: BargeIn, reply: Reply) -> None:
    """A second run of voice, before the first was decided: the deadline is the first one's."""
    deadline_s = barge_in.onset_at + _decide_ms(draft.state.policy, reply) / 1000
    draft.set_timer_at(Timer.BARGE_IN, max(draft.at, deadline_s))


def _words_wait_ms(state: CallState) -> int:
    """Return how long after its onset a short voice may still turn out to be words that count."""
    assert state.reply is not None, "the agent has the floor, so there is a reply"
    if is_question(_last_heard(state, state.reply)):
        return state.policy.answer_words_ms
    return state.policy.stop_words_ms


def _decide_ms(policy: Policy, reply: Reply) -> int:
    is_goodbye = reply.ending is not None
    decide_ms = policy.barge_in_decide_goodbye_ms if is_goodbye else policy.barge_in_decide_ms
    return decide_ms + policy.voice_hangover_ms


def _is_echo(state: CallState, reply: Reply, text: str, *, had_voice: bool) -> bool:
    """Tell whether the listener has heard the agent itself.

    Where the voice detector, which knows the echo, heard a voice, only a long repetition counts:
    callers do repeat a few words ("Thursday at two"), and they answer in the words of a question.
    """
    if not reply.started or not is_part_of(text, reply.text):
        return False
    if not had_voice:
        return len(words_of(text)) > 1 or not is_stop_word(text)
    is_long = len(words_of(text)) >= state.policy.echo_min_words
    return is_long and not is_question(_last_heard(state, reply))


def _last_heard(state: CallState, reply: Reply) -> str:
    """Return what the caller heard last: of this reply, before its first audio of the last one."""
    played_ms = state.barge_in.played_ms if state.barge_in is not None else None
    if reply.started:
        return replace(reply, played_ms=played_ms).heard().text
    said = (item.text for item in reversed(state.history) if isinstance(item, AgentSaid))
    return next(said, "")
