"""Making a reply: the question to the model, its sentences, its tools, and what goes wrong.

A reply is made in rounds: the model speaks and may ask for tools; their results go into the next
question, still within the same turn, until it answers without tools. Tools start when the model's
stream has ended well, so that a request that was cut off never runs.
"""

from __future__ import annotations

from dataclasses import replace

from voicecore.call.commands import AskLlm, RunTool
from voicecore.call.draft import Draft
from voicecore.call.ending import give_up
from voicecore.call.events import (
    Finish,
    HangupCause,
    ReplyFailed,
    ReplyFinished,
    SentenceReady,
    Timer,
    ToolFinished,
    ToolRequested,
)
from voicecore.call.reply import (
    NEVER_RUN,
    NO_ANSWER,
    Ending,
    Reply,
    ReplyKind,
    ToolCall,
    ToolState,
)
from voicecore.call.speaking import settle
from voicecore.call.speech import begin_reply, change, current, retire, say, say_phrase
from voicecore.call.state import CallState, LogEntry
from voicecore.call.words import is_speakable

_TRANSFER = Ending(HangupCause.TRANSFER, True)
_GOODBYE = Ending(HangupCause.AGENT, True)


def start_answer(draft: Draft) -> None:
    """Answer what the caller said last."""
    ending = _TRANSFER if draft.state.transfer_due else None
    draft.state = replace(draft.state, transfer_due=False)
    begin_reply(draft, ReplyKind.ANSWER, ending=ending)
    _ask(draft)


def sentence_ready(draft: Draft, event: SentenceReady) -> None:
    """Speak the model's next words; marks without a sound are no words."""
    if _streaming(draft, event.turn) is not None and is_speakable(event.text):
        draft.cancel_timer(Timer.REPLY)
        say(draft, event.text, is_reply=True)


def tool_requested(draft: Draft, event: ToolRequested) -> None:
    """Keep a request until the model's stream has ended; an id that is in use is passed over."""
    reply = _streaming(draft, event.turn)
    if reply is None or event.call_id in _ids_in_use(draft.state, reply):
        return
    draft.cancel_timer(Timer.REPLY)
    call = ToolCall(
        call_id=event.call_id,
        name=event.name,
        arguments=event.arguments,
        writes=event.writes,
        tool_round=reply.tool_round,
    )
    change(draft, replace(reply, tools=(*reply.tools, call)))


def reply_finished(draft: Draft, event: ReplyFinished) -> None:
    """The model's stream has ended: run the tools, or let the reply be heard."""
    reply = _streaming(draft, event.turn)
    if reply is None:
        return
    draft.cancel_timer(Timer.REPLY)
    draft.state = replace(draft.state, expecting=event.expecting)
    reply = replace(reply, streaming=False)
    change(draft, reply)
    requested = [call for call in reply.tools if call.state is ToolState.REQUESTED]
    if not requested and reply.round_has_text:
        settle(draft)
    elif not requested:
        _failed(draft, "empty", repeat=False)
    elif reply.tool_round >= draft.state.policy.max_tool_rounds:
        change(draft, reply.stopped())
        _failed(draft, "tool_rounds", repeat=False)
    elif event.finish in (Finish.LENGTH, Finish.CONTENT_FILTER):
        _answer_all(draft, NEVER_RUN)
    else:
        _run(draft, reply, requested)


def reply_failed(draft: Draft, event: ReplyFailed) -> None:
    """The model could not answer."""
    reply = _streaming(draft, event.turn)
    if reply is not None:
        draft.cancel_timer(Timer.REPLY)
        change(draft, replace(reply, streaming=False).stopped())
        _failed(draft, event.reason, repeat=True)


def tool_finished(draft: Draft, event: ToolFinished) -> None:
    """Keep the result; when it is the last one of the round, the model goes on."""
    reply = draft.state.reply
    call = _waiting_call(reply, event.call_id)
    if reply is None or call is None:
        keep_late_result(draft, event)
        _ask_if_free(draft)
        return
    was_running = call.state is ToolState.RUNNING
    reply = reply.with_tool(call.answered(event.content, ok=event.ok))
    if event.transfer or event.ends_call:
        reply = replace(reply, ending=_TRANSFER if event.transfer else _GOODBYE)
    change(draft, reply)
    if was_running and not reply.has_open_tools:
        _next_round(draft)


def keep_late_result(draft: Draft, event: ToolFinished) -> None:
    """Write the result of an interrupted write into the past: what was done was done."""
    log: list[LogEntry] = list(draft.state.log)
    for index in reversed(range(len(log))):
        entry = log[index]
        call = _waiting_call(entry, event.call_id) if isinstance(entry, Reply) else None
        if isinstance(entry, Reply) and call is not None:
            log[index] = entry.with_tool(call.answered(event.content, ok=event.ok))
            transfer_due = draft.state.transfer_due or event.transfer
            draft.state = replace(draft.state, log=tuple(log), transfer_due=transfer_due)
            return


def reply_overdue(draft: Draft) -> None:
    """The model has said nothing yet, or the tools have not answered."""
    reply = current(draft)
    if reply.is_unasked:
        _put(draft, reply)
    elif reply.running_tools:
        _answer_all(draft, NO_ANSWER)
    else:
        _failed(draft, "overdue", repeat=True)


