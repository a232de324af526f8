"""Puts one streamed answer of the language model together, chunk by chunk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from voicecore.call.events import Finish
from voicecore.errors import LlmError
from voicecore.net.llm_failure import AttemptFailed

_FINISHES = {
    "stop": Finish.STOP,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.STOP,
    "length": Finish.LENGTH,
    "content_filter": Finish.CONTENT_FILTER,
}


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


@dataclass(slots=True)
class _PartialCall:
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Answer:
    """What has arrived of one answer."""

    finish: Finish | None = None
    begun: bool = False
    usage: Usage | None = None
    _spoke: bool = False
    _calls: dict[int, _PartialCall] = field(default_factory=dict)

    def add(self, chunk: ChatCompletionChunk) -> str:
        """Take one chunk in; returns the words in it."""
        self.usage = read_usage(chunk.usage) or self.usage
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
            raise AttemptFailed(LlmError("empty answer", retryable=True))
        if self.finish is not Finish.TOOL_CALLS:
            return []
        calls = [
            ToolCallReady(call.call_id, call.name, call.arguments.strip() or "{}")
            for _, call in sorted(self._calls.items())
        ]
        if not calls or not all(_is_whole(call) for call in calls):
            raise AttemptFailed(LlmError("broken tool call", retryable=True))
        return calls


def read_usage(usage: CompletionUsage | None) -> Usage | None:
    """Return the token counts of a chunk that has them."""
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
