"""Makes a list of messages one that the chat API accepts, whatever was done to it before.

Every tool call stands directly before its answers, every answer behind its call. An answer that was
lost becomes a true one: that nobody knows whether it was done.

Source: OpenAI, API reference - Chat - Create chat completion (messages).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Message = dict[str, Any]

NOT_KNOWN = json.dumps(
    {
        "error": "the answer was lost: it is not known whether this was done",
        "ask": "do not say that it is done; call the tool again with the same arguments",
    }
)
_WORDY_ROLES = frozenset(("system", "developer", "user", "assistant"))


def repaired(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Return valid messages of the same words, calls and results; what has no place is dropped."""
    kept: list[Message] = []
    for at, message in enumerate(messages):
        role, calls = message.get("role"), _calls(message)
        if role not in _WORDY_ROLES:
            continue
        content = message.get("content")
        words = content if isinstance(content, str | list) else None
        if calls:
            kept.append({"role": "assistant", "content": words, "tool_calls": calls})
            kept.extend(_answers(calls, messages[at + 1 :]))
        elif words is not None:
            kept.append({"role": role, "content": words})
    return kept


def _calls(message: Mapping[str, Any]) -> list[Message]:
    """Return the calls of an assistant's message that are whole, each id once."""
    calls = message.get("tool_calls")
    if message.get("role") != "assistant" or not isinstance(calls, list):
        return []
    whole: dict[str, Message] = {}
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        call_id, name = call.get("id"), function.get("name")
        if isinstance(call_id, str) and call_id and isinstance(name, str) and name:
            arguments = function.get("arguments")
            text = arguments if isinstance(arguments, str) and _is_object(arguments) else "{}"
            whole.setdefault(
                call_id,
                {
                    "id": call_id,
                    "type": "function",
                    "function": {"name": name, "arguments": text},
                },
            )
    return list(whole.values())


def _answers(calls: list[Message], later: Sequence[Mapping[str, Any]]) -> Iterator[Message]:
    """Yield the answer of each call: the first that comes before its id is used again."""
    found: dict[str, object] = {}
    wanted = {call["id"] for call in calls}
    for message in later:
        if message.get("role") == "tool" and message.get("tool_call_id") in wanted:
            found.setdefault(str(message["tool_call_id"]), message.get("content"))
        wanted -= {call["id"] for call in _calls(message)} | found.keys()
        if not wanted:
            break
    for call in calls:
        content = found.get(call["id"])
        text = content if isinstance(content, str | list) else NOT_KNOWN
        yield {"role": "tool", "tool_call_id": call["id"], "content": text}


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
