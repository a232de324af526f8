"""The model's stream against the stand-in, with every fault it can have."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from voicecore.call.events import Finish
from voicecore.dialog.llm_request import LlmRequest
from voicecore.errors import LlmError
from voicecore.net.llm import (
    Finished,
    LlmDelta,
    LlmStream,
    LlmTimeouts,
    TextDelta,
    ToolCallReady,
    Usage,
)
from voicecore.sandbox.openai import Fault, OpenAiSandbox
from voicecore.sandbox.openai_reply import Reply, ToolCall

WORDS = "Grüße aus Zürich, it costs forty-nine dollars — 語. Shall I book it?"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "x",
            "parameters": {"type": "object", "properties": {}, "additionalProperties": True},
        },
    }
    for name in ("lookup_customer", "get_available_slots")
]
REQUEST = LlmRequest([{"role": "user", "content": "Hello."}], [])
TOOL_REQUEST = LlmRequest([{"role": "user", "content": "Hello."}], TOOLS)
CALLS = (
    ToolCall("lookup_customer", {"phone": "three one two"}),
    ToolCall("get_available_slots", {"service": "oil_change"}),
)


@pytest.fixture
async def sandbox() -> AsyncIterator[OpenAiSandbox]:
    async with OpenAiSandbox(policy=lambda messages, tools: Reply(WORDS)) as server:
        yield server


@pytest.fixture
async def llm(sandbox: OpenAiSandbox) -> AsyncIterator[LlmStream]:
    client = make(sandbox, PATIENT)
    yield client
    await client.aclose()


@pytest.fixture
async def hasty(sandbox: OpenAiSandbox) -> AsyncIterator[LlmStream]:
    """A client with short deadlines and a warm connection."""
    client = make(sandbox, LlmTimeouts(connect_s=2.0, first_token_s=0.3, between_chunks_s=0.3))
    async with asyncio.timeout(10.0):
        while not await client.warm():
            await asyncio.sleep(0.01)
    yield client
    await client.aclose()


PATIENT = LlmTimeouts(connect_s=5.0, first_token_s=5.0, between_chunks_s=5.0)


def make(
    sandbox: OpenAiSandbox,
    timeouts: LlmTimeouts = PATIENT,
    *,
    api_key: str = "sk-sandbox",
    **changes: str,
) -> LlmStream:
    settings = {"model": "gpt-4o", "fallback_model": "gpt-4o-mini", **changes}
    return LlmStream(api_key=api_key, base_url=sandbox.base_url, timeouts=timeouts, **settings)


async def read(llm: LlmStream, request: LlmRequest = REQUEST) -> list[LlmDelta]:
    return [delta async for delta in llm.stream(request)]


def text_of(deltas: list[LlmDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(2.0):
        while not condition():
            await asyncio.sleep(0.005)


def models(sandbox: OpenAiSandbox) -> list[str]:
    return [request["model"] for request in sandbox.requests]


async def test_words_come_as_deltas_and_the_end_tells_the_tokens(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    deltas = await read(llm)
    assert text_of(deltas) == WORDS
    assert len(deltas) > 5
    end = deltas[-1]
    assert isinstance(end, Finished)
    assert end.finish is Finish.STOP
    assert end.usage is not None
    assert end.usage.completion_tokens == sandbox.counters.completion_tokens > 0
    assert end.usage == Usage(sandbox.counters.prompt_tokens, end.usage.completion_tokens, 0)
    body = sandbox.requests[0]
    assert body["stream_options"] == {"include_usage": True}
    assert "tools" not in body


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_bytes_may_be_cut_anywhere_and_comments_stand_between(
    sandbox: OpenAiSandbox, llm: LlmStream, size: int
) -> None:
    sandbox.bytes_per_write = size
    sandbox.comments = True
    assert text_of(await read(llm)) == WORDS


async def test_parallel_tool_calls_come_whole_and_in_order(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    sandbox.policy = lambda messages, tools: Reply("One moment.", CALLS)
    deltas = await read(llm, TOOL_REQUEST)
    calls = [delta for delta in deltas if isinstance(delta, ToolCallReady)]
    assert text_of(deltas) == "One moment."
    assert [call.name for call in calls] == ["lookup_customer", "get_available_slots"]
    assert calls[0].arguments == '{"phone": "three one two"}'
    assert len({call.call_id for call in calls}) == 2
    end = deltas[-1]
    assert isinstance(end, Finished)
    assert end.finish is Finish.TOOL_CALLS


async def test_empty_arguments_are_an_empty_object(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    sandbox.policy = lambda messages, tools: Reply(
        calls=(ToolCall("lookup_customer", raw_arguments=""),)
    )
    call = (await read(llm, TOOL_REQUEST))[0]
    assert isinstance(call, ToolCallReady)
    assert call.arguments == "{}"


async def test_a_server_that_ends_tool_calls_with_stop_is_understood(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    sandbox.policy = lambda messages, tools: Reply(calls=CALLS, finish_reason="stop")
    deltas = await read(llm, TOOL_REQUEST)
    assert sum(isinstance(delta, ToolCallReady) for delta in deltas) == 2


async def test_a_tool_call_that_ran_out_of_tokens_is_not_handed_out(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    sandbox.policy = lambda messages, tools: Reply("Let me", CALLS)
    sandbox.break_next(Fault.LENGTH)
    deltas = await read(llm, TOOL_REQUEST)
    assert not any(isinstance(delta, ToolCallReady) for delta in deltas)
    assert isinstance(deltas[-1], Finished)
    assert deltas[-1].finish is Finish.LENGTH


async def test_a_withheld_answer_is_told(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    sandbox.break_next(Fault.CONTENT_FILTER)
    (end,) = await read(llm)
    assert isinstance(end, Finished)
    assert end.finish is Finish.CONTENT_FILTER


async def test_a_refusal_is_spoken(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    sandbox.break_next(Fault.REFUSAL)
    assert "can't help" in text_of(await read(llm))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_one_failure_is_retried_on_the_same_model(
    sandbox: OpenAiSandbox, llm: LlmStream, status: int
) -> None:
    sandbox.fail_next(1, status)
    assert text_of(await read(llm)) == WORDS
    assert models(sandbox) == ["gpt-4o"]


async def test_two_failures_lead_to_the_fallback_model(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    sandbox.fail_next(2, 503)
    assert text_of(await read(llm)) == WORDS
    assert models(sandbox) == ["gpt-4o-mini"]


async def test_three_failures_are_an_error(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    sandbox.fail_next(3, 500)
    with pytest.raises(LlmError, match="refused") as caught:
        await read(llm)
    assert (caught.value.status, caught.value.retryable) == (500, True)
    assert sandbox.counters.requests == 3


async def test_without_a_fallback_model_two_tries_are_all(sandbox: OpenAiSandbox) -> None:
    llm = make(sandbox, fallback_model="")
    sandbox.fail_next(9, 500)
    with pytest.raises(LlmError):
        await read(llm)
    assert sandbox.counters.requests == 2
    await llm.aclose()


@pytest.mark.parametrize(
    ("status", "code"), [(429, "insufficient_quota"), (400, None), (401, None), (422, None)]
)
async def test_what_cannot_get_better_is_not_tried_again(
    sandbox: OpenAiSandbox, llm: LlmStream, status: int, code: str | None
) -> None:
    sandbox.fail_next(1, status, code=code)
    with pytest.raises(LlmError) as caught:
        await read(llm)
    assert (caught.value.status, caught.value.retryable) == (status, False)
    assert sandbox.counters.requests == 1


async def test_a_wrong_key_is_told_without_showing_it(sandbox: OpenAiSandbox) -> None:
    llm = make(sandbox, api_key="sk-secret-value")
    with pytest.raises(LlmError, match="invalid_api_key") as caught:
        await read(llm)
    assert caught.value.status == 401
    assert "secret" not in str(caught.value)
    await llm.aclose()


async def test_a_model_that_does_not_exist_is_replaced_at_once(sandbox: OpenAiSandbox) -> None:
    llm = make(sandbox, model="gpt-9")
    assert text_of(await read(llm)) == WORDS
    assert sandbox.counters.requests == 2
    assert models(sandbox) == ["gpt-4o-mini"]
    await llm.aclose()


async def test_a_server_that_wants_a_long_pause_is_left_for_the_fallback(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    sandbox.fail_next(1, 429, headers=[("retry-after", "20")])
    before = time.perf_counter()
    assert text_of(await read(llm)) == WORDS
    assert time.perf_counter() - before < 2.0
    assert models(sandbox) == ["gpt-4o-mini"]


async def test_a_short_pause_in_milliseconds_is_kept(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    sandbox.fail_next(1, 429, headers=[("retry-after-ms", "250"), ("retry-after", "1")])
    before = time.perf_counter()
    await read(llm)
    assert 0.25 <= time.perf_counter() - before < 2.0
    assert models(sandbox) == ["gpt-4o"]


async def test_the_server_may_forbid_the_retry(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    sandbox.fail_next(1, 500, headers=[("x-should-retry", "false")])
    with pytest.raises(LlmError):
        await read(llm)
    assert sandbox.counters.requests == 1


@pytest.mark.parametrize("fault", [Fault.ERROR_AT_START, Fault.CUT_AT_START])
async def test_what_breaks_before_the_first_word_is_tried_again(
    sandbox: OpenAiSandbox, llm: LlmStream, fault: Fault
) -> None:
    sandbox.break_next(fault)
    assert text_of(await read(llm)) == WORDS
    assert sandbox.counters.requests == 2


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HANG_BEFORE])
async def test_a_server_that_hangs_is_asked_again(
    sandbox: OpenAiSandbox, hasty: LlmStream, fault: Fault
) -> None:
    sandbox.break_next(fault)
    assert text_of(await read(hasty)) == WORDS
    assert sandbox.counters.requests >= 2


@pytest.mark.parametrize(
    "fault", [Fault.ERROR_IN_STREAM, Fault.CUT, Fault.NO_FINISH, Fault.GARBAGE]
)
async def test_what_breaks_after_the_first_word_is_not(
    sandbox: OpenAiSandbox, llm: LlmStream, fault: Fault
) -> None:
    sandbox.break_next(fault)
    heard: list[LlmDelta] = []
    note = heard.append
    with pytest.raises(LlmError) as caught:
        async for delta in llm.stream(REQUEST):
            note(delta)
    assert not caught.value.retryable
    assert sandbox.counters.requests == 1
    assert WORDS.startswith(text_of(heard))
    assert text_of(heard)


async def test_malformed_arguments_are_a_failed_try(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    sandbox.policy = lambda messages, tools: Reply(calls=CALLS[:1])
    sandbox.break_next(Fault.MALFORMED_ARGUMENTS)
    deltas = await read(llm, TOOL_REQUEST)
    assert isinstance(deltas[0], ToolCallReady)
    assert sandbox.counters.requests == 2
    sandbox.break_next(Fault.MALFORMED_ARGUMENTS, 3)
    with pytest.raises(LlmError, match="broken tool call"):
        await read(llm, TOOL_REQUEST)


async def test_an_answer_without_words_is_a_failed_try(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    sandbox.policy = lambda messages, tools: Reply("  \n")
    with pytest.raises(LlmError, match="empty answer"):
        await read(llm)
    assert sandbox.counters.requests == 3


async def test_a_slow_first_word_runs_into_its_own_deadline(
    sandbox: OpenAiSandbox, hasty: LlmStream
) -> None:
    sandbox.first_token_delay_s = 5.0
    with pytest.raises(LlmError, match="timeout"):
        await read(hasty)
    assert sandbox.counters.requests == 2, "the model that hung is not waited for again"


async def test_a_model_that_hangs_is_replaced_at_once(
    sandbox: OpenAiSandbox, hasty: LlmStream
) -> None:
    sandbox.break_next(Fault.HANG_BEFORE)
    assert text_of(await read(hasty)) == WORDS
    assert models(sandbox)[-1] == "gpt-4o-mini"


async def test_one_model_alone_is_asked_twice_even_if_it_hangs(sandbox: OpenAiSandbox) -> None:
    llm = make(sandbox, LlmTimeouts(2.0, 0.3, 0.3), fallback_model="")
    sandbox.break_next(Fault.HANG_BEFORE)
    assert text_of(await read(llm)) == WORDS
    await llm.aclose()


async def test_a_gap_between_words_runs_into_its_own_deadline(
    sandbox: OpenAiSandbox, hasty: LlmStream
) -> None:
    sandbox.token_delay_s = 5.0
    with pytest.raises(LlmError, match="timeout") as caught:
        await read(hasty)
    assert not caught.value.retryable


async def test_nobody_there_is_an_error() -> None:
    llm = LlmStream(api_key="x", base_url="http://127.0.0.1:9/v1", model="gpt-4o")
    with pytest.raises(LlmError, match="connection"):
        await read(llm)
    assert not await llm.warm()
    await llm.aclose()


async def stop_by_cancel(llm: LlmStream, begun: asyncio.Event) -> None:
    async def listen() -> None:
        async for _ in llm.stream(REQUEST):
            begun.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(listen())
        await begun.wait()
        task.cancel()


async def stop_by_close(llm: LlmStream, begun: asyncio.Event) -> None:
    async with contextlib.aclosing(llm.stream(REQUEST)) as deltas:
        async for _ in deltas:
            break


@pytest.mark.parametrize("stop", [stop_by_cancel, stop_by_close])
async def test_stopping_the_stream_stops_the_model(
    sandbox: OpenAiSandbox,
    llm: LlmStream,
    stop: Callable[[LlmStream, asyncio.Event], Awaitable[None]],
) -> None:
    sandbox.token_delay_s = 0.05
    await stop(llm, asyncio.Event())
    await until(lambda: sandbox.counters.aborted == 1)
    assert sandbox.counters.answered == 0
    sandbox.token_delay_s = 0.0
    assert text_of(await read(llm)) == WORDS


async def test_warming_opens_the_connection_that_the_first_request_uses(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    assert await llm.warm()
    connections = sandbox.counters.connections
    await read(llm)
    await read(llm)
    assert sandbox.counters.connections == connections == 1


async def test_a_server_that_refuses_the_list_of_models_is_warm_all_the_same(
    sandbox: OpenAiSandbox,
) -> None:
    llm = make(sandbox, api_key="sk-wrong")
    assert await llm.warm()
    await llm.aclose()


async def test_a_model_can_be_named_for_one_request(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    assert [delta async for delta in llm.stream(REQUEST, "gpt-4o-mini")]
    assert models(sandbox) == ["gpt-4o-mini"]
