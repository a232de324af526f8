"""The stand-in, spoken to by the vendor's own package and by bare HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from voicecore.sandbox.openai import Fault, OpenAiSandbox
from voicecore.sandbox.openai_reply import Reply, ToolCall

MESSAGES: list[Any] = [{"role": "user", "content": "Hello."}]
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "end_call",
            "parameters": {
                "type": "object",
                "properties": {},
                "required": [],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }
]


@pytest.fixture
async def sandbox() -> AsyncIterator[OpenAiSandbox]:
    async with OpenAiSandbox() as server:
        yield server


@pytest.fixture
async def vendor(sandbox: OpenAiSandbox) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="sk-sandbox", base_url=sandbox.base_url, max_retries=0, timeout=10.0
    ) as client:
        yield client


async def stream(vendor: openai.AsyncOpenAI, **more: Any) -> list[ChatCompletionChunk]:
    async with await vendor.chat.completions.create(
        model="gpt-4o", messages=MESSAGES, stream=True, **more
    ) as chunks:
        return [chunk async for chunk in chunks]


async def test_the_vendors_package_reads_a_streamed_answer(
    sandbox: OpenAiSandbox, vendor: openai.AsyncOpenAI
) -> None:
    sandbox.policy = lambda messages, tools: Reply("Good morning to you.")
    chunks = await stream(vendor, stream_options={"include_usage": True})
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Good morning to you."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 0
    assert chunks[0].usage is None
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1


async def test_without_the_option_there_is_no_usage(vendor: openai.AsyncOpenAI) -> None:
    assert all(chunk.choices for chunk in await stream(vendor))


async def test_tool_calls_come_in_fragments_by_index(
    sandbox: OpenAiSandbox, vendor: openai.AsyncOpenAI
) -> None:
    calls = (ToolCall("a", {"phone": "three one two"}), ToolCall("b", {}))
    sandbox.policy = lambda messages, tools: Reply(calls=calls)
    fragments = [
        part for chunk in await stream(vendor) for part in (chunk.choices[0].delta.tool_calls or [])
    ]
    firsts = [part for part in fragments if part.id]
    assert [(part.index, part.function and part.function.name) for part in firsts] == [
        (0, "a"),
        (1, "b"),
    ]
    joined = "".join(
        (part.function and part.function.arguments) or "" for part in fragments if part.index == 0
    )
    assert json.loads(joined) == {"phone": "three one two"}
    assert sum(part.index == 0 for part in fragments) > 2


async def test_an_answer_in_one_piece(vendor: openai.AsyncOpenAI, sandbox: OpenAiSandbox) -> None:
    sandbox.policy = lambda messages, tools: Reply("Hi.", (ToolCall("end_call"),))
    answer = await vendor.chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=TOOLS)
    assert answer.choices[0].message.content == "Hi."
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls is not None


async def test_models_are_listed_and_told(vendor: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in vendor.models.list()] == ["gpt-4o", "gpt-4o-mini"]
    assert (await vendor.models.retrieve("gpt-4o")).object == "model"
    with pytest.raises(openai.NotFoundError):
        await vendor.models.retrieve("gpt-9")


async def test_the_wire_carries_obfuscation_unless_it_is_declined(sandbox: OpenAiSandbox) -> None:
    body = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}
    headers = {"Authorization": "Bearer sk-sandbox"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{sandbox.base_url}/chat/completions", json=body) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            lines = (await response.text()).split("\n\n")
        assert lines[-2:] == ["data: [DONE]", ""]
        assert "obfuscation" in json.loads(lines[0].removeprefix("data: "))
        body["stream_options"] = {"include_obfuscation": False}
        async with session.post(f"{sandbox.base_url}/chat/completions", json=body) as response:
            assert "obfuscation" not in await response.text()


@pytest.mark.parametrize("key", [None, "Bearer sk-wrong", "Basic x"])
async def test_a_wrong_or_missing_key_is_refused(sandbox: OpenAiSandbox, key: str | None) -> None:
    headers = {"Authorization": key} if key else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{sandbox.base_url}/chat/completions", json={}) as response,
    ):
        assert response.status == 401
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_a_body_that_is_not_json_is_refused(sandbox: OpenAiSandbox) -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer sk-sandbox"}) as session,
        session.post(f"{sandbox.base_url}/chat/completions", data=b"{") as response,
    ):
        assert response.status == 400


async def test_an_unanswered_tool_call_is_refused_as_by_the_vendor(
    vendor: openai.AsyncOpenAI,
) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "end_call", "arguments": "{}"}}
    messages: list[Any] = [*MESSAGES, {"role": "assistant", "tool_calls": [call]}]
    with pytest.raises(openai.BadRequestError, match="did not have response messages: c1"):
        await vendor.chat.completions.create(model="gpt-4o", messages=messages)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, None),
        (503, openai.InternalServerError, "server_is_overloaded"),
    ],
)
async def test_ordered_failures_look_like_the_vendors(
    sandbox: OpenAiSandbox,
    vendor: openai.AsyncOpenAI,
    status: int,
    error: type[openai.APIStatusError],
    code: str | None,
) -> None:
    sandbox.fail_next(1, status)
    with pytest.raises(error) as caught:
        await stream(vendor)
    assert caught.value.code == code
    assert caught.value.request_id
    assert await stream(vendor)
    assert sandbox.counters.faults == 1


async def test_the_vendors_own_retry_honours_the_header(sandbox: OpenAiSandbox) -> None:
    sandbox.fail_next(1, 429, headers=[("retry-after-ms", "10")])
    async with openai.AsyncOpenAI(
        api_key="sk-sandbox", base_url=sandbox.base_url, max_retries=1, timeout=10.0
    ) as client:
        assert await stream(client)
    assert sandbox.counters.requests == 2


async def test_an_error_in_the_stream_is_one_for_the_vendor(
    sandbox: OpenAiSandbox, vendor: openai.AsyncOpenAI
) -> None:
    sandbox.break_next(Fault.ERROR_IN_STREAM)
    with pytest.raises(openai.APIError, match="had an error"):
        await stream(vendor)


async def test_a_cut_stream_is_a_connection_error_for_the_vendor(
    sandbox: OpenAiSandbox, vendor: openai.AsyncOpenAI
) -> None:
    sandbox.break_next(Fault.CUT)
    with pytest.raises(openai.APIConnectionError):
        await stream(vendor)


async def test_invented_fields_and_nonsense_come_as_ordered(
    sandbox: OpenAiSandbox, vendor: openai.AsyncOpenAI
) -> None:
    sandbox.policy = lambda messages, tools: Reply(calls=(ToolCall("end_call"),))
    sandbox.break_next(Fault.INVENTED_FIELDS)
    sandbox.break_next(Fault.NONSENSE)
    arguments = "".join(
        (part.function and part.function.arguments) or ""
        for chunk in await stream(vendor)
        for part in chunk.choices[0].delta.tool_calls or []
    )
    assert json.loads(arguments) == {"customer_id": 1}
    nonsense = await stream(vendor)
    assert nonsense[-1].choices[0].finish_reason == "stop"


async def test_delays_are_kept(sandbox: OpenAiSandbox, vendor: openai.AsyncOpenAI) -> None:
    sandbox.policy = lambda messages, tools: Reply("one two three four")
    sandbox.first_token_delay_s = 0.1
    sandbox.token_delay_s = 0.02
    before = asyncio.get_running_loop().time()
    await stream(vendor)
    assert asyncio.get_running_loop().time() - before >= 0.16


async def test_counters_and_requests_tell_what_came(
    sandbox: OpenAiSandbox, vendor: openai.AsyncOpenAI
) -> None:
    await stream(vendor, stream_options={"include_usage": True})
    assert sandbox.counters.requests == sandbox.counters.answered == 1
    assert sandbox.counters.prompt_tokens > 0
    assert sandbox.requests[0]["messages"] == MESSAGES