def filler_due(draft: Draft) -> None:
    """A tool takes its time: say so, unless the caller is hearing something anyway."""
    reply = current(draft)
    if not reply.filled and not reply.queue.is_audible:
        change(draft, replace(reply, filled=True))
        say(draft, draft.state.phrases.filler, is_reply=False)


def rescue(draft: Draft, reason: str) -> None:
    """Take a reply off that has stopped moving, and answer again with an apology."""
    if current(draft).kind is ReplyKind.ANSWER:
        _restart(draft)
        _failed(draft, reason, repeat=True)
    else:
        retire(draft)
        say_phrase(draft, draft.state.phrases.say_again)


def _ask(draft: Draft) -> None:
    """Ask the model, once no earlier write is running: its result belongs into the question."""
    policy = draft.state.policy
    if draft.state.has_running_writes:
        draft.set_timer(Timer.FILLER, after_ms=policy.filler_after_ms)
        draft.set_timer(Timer.REPLY, after_ms=policy.tool_overdue_ms)
    else:
        _put(draft, current(draft))


def _put(draft: Draft, reply: Reply) -> None:
    draft.cancel_timer(Timer.FILLER)
    change(draft, replace(reply, asked=True, streaming=True))
    draft.emit(AskLlm(reply.turn, draft.state.prompt_history))
    draft.set_timer(Timer.REPLY, after_ms=draft.state.policy.reply_overdue_ms)


def _ask_if_free(draft: Draft) -> None:
    reply = draft.state.reply
    if reply is not None and reply.is_unasked and not draft.state.has_running_writes:
        if draft.state.transfer_due:
            reply = replace(reply, ending=_TRANSFER)
            draft.state = replace(draft.state, transfer_due=False)
        _put(draft, reply)


def _run(draft: Draft, reply: Reply, requested: list[ToolCall]) -> None:
    policy = draft.state.policy
    history = draft.state.history
    for call in requested:
        draft.emit(RunTool(reply.turn, call.call_id, call.name, call.arguments, history))
        reply = reply.with_tool(replace(call, state=ToolState.RUNNING))
    change(draft, reply)
    if not reply.filled:
        draft.set_timer(Timer.FILLER, after_ms=policy.filler_after_ms)
    draft.set_timer(Timer.REPLY, after_ms=policy.tool_overdue_ms)


def _answer_all(draft: Draft, content: str) -> None:
    """Give every open tool call an error instead of a result, and let the model go on."""
    reply = current(draft)
    for call in reply.tools:
        if call.state is not ToolState.ANSWERED:
            reply = reply.with_tool(call.answered(content, ok=False))
    change(draft, reply)
    _next_round(draft)


def _next_round(draft: Draft) -> None:
    reply = current(draft)
    draft.cancel_timer(Timer.FILLER, Timer.REPLY)
    _put(draft, replace(reply, tool_round=reply.tool_round + 1))


def _failed(draft: Draft, reason: str, *, repeat: bool) -> None:
    """The model gave nothing: apologise and, with `repeat`, ask once more; at last give up."""
    state = draft.state
    phrases = state.phrases
    reply = current(draft)
    failures = state.troubles.failures + 1
    draft.state = replace(state, troubles=replace(state.troubles, failures=failures))
    draft.note("reply_failed", {"turn": reply.turn, "reason": reason, "failures": failures})
    if reply.ending is not None:
        _say_ending(draft, reply.ending)
    elif failures >= state.policy.max_failures:
        give_up(draft, reason)
    elif repeat:
        if reply.is_waiting:
            _restart(draft)
        say(draft, phrases.apology, is_reply=False)
        _put(draft, current(draft))
    else:
        say(draft, phrases.say_again, is_reply=True)
        settle(draft)


def _restart(draft: Draft) -> None:
    """Go on under a new number: what the model still sends for the old one is too late."""
    ending = current(draft).ending
    retire(draft)
    reply = begin_reply(draft, ReplyKind.ANSWER, ending=ending)
    change(draft, replace(reply, asked=True))


def _say_ending(draft: Draft, ending: Ending) -> None:
    """The model was to say the last words and did not."""
    phrases = draft.state.phrases
    text = phrases.handover if ending.cause is HangupCause.TRANSFER else phrases.goodbye
    if current(draft).is_waiting:
        retire(draft)
        say_phrase(draft, text, ending=ending)
    else:
        say(draft, text, is_reply=True)
    settle(draft)


def _streaming(draft: Draft, turn: int) -> Reply | None:
    """Return the running reply if the model is answering for `turn`."""
    reply = draft.state.reply
    return reply if reply is not None and reply.turn == turn and reply.streaming else None


def _waiting_call(reply: Reply | None, call_id: str) -> ToolCall | None:
    if reply is None:
        return None
    calls = (call for call in reversed(reply.tools) if call.call_id == call_id)
    return next((call for call in calls if call.takes_result), None)


def _ids_in_use(state: CallState, reply: Reply) -> set[str]:
    """Return the ids of this round and of every tool that runs."""
    replies = [entry for entry in state.log if isinstance(entry, Reply)]
    running = {call.call_id for past in (*replies, reply) for call in past.running_tools}
    return running | {call.call_id for call in reply.tools if call.tool_round == reply.tool_round}
