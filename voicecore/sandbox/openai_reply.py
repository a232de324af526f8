"""One answer of the stand-in model, and its chunks in the vendor's shape.

Source: OpenAI, API reference - Chat - The chat completion chunk object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MODEL_FINGERPRINT = "fp_sandbox"
ARGUMENT_PIECE_CHARS = 9
_TOKEN = re.compile(r"\s*\S{1,8}")
_OBFUSCATION_CHARS = 24


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model calls; `raw_arguments` replaces the JSON of `arguments`."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    raw_arguments: str | None = None

    @property
    def json(self) -> str:
        """The text of the arguments."""
        return json.dumps(self.arguments) if self.raw_arguments is None else self.raw_arguments


@dataclass(frozen=True, slots=True)
class Reply:
    """Words, tool calls or both; `refusal` replaces the words."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    finish_reason: str = ""

    @property
    def finish(self) -> str:
        """The vendor's word for why it ended."""
        return self.finish_reason or ("tool_calls" if self.calls else "stop")


def tokens(text: str) -> list[str]:
    """Cut text into pieces about as large as the vendor's tokens; together they are the text."""
    pieces = _TOKEN.findall(text)
    rest = text[sum(map(len, pieces)) :]
    return [*pieces, rest] if rest else pieces


def deltas(reply: Reply, call_number: int) -> Iterator[dict[str, Any]]:
    """Yield the `delta` of every chunk that carries content, in the vendor's order."""
    yield {"role": "assistant", "content": None if reply.calls and not reply.text else ""}
    for piece in tokens(reply.refusal):
        yield {"refusal": piece}
    for piece in tokens(reply.text):
        yield {"content": piece}
    for index, call in enumerate(reply.calls):
        head = {"name": call.name, "arguments": ""}
        call_id = f"call_{call_number:06d}{index}"
        yield {
            "tool_calls": [{"index": index, "id": call_id, "type": "function", "function": head}]
        }
        text = call.json
        for start in range(0, len(text), ARGUMENT_PIECE_CHARS):
            piece = text[start : start + ARGUMENT_PIECE_CHARS]
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def chunk(
    completion_id: str,
    created: int,
    model: str,
    *,
    delta: dict[str, Any] | None = None,
    finish_reason: str | None = None,
    usage: dict[str, Any] | None = None,
    with_usage: bool = False,
    obfuscated: bool = True,
) -> dict[str, Any]:
    """Build one chunk; without `delta` and `finish_reason` it is the usage chunk."""
    body: dict[str, Any] = {
        "id": completion_id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": MODEL_FINGERPRINT,
        "choices": [],
    }
    if delta is not None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        body["choices"] = [choice]
    if with_usage:
        body["usage"] = usage
    if obfuscated:
        size = len(json.dumps(delta or {})) % _OBFUSCATION_CHARS
        body["obfuscation"] = ("x9Kq2Lw7" * 3)[: _OBFUSCATION_CHARS - size]
    return body


def usage(prompt: int, cached: int, reply: Reply) -> dict[str, Any]:
    """Count the answer's tokens as four characters each, which is near enough for a meter."""
    said = len(reply.text) + len(reply.refusal) + sum(len(call.json) for call in reply.calls)
    completion = max(1, said // 4)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def completion(
    completion_id: str, created: int, model: str, reply: Reply, counted: dict[str, Any], number: int
) -> dict[str, Any]:
    """Build the answer to a request that does not stream."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": reply.text or None,
        "refusal": reply.refusal or None,
    }
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number:06d}{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.json},
            }
            for index, call in enumerate(reply.calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": counted,
        "system_fingerprint": MODEL_FINGERPRINT,
    }
