"""Streams one answer of the language model, within a phone call's patience.

Theory of operation: one request is tried on the first model, once more on it, then on the fallback
model; as soon as a word was handed out nothing is tried again, because the caller may have heard
it. Tool calls are handed out only when the stream has ended properly and their JSON is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from voicecore.call.events import Finish
from voicecore.dialog.llm_request import LlmRequest
from voicecore.errors import LlmError

MOST_REPLY_TOKENS = 600
TEMPERATURE = 0.3
RETRY_DELAY_S = 0.1
LONGEST_RETRY_DELAY_S = 0.5
"""A server that asks for a longer pause is not asked again during this reply."""
USAGE_WAIT_S = 0.5
"""How long the token counts may come after the last word."""
KEEP_ALIVE_S = 300.0

_RETRYABLE_STATUS = frozenset((408, 409, 429))
_HOPELESS_CODES = frozenset(
    ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
)
_OTHER_MODEL_MAY_HELP = frozenset((403, 404))
_FINISHES = {
    "stop": Finish.STOP,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.STOP,
    "length": Finish.LENGTH,
    "content_filter": Finish.CONTENT_FILTER,
}


@dataclass(frozen=True, slots=True)
class LlmTimeouts:
    """How long each step may take, in seconds."""

    connect_s: float = 2.0
    first_token_s: float = 2.5
    between_chunks_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the server counts them."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Words to be spoken, as they come."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallReady:
    """A complete tool call; `arguments` is the text of a JSON value."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of the answer; `usage` is None where the server told none."""

    finish: Finish
    usage: Usage | None


