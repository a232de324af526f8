"""What the model costs: tokens of every request, the prompt cache, and the warm connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import structlog

from tests.net.test_llm import REQUEST, TOOLS, WORDS, make, read, until
from voicecore.dialog.llm_request import LlmRequest
from voicecore.net.llm import Finished, LlmStream
from voicecore.net.llm_attempt import LlmAttempt
from voicecore.net.llm_tally import LlmTally
from voicecore.sandbox.openai import OpenAiSandbox
from voicecore.sandbox.openai_reply import Reply


@pytest.fixture
async def sandbox() -> AsyncIterator[OpenAiSandbox]:
    async with OpenAiSandbox(policy=lambda messages, tools: Reply(WORDS)) as server:
        yield server


@pytest.fixture
async def llm(sandbox: OpenAiSandbox) -> AsyncIterator[LlmStream]:
    client = make(sandbox)
    yield client
    await client.aclose()


async def test_every_request_is_told_with_its_tokens(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    attempts: list[LlmAttempt] = []
    sandbox.fail_next(2, 503)
    async for _ in llm.stream(REQUEST, on_attempt=attempts.append):
        pass
    async with contextlib.aclosing(llm.stream(REQUEST, on_attempt=attempts.append)) as deltas:
        await anext(deltas)
    told = [(attempt.model, attempt.outcome.value) for attempt in attempts]
    assert told == [
        ("gpt-4o", "failed"),
        ("gpt-4o", "failed"),
        ("gpt-4o-mini", "answered"),
        ("gpt-4o", "interrupted"),
    ]
    assert attempts[0].reason.startswith("refused") and attempts[0].usage is None
    usage = attempts[2].usage
    assert usage is not None and usage.completion_tokens == sandbox.counters.completion_tokens
    assert attempts[2].first_word_ms is not None
    assert attempts[2].duration_ms >= attempts[2].first_word_ms >= 0
    assert attempts[3].usage is None


async def test_the_second_of_two_like_requests_is_counted_as_cached(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    rules = {"role": "system", "content": "Say only what a tool returned. " * 200}
    hello = {"role": "user", "content": "Hello."}
    first = await read(llm, LlmRequest([rules, hello], TOOLS))
    second = await read(llm, LlmRequest([rules, hello, {"role": "user", "content": "Hm."}], TOOLS))
    other = await read(llm, LlmRequest([hello, rules], TOOLS))
    cached = []
    for end in (first[-1], second[-1], other[-1]):
        assert isinstance(end, Finished) and end.usage is not None
        cached.append((end.usage.cached_tokens, end.usage.prompt_tokens))
    assert cached[0][0] == cached[2][0] == 0
    assert 0 <= cached[1][1] - cached[1][0] < 256


async def test_an_idle_connection_is_used_again_and_again_and_a_busy_one_is_not(
    sandbox: OpenAiSandbox, llm: LlmStream
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(llm.keep_warm(0.05))
        await until(lambda: sandbox.counters.models_listed >= 3)
        assert sandbox.counters.connections == 1
        assert sandbox.counters.requests == 0
        task.cancel()


async def test_keeping_warm_survives_a_server_that_is_away() -> None:
    llm = LlmStream(api_key="x", base_url="http://127.0.0.1:9/v1", model="gpt-4o")
    with structlog.testing.capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(llm.keep_warm(0.02))
            await until(lambda: bool(logs))
            await asyncio.sleep(0.1)
            task.cancel()
    await llm.aclose()
    assert [line["event"] for line in logs] == ["llm_unreachable"], "told once, not each time"


async def test_a_call_sums_up_its_requests(sandbox: OpenAiSandbox, llm: LlmStream) -> None:
    tally = LlmTally("CA1")
    sandbox.fail_next(1, 500)
    with structlog.testing.capture_logs() as logs:
        for turn in (1, 2):
            async for _ in llm.stream(
                REQUEST, on_attempt=lambda attempt, turn=turn: tally.add(turn, attempt)
            ):
                pass
    counted = sandbox.counters
    assert tally.stats == {
        "requests": 3,
        "answered": 2,
        "failed": 1,
        "prompt_tokens": counted.prompt_tokens,
        "cached_tokens": 0,
        "completion_tokens": counted.completion_tokens,
        "models": {"gpt-4o": 3},
    }
    lines = [(line["turn"], line["outcome"]) for line in logs if line["event"] == "llm_request"]
    assert lines == [(1, "failed"), (1, "answered"), (2, "answered")]
    assert all(line["call_sid"] == "CA1" for line in logs)
