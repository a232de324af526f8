"""Sums up the part of a call that no longer fits into a request, from what the tools returned.

Made by code: every line is a tool's name, the slots it was given, and what came of it. Words of the
caller are not in it, as a system message is no place for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MOST_FACTS = 12
_MOST_VALUE_CHARS = 60
_ASKED = ("service", "from", "part_of_day", "vehicle", "appointment", "slot")
_TOLD = ("status", "error", "name", "spoken", "found", "label", "work", "price")
_INTRODUCTION = "Earlier on this call, left out here:"


def summary_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the latest facts of `messages`, one a line; the same messages give the same text."""
    answers = {
        str(message.get("tool_call_id")): message.get("content")
        for message in messages
        if message.get("role") == "tool"
    }
    facts = [
        _fact(call["function"], answers.get(call["id"]))
        for message in messages
        for call in message.get("tool_calls") or ()
    ]
    turns = sum(message.get("role") == "user" for message in messages)
    lines = [f"- {turns} turns of the caller", *dict.fromkeys(facts[-MOST_FACTS:])]
    return "\n".join((_INTRODUCTION, *lines))


def _fact(function: Mapping[str, Any], answer: object) -> str:
    given = _object(function.get("arguments"))
    asked = ", ".join(f"{name} {_plain(given[name])}" for name in _ASKED if given.get(name))
    result = _object(answer)
    told = [_plain(result[name]) for name in _TOLD if name in result]
    lists = ("slots", "visits", "vehicles", "upcoming")
    told += [f"{len(result[name])} {name}" for name in lists if isinstance(result.get(name), list)]
    return f"- {_plain(function.get('name'))}({asked}): {', '.join(told) or 'no result'}"


def _plain(value: object) -> str:
    """Reduce a value to short plain words, so that nothing in it reads like an instruction."""
    kept = "".join(
        character if character.isalnum() or character in " _-.:@+'" else " "
        for character in str(value)
    )
    return " ".join(kept.split())[:_MOST_VALUE_CHARS]


def _object(text: object) -> dict[str, Any]:
    if not isinstance(text, str):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
