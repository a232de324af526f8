"""Streams one answer of the language model, within a phone call's patience.

Theory of operation: one request is tried on the first model, once more on it, then on the fallback
model; a model that said nothing in time is not waited for twice if there is another. As soon as a
word was handed out nothing is tried again, because the caller may have heard it. Tool calls are
handed out only when the stream has ended properly and their JSON is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
import structlog
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk

from voicecore.dialog.llm_request import LlmRequest
from voicecore.errors import LlmError
from voicecore.net.llm_answer import (
    Answer,
    Finished,
    LlmDelta,
    TextDelta,
    ToolCallReady,
    Usage,
    read_usage,
)
from voicecore.net.llm_attempt import AttemptSink, LlmAttempt, Outcome
from voicecore.net.llm_failure import (
    LONGEST_RETRY_DELAY_S,
    AttemptFailed,
    failures,
    left_to_try,
)

__all__ = [
    "Finished",
    "LlmDelta",
    "LlmStream",
    "LlmTimeouts",
    "TextDelta",
    "ToolCallReady",
    "Usage",
]

log = structlog.get_logger()

MOST_REPLY_TOKENS = 600
TEMPERATURE = 0.3
USAGE_WAIT_S = 0.5
"""How long the token counts may come after the last word."""
KEEP_ALIVE_S = 300.0
WARM_EVERY_S = 45.0
"""An idle connection is used this often; servers and balancers close it after a minute or more."""


@dataclass(frozen=True, slots=True)
class LlmTimeouts:
    """How long each step may take, in seconds."""

    connect_s: float = 2.0
    first_token_s: float = 2.5
    between_chunks_s: float = 5.0


class LlmStream:
    """A client of any server that speaks OpenAI's chat completions; shared by all calls."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        model: str,
        fallback_model: str = "",
        timeouts: LlmTimeouts | None = None,
    ) -> None:
        self._model = model
        self._fallback_model = fallback_model
        self._used_at = -KEEP_ALIVE_S
        self._timeouts = timeouts or LlmTimeouts()
        wait = httpx2.Timeout(self._timeouts.between_chunks_s, connect=self._timeouts.connect_s)
        self._client = AsyncOpenAI(
            api_key=api_key or "none",
            base_url=base_url,
            max_retries=0,
            timeout=wait,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=wait, limits=httpx2.Limits(keepalive_expiry=KEEP_ALIVE_S)
            ),
        )

    async def aclose(self) -> None:
        """Close all connections; the client is of no use afterwards."""
        await self._client.close()

    async def warm(self) -> bool:
        """Open a connection ahead of the first request; returns False where nobody answered."""
        self._used_at = time.monotonic()
        try:
            async with asyncio.timeout(self._timeouts.connect_s + self._timeouts.first_token_s):
                await self._client.models.list()
        except openai.APIStatusError:
            return True
        except (openai.OpenAIError, TimeoutError, ValueError):
            return False
        return True

    async def keep_warm(self, every_s: float = WARM_EVERY_S) -> None:
        """Use the connection whenever it was idle for `every_s`, until cancelled.

        The list of models is asked for: the one request that every such server knows and none
        charges for.
        """
        was_there = True
        while True:
            idle_s = time.monotonic() - self._used_at
            if idle_s < every_s:
                await asyncio.sleep(every_s - idle_s)
                continue
            is_there = await self.warm()
            if is_there is not was_there:
                log.warning("llm_unreachable" if was_there else "llm_reachable")
            was_there = is_there

    async def stream(
        self,
        request: LlmRequest,
        model: str | None = None,
        *,
        on_attempt: AttemptSink = lambda attempt: None,
    ) -> AsyncGenerator[LlmDelta, None]:
        """Yield the answer's deltas; the last one is `Finished`.

        `on_attempt` is told of every request that was sent, however it ended.

        Close the iterator (`contextlib.aclosing`) or cancel the task to stop the model: both close
        the HTTP response.

        Raises:
            LlmError: no answer could be had, or it broke off after words were handed out.
        """
        models = [model or self._model] * 2
        if self._fallback_model and self._fallback_model != models[0]:
            models.append(self._fallback_model)
        while True:
            name, told = models.pop(0), False
            try:
                async with contextlib.aclosing(self._attempt(request, name, on_attempt)) as deltas:
                    async for delta in deltas:
                        told = told or not isinstance(delta, TextDelta) or bool(delta.text.strip())
                        yield delta
                return
            except AttemptFailed as failure:
                error = failure.error
                if told:
                    raise LlmError(error.reason, retryable=False, status=error.status) from failure
                models = left_to_try(name, models, failure)
                if not models:
                    raise error from failure
                await asyncio.sleep(min(failure.delay_s, LONGEST_RETRY_DELAY_S))

    async def _attempt(
        self, request: LlmRequest, model: str, on_attempt: AttemptSink
    ) -> AsyncGenerator[LlmDelta, None]:
        """Ask one model once, and tell how that ended.

        Raises:
            AttemptFailed: whatever went wrong on the other side.
        """
        sent_at = self._used_at = time.monotonic()
        answer = Answer()
        outcome, reason = Outcome.INTERRUPTED, ""
        first_word_ms: float | None = None
        try:
            async with contextlib.aclosing(self._deltas(request, model, answer)) as deltas:
                async for delta in deltas:
                    if first_word_ms is None and isinstance(delta, TextDelta):
                        first_word_ms = _since_ms(sent_at)
                    if isinstance(delta, Finished):
                        outcome = Outcome.ANSWERED
                    yield delta
        except AttemptFailed as failure:
            outcome, reason = Outcome.FAILED, failure.error.reason
            raise
        finally:
            self._used_at = time.monotonic()
            on_attempt(
                LlmAttempt(
                    model=model,
                    outcome=outcome,
                    reason=reason,
                    usage=answer.usage,
                    first_word_ms=first_word_ms,
                    duration_ms=_since_ms(sent_at),
                )
            )

    async def _deltas(
        self, request: LlmRequest, model: str, answer: Answer
    ) -> AsyncGenerator[LlmDelta, None]:
        """Read one stream into `answer`.

        Raises:
            AttemptFailed: it did not begin in time, broke off, or is no whole answer.
        """
        loop = asyncio.get_running_loop()
        first_token_by = loop.time() + self._timeouts.first_token_s
        with failures():
            async with asyncio.timeout_at(first_token_by):
                stream = await self._open(request, model)
        try:
            while answer.finish is None:
                next_by = loop.time() + self._timeouts.between_chunks_s
                text = answer.add(
                    await _next_chunk(stream, next_by if answer.begun else first_token_by)
                )
                if text:
                    yield TextDelta(text)
            for call in answer.tool_calls():
                yield call
            yield Finished(answer.finish, await _usage(stream, answer))
        finally:
            await stream.close()

    async def _open(self, request: LlmRequest, model: str) -> AsyncStream[ChatCompletionChunk]:
        arguments: dict[str, Any] = {
            "model": model,
            "messages": request.messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": MOST_REPLY_TOKENS,
            "temperature": TEMPERATURE,
        }
        if request.tools:
            arguments["tools"] = request.tools
        stream: AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(
            **arguments
        )
        return stream


async def _next_chunk(stream: AsyncStream[ChatCompletionChunk], by: float) -> ChatCompletionChunk:
    with failures():
        async with asyncio.timeout_at(by):
            chunk = await anext(stream, None)
        if chunk is None:
            raise AttemptFailed(LlmError("stream cut", retryable=True))
        if not isinstance(chunk, ChatCompletionChunk):
            raise AttemptFailed(LlmError("not a chunk", retryable=True))
        return chunk


async def _usage(stream: AsyncStream[ChatCompletionChunk], answer: Answer) -> Usage | None:
    """Read on to the token counts; the answer is complete without them."""
    by = asyncio.get_running_loop().time() + USAGE_WAIT_S
    try:
        while answer.usage is None:
            answer.usage = read_usage((await _next_chunk(stream, by)).usage)
        async with asyncio.timeout_at(by):
            await anext(stream, None)
    except (AttemptFailed, openai.OpenAIError, TimeoutError, ValueError):
        return answer.usage
    return answer.usage


def _since_ms(moment_s: float) -> float:
    return round((time.monotonic() - moment_s) * 1000, 1)
