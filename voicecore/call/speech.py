"""The agent's mouth: begin a reply, say a segment of it, hold it back, take it off."""

from __future__ import annotations

from dataclasses import replace

from voicecore.call.commands import CancelReply, CancelSpeech, ClearPlayout, Speak
from voicecore.call.draft import Draft
from voicecore.call.events import Timer
from voicecore.call.mark_queue import SegmentState
from voicecore.call.reply import Ending, Reply, ReplyKind
from voicecore.call.state import Phase

_REPLY_TIMERS = (Timer.FILLER, Timer.REPLY, Timer.BARGE_IN, Timer.GOODBYE)


def begin_reply(draft: Draft, kind: ReplyKind, *, ending: Ending | None = None) -> Reply:
    """Start a reply under the next number; the greeting is number 0."""
    state = draft.state
    turn = 0 if kind is ReplyKind.GREETING else state.turn + 1
    reply = Reply(turn=turn, kind=kind, ending=ending)
    phase = Phase.THINKING if kind is ReplyKind.ANSWER else Phase.SPEAKING
    draft.state = replace(state, turn=turn, reply=reply, phase=phase)
    draft.cancel_timer(Timer.SILENCE, Timer.ENDPOINT)
    return reply


def say_phrase(draft: Draft, text: str, *, ending: Ending | None = None) -> None:
    """Speak a text of the reducer's own as a reply of its own."""
    kind = ReplyKind.PHRASE
    begin_reply(draft, kind, ending=ending)
    say(draft, text, is_reply=True)


def say(draft: Draft, text: str, *, is_reply: bool) -> None:
    """Append a segment to the running reply; it is held while the caller may be talking."""
    reply = current(draft)
    barge_in = draft.state.barge_in
    held = barge_in is not None and not barge_in.paused
    queue = reply.queue.added(text, tool_round=reply.tool_round, is_reply=is_reply, held=held)
    change(draft, replace(reply, queue=queue))
    if not held:
        draft.emit(Speak(reply.turn, queue.segments[-1].index, text))


def release(draft: Draft) -> None:
    """Give the held segments to the speaker."""
    reply = current(draft)
    for segment in reply.queue.segments:
        if segment.state is SegmentState.HELD:
            draft.emit(Speak(reply.turn, segment.index, segment.text))
    change(draft, replace(reply, queue=reply.queue.released()))


def retire(draft: Draft) -> Reply:
    """Stop the running reply at once and keep in the log what was heard and done of it.

    Audio that may still be heard is cleared; reads are given up, writes go on.
    """
    reply = current(draft)
    barge_in = draft.state.barge_in
    is_paused = barge_in is not None and barge_in.paused
    if reply.queue.is_audible or is_paused:
        draft.emit(ClearPlayout(reply.turn))
    if reply.streaming or reply.running_tools:
        draft.emit(CancelReply(reply.turn))
    if reply.queue.is_audible:
        draft.emit(CancelSpeech(reply.turn))
    played_ms = barge_in.played_ms if barge_in is not None else None
    retired = reply.cut_off(played_ms)
    draft.cancel_timer(*_REPLY_TIMERS)
    draft.state = replace(draft.state, log=(*draft.state.log, retired), reply=None, barge_in=None)
    return retired


def current(draft: Draft) -> Reply:
    """Return the running reply; there is one in every phase in which this is asked."""
    reply = draft.state.reply
    assert reply is not None, "the agent has the floor, so there is a reply"
    return reply


def change(draft: Draft, reply: Reply) -> None:
    """Replace the running reply by its next value."""
    draft.state = replace(draft.state, reply=reply)