LlmDelta = TextDelta | ToolCallReady | Finished


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
        try:
            async with asyncio.timeout(self._timeouts.connect_s + self._timeouts.first_token_s):
                await self._client.models.list()
        except openai.APIStatusError:
            return True
        except (openai.OpenAIError, TimeoutError, ValueError):
            return False
        return True

    async def stream(
        self, request: LlmRequest, model: str | None = None
    ) -> AsyncGenerator[LlmDelta, None]:
        """Yield the answer's deltas; the last one is `Finished`.

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
                async with contextlib.aclosing(self._attempt(request, name)) as deltas:
                    async for delta in deltas:
                        told = told or not isinstance(delta, TextDelta) or bool(delta.text.strip())
                        yield delta
                return
            except _AttemptFailed as failure:
                error = failure.error
                if told:
                    raise LlmError(error.reason, retryable=False, status=error.status) from failure
                models = _left_to_try(name, models, failure)
                if not models:
                    raise error from failure
                await asyncio.sleep(min(failure.delay_s, LONGEST_RETRY_DELAY_S))

    async def _attempt(self, request: LlmRequest, model: str) -> AsyncGenerator[LlmDelta, None]:
        """Ask one model once.

        Raises:
            _AttemptFailed: whatever went wrong on the other side.
        """
        loop = asyncio.get_running_loop()
        first_token_by = loop.time() + self._timeouts.first_token_s
        with _failures():
            async with asyncio.timeout_at(first_token_by):
                stream = await self._open(request, model)
        answer = _Answer()
        try:
            while answer.finish is None:
                by = (
                    loop.time() + self._timeouts.between_chunks_s
                    if answer.begun
                    else first_token_by
                )
                text = answer.add(await _next_chunk(stream, by))
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


class _AttemptFailed(Exception):
    """One try went wrong; `delay_s` is when the next may start."""

    def __init__(self, error: LlmError, delay_s: float = RETRY_DELAY_S) -> None:
        super().__init__(error)
        self.error = error
        self.delay_s = delay_s


@dataclass(slots=True)
class _PartialCall:
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Answer:
    """What has arrived of one answer."""

    finish: Finish | None = None
    begun: bool = False
    usage: Usage | None = None
    _spoke: bool = False
    _calls: dict[int, _PartialCall] = field(default_factory=dict)

    def add(self, chunk: ChatCompletionChunk) -> str:
        """Take one chunk in; returns the words in it."""
        self.usage = _read_usage(chunk.usage) or self.usage
        text = ""
        for choice in (chunk.choices or [])[:1]:
            if choice.delta is not None:
                text = choice.delta.content or choice.delta.refusal or ""
                self._add_calls(choice.delta)
            if choice.finish_reason:
                self.finish = _FINISHES.get(choice.finish_reason, Finish.STOP)
        self._spoke = self._spoke or bool(text.strip())
        self.begun = self.begun or self._spoke or bool(self._calls)
        return text

    def _add_calls(self, delta: ChoiceDelta) -> None:
        for part in delta.tool_calls or []:
            call = self._calls.setdefault(part.index, _PartialCall())
            call.call_id = call.call_id or part.id or ""
            if part.function is not None:
                call.name = call.name or part.function.name or ""
                call.arguments += part.function.arguments or ""

    def tool_calls(self) -> list[ToolCallReady]:
        """Return the whole tool calls of a stream that ended properly.

        Some servers end an answer that only calls tools with "stop".
        """
        if self.finish is Finish.STOP and self._calls and not self._spoke:
            self.finish = Finish.TOOL_CALLS
        if self.finish is Finish.STOP and not self._spoke:
            raise _AttemptFailed(LlmError("empty answer", retryable=True))
        if self.finish is not Finish.TOOL_CALLS:
            return []
        calls = [
            ToolCallReady(call.call_id, call.name, call.arguments.strip() or "{}")
            for _, call in sorted(self._calls.items())
        ]
        if not calls or not all(_is_whole(call) for call in calls):
            raise _AttemptFailed(LlmError("broken tool call", retryable=True))
        return calls


async def _next_chunk(stream: AsyncStream[ChatCompletionChunk], by: float) -> ChatCompletionChunk:
    with _failures():
        async with asyncio.timeout_at(by):
            chunk = await anext(stream, None)
        if chunk is None:
            raise _AttemptFailed(LlmError("stream cut", retryable=True))
        if not isinstance(chunk, ChatCompletionChunk):
            raise _AttemptFailed(LlmError("not a chunk", retryable=True))
        return chunk


async def _usage(stream: AsyncStream[ChatCompletionChunk], answer: _Answer) -> Usage | None:
    """Read on to the token counts; the answer is complete without them."""
    by = asyncio.get_running_loop().time() + USAGE_WAIT_S
    try:
        while answer.usage is None:
            answer.usage = _read_usage((await _next_chunk(stream, by)).usage)
        async with asyncio.timeout_at(by):
            await anext(stream, None)
    except (_AttemptFailed, openai.OpenAIError, TimeoutError, ValueError):
        return answer.usage
    return answer.usage


def _read_usage(usage: CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details is not None else 0
    return Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0, cached or 0)


def _is_whole(call: ToolCallReady) -> bool:
    try:
        json.loads(call.arguments)
    except (ValueError, RecursionError):
        return False
    return bool(call.name and call.call_id)


def _left_to_try(tried: str, models: list[str], failure: _AttemptFailed) -> list[str]:
    """Return the models of `models` that are worth a try after `tried` failed."""
    error = failure.error
    if error.status in _OTHER_MODEL_MAY_HELP or failure.delay_s > LONGEST_RETRY_DELAY_S:
        return [name for name in models if name != tried]
    return models if error.retryable else []


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Turn what the client raises into `_AttemptFailed`."""
    try:
        yield
    except openai.APIStatusError as error:
        raise _status_failure(error) from error
    except openai.APITimeoutError as error:
        raise _AttemptFailed(LlmError("timeout", retryable=True)) from error
    except openai.APIConnectionError as error:
        raise _AttemptFailed(LlmError("connection", retryable=True)) from error
    except openai.APIError as error:
        hopeless = error.code in _HOPELESS_CODES
        reason = f"error in stream: {error.code or error.type}"
        raise _AttemptFailed(LlmError(reason, retryable=not hopeless)) from error
    except TimeoutError as error:
        raise _AttemptFailed(LlmError("timeout", retryable=True)) from error
    except ValueError as error:
        raise _AttemptFailed(LlmError("not JSON", retryable=True)) from error


def _status_failure(error: openai.APIStatusError) -> _AttemptFailed:
    """Judge an HTTP error as the vendor's own client does, by status, code and headers.

    Source: OpenAI, Error codes; `x-should-retry`, `retry-after-ms` and `retry-after` as the
    openai package reads them.
    """
    status, headers = error.status_code, error.response.headers
    retryable = status in _RETRYABLE_STATUS or status >= 500
    told = headers.get("x-should-retry", "")
    if told in ("true", "false"):
        retryable = told == "true"
    if error.code in _HOPELESS_CODES or error.type in _HOPELESS_CODES:
        retryable = False
    reason = f"refused: {error.code or error.type or 'no code'}"
    failed = LlmError(reason, retryable=retryable, status=status)
    return _AttemptFailed(failed, _wanted_delay_s(headers))


def _wanted_delay_s(headers: httpx2.Headers) -> float:
    for name, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with contextlib.suppress(ValueError):
            return max(0.0, float(headers.get(name, "")) / per_second)
    return RETRY_DELAY_S
