"""From a segment given to the speaker to a reply that was heard."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from voicecore.call.commands import ResumePlayout
from voicecore.call.draft import Draft
from voicecore.call.ending import (
    await_goodbye,
    begin_tail,
    failure_ending,
    finish,
    start_closing,
)
from voicecore.call.events import (
    MarkEchoed,
    PlayoutDrained,
    PlayoutStarted,
    SegmentSynthesized,
    SpeakerFailed,
    Timer,
)
from voicecore.call.floor import give_floor
from voicecore.call.mark_queue import MarkQueue
from voicecore.call.reply import Reply, ReplyKind
from voicecore.call.speech import change, current, retire, say_phrase
from voicecore.call.state import Phase

_MAX_UNSPOKEN = 2

SpeechProgress = SegmentSynthesized | SpeakerFailed | PlayoutStarted | MarkEchoed | PlayoutDrained


def speech_progressed(draft: Draft, event: SpeechProgress) -> None:
    """Take news of the running reply's audio; news of another reply is too late."""
    reply = draft.state.reply
    if reply is None or reply.turn != event.turn:
        return
    queue = reply.queue
    match event:
        case PlayoutStarted():
            _started(draft, reply)
        case SegmentSynthesized():
            placed = queue.synthesized(event.segment, event.start_ms, event.audio_ms, event.sounds)
            _progress(draft, placed)
        case MarkEchoed():
            _progress(draft, queue.heard(event.segment))
        case PlayoutDrained():
            _progress(draft, queue.drained())
        case SpeakerFailed():
            draft.note("segment_unspoken", {"turn": reply.turn, "reason": event.reason})
            _progress(draft, queue.failed(event.segment))
        case _:
            assert_never(event)


def settle(draft: Draft) -> None:
    """Finish the running reply if all of it was made and heard."""
    reply = current(draft)
    if not reply.is_waiting and reply.queue.is_settled:
        _complete(draft, reply)
        return
    draft.state = replace(draft.state, phase=_phase(draft, reply))
    if reply.ending is not None and not reply.is_waiting:
        await_goodbye(draft)


def _phase(draft: Draft, reply: Reply) -> Phase:
    """The first audio of a turn is announced once; later pauses between sentences are not."""
    barge_in = draft.state.barge_in
    is_paused = barge_in is not None and barge_in.paused
    is_speaking = is_paused or (reply.started and reply.queue.is_audible)
    return Phase.SPEAKING if is_speaking or reply.kind is not ReplyKind.ANSWER else Phase.THINKING


def _started(draft: Draft, reply: Reply) -> None:
    greeting_at = draft.at if reply.kind is ReplyKind.GREETING else draft.state.greeting_at
    draft.state = replace(draft.state, phase=Phase.SPEAKING, greeting_at=greeting_at)
    change(draft, replace(reply, started=True))


def _progress(draft: Draft, queue: MarkQueue) -> None:
    reply = current(draft)
    if queue == reply.queue:
        return
    change(draft, replace(reply, queue=queue, started=reply.started or queue.was_heard))
    if queue.was_heard:
        draft.state = replace(
            draft.state, troubles=replace(draft.state.troubles, dead_airs=0, unspoken=0)
        )
    settle(draft)


def _complete(draft: Draft, reply: Reply) -> None:
    """All of the reply is settled: it was heard, or the speaker had nothing for it."""
    _end_barge_in(draft, reply)
    draft.cancel_timer(Timer.FILLER, Timer.REPLY, Timer.GOODBYE)
    if not reply.queue.was_heard:
        _unspoken(draft, reply)
        return
    state = draft.state
    failures = 0 if reply.kind is ReplyKind.ANSWER else state.troubles.failures
    draft.state = replace(
        state,
        reply=None,
        log=(*state.log, reply),
        heard_at=draft.at,
        troubles=replace(state.troubles, failures=failures),
    )
    if reply.ending is not None:
        begin_tail(draft, reply.ending)
    elif not start_closing(draft) and not tell_deaf(draft):
        give_floor(draft, silence_ms=draft.state.policy.silence_ms)


def tell_deaf(draft: Draft) -> bool:
    """Say that the caller cannot be heard, once; return False where there is no need."""
    troubles = draft.state.troubles
    if not troubles.deaf or troubles.told_deaf:
        return False
    draft.state = replace(draft.state, troubles=replace(troubles, told_deaf=True))
    say_phrase(draft, draft.state.phrases.listener_lost)
    return True


def _end_barge_in(draft: Draft, reply: Reply) -> None:
    """Everything had been heard when the caller began: their words are an answer."""
    barge_in = draft.state.barge_in
    if barge_in is not None:
        if barge_in.paused:
            draft.emit(ResumePlayout(reply.turn))
        draft.cancel_timer(Timer.BARGE_IN)
        draft.state = replace(draft.state, barge_in=None)


def _unspoken(draft: Draft, reply: Reply) -> None:
    """The speaker had no audio for any of it: try another sentence once, then end the call."""
    troubles = draft.state.troubles
    draft.state = replace(draft.state, troubles=replace(troubles, unspoken=troubles.unspoken + 1))
    draft.note("reply_unspoken", {"turn": reply.turn})
    retire(draft)
    if reply.ending is not None:
        finish(draft, reply.ending)
    elif troubles.unspoken + 1 >= _MAX_UNSPOKEN:
        finish(draft, failure_ending(draft))
    else:
        say_phrase(draft, draft.state.phrases.say_again)
