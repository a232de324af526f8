"""What the history says of a reply."""

from __future__ import annotations

from dataclasses import replace

from tests.call.playbook import conversation
from voicecore.call.mark_queue import MarkQueue
from voicecore.call.reply import (
    NO_ANSWER,
    READ_CANCELLED,
    STILL_RUNNING,
    Reply,
    ReplyKind,
    ToolCall,
    ToolState,
)


def call(call_id: str, *, writes: bool = False, state: ToolState = ToolState.RUNNING) -> ToolCall:
    return ToolCall(
        call_id=call_id, name=call_id, arguments="{}", writes=writes, tool_round=0, state=state
    )


def reply(*texts: str, tools: tuple[ToolCall, ...] = ()) -> Reply:
    queue = MarkQueue()
    for index, text in enumerate(texts):
        queue = queue.added(text, tool_round=0, is_reply=True, held=False)
        queue = queue.synthesized(index, index * 1000, 1000)
    return Reply(turn=3, kind=ReplyKind.ANSWER, queue=queue, tools=tools, asked=True)


def test_only_heard_words_are_history():
    now = reply("Two p.m. is free.", "Shall I book it?")
    assert conversation(list(now.items())) == []
    assert conversation(list(replace(now, queue=now.queue.heard(0)).items())) == [
        ("agent", "Two p.m. is free. -")
    ]
    assert conversation(list(replace(now, queue=now.queue.heard(1)).items())) == [
        ("agent", "Two p.m. is free. Shall I book it?")
    ]


def test_a_cut_reply_keeps_the_words_before_the_position():
    cut = reply("Two p.m. is free.", "Shall I book it?").cut_off(1750)
    assert cut.heard().text == "Two p.m. is free. Shall I"
    assert conversation(list(cut.items())) == [("agent", "Two p.m. is free. Shall I -")]


def test_a_reply_cut_after_its_last_word_is_complete_unless_more_would_have_come():
    whole = reply("Two p.m. is free.")
    assert conversation(list(whole.cut_off(1000).items())) == [("agent", "Two p.m. is free.")]
    open_end = replace(whole, streaming=True).cut_off(1000)
    assert conversation(list(open_end.items())) == [("agent", "Two p.m. is free. -")]


def test_the_model_knows_what_it_is_saying_but_not_what_could_not_be_said():
    now = reply("One.", "Two.")
    now = replace(now, queue=now.queue.added("Lost.", tool_round=0, is_reply=True, held=False))
    now = replace(now, queue=now.queue.failed(2))
    assert conversation(list(now.items(assume_heard=True))) == [("agent", "One. Two.")]


def test_fillers_are_heard_but_are_no_history():
    now = reply()
    queue = now.queue.added("One moment.", tool_round=0, is_reply=False, held=False).heard(0)
    now = replace(now, queue=queue)
    assert now.heard().text == "One moment."
    assert list(now.items()) == []
    assert not now.round_has_text
    assert now.text == "One moment."


def test_each_round_shows_its_words_before_its_tools():
    first = reply("Let me look.", tools=(call("look").answered("{}", ok=True),))
    queue = first.queue.heard(0).added("It is ready.", tool_round=1, is_reply=True, held=False)
    now = replace(first, tool_round=1, queue=queue.heard(1))
    assert conversation(list(now.items())) == [
        ("agent", "Let me look."),
        ("look", "{}"),
        ("agent", "It is ready."),
    ]


def test_stopping_answers_reads_lets_writes_run_and_forgets_requests():
    now = reply(
        tools=(call("read"), call("write", writes=True), call("new", state=ToolState.REQUESTED))
    )
    stopped = now.stopped()
    assert conversation(list(stopped.items())) == [
        ("read", READ_CANCELLED),
        ("write", STILL_RUNNING),
    ]
    assert stopped.has_begun_write
    assert [tool.name for tool in stopped.running_tools] == ["write"]


def test_a_late_result_is_taken_for_a_write_only():
    write = call("write", writes=True)
    assert write.takes_result
    assert write.answered(NO_ANSWER, ok=False).takes_result
    assert not write.answered("{}", ok=True).takes_result
    assert not call("read").answered(NO_ANSWER, ok=False).takes_result


def test_a_tool_is_replaced_within_its_round():
    now = reply(tools=(call("a"), replace(call("a"), tool_round=1)))
    changed = now.with_tool(now.tools[1].answered("{}", ok=True))
    assert [tool.state for tool in changed.tools] == [ToolState.RUNNING, ToolState.ANSWERED]


def test_what_a_reply_waits_for():
    assert Reply(turn=1, kind=ReplyKind.ANSWER).is_unasked
    assert not Reply(turn=1, kind=ReplyKind.PHRASE).is_waiting
    assert reply(tools=(call("a"),)).is_waiting
    assert replace(reply(), streaming=True).is_waiting
    assert not reply("Hi.").is_waiting
