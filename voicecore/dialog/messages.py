"""Turns the call's history into OpenAI's messages, valid by construction.

Every tool call stands directly before its result, so that none is ever unanswered; of the agent's
own words there is only what the caller heard.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem, ToolUsed

INTERRUPTED = "(interrupted)"


def history_messages(history: Sequence[HistoryItem]) -> list[dict[str, Any]]:
    """Return the messages of `history`, oldest first."""
    messages: list[dict[str, Any]] = []
    turn: int | None = None
    for item in history:
        match item:
            case CallerSaid():
                _say(messages, "user", item.text, join=True)
            case AgentSaid():
                text = item.text.strip()
                words = text if item.complete or not text else f"{text} {INTERRUPTED}"
                _say(messages, "assistant", words, join=turn == item.turn)
            case ToolUsed():
                messages.extend(_tool_messages(item))
        turn = item.turn
    return messages


def _say(messages: list[dict[str, Any]], role: str, text: str, *, join: bool) -> None:
    text = text.strip()
    if not text:
        return
    last = messages[-1] if messages else {}
    if join and last.get("role") == role and isinstance(last.get("content"), str):
        last["content"] = f"{last['content']} {text}"
    else:
        messages.append({"role": role, "content": text})


def _tool_messages(item: ToolUsed) -> list[dict[str, Any]]:
    function = {"name": item.name, "arguments": _object(item.arguments)}
    call = {"id": item.call_id, "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": item.call_id, "content": item.content},
    ]


def _object(arguments: str) -> str:
    """Return the arguments, or an empty object where they are none: some servers parse them."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"
