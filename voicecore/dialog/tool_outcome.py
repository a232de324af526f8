"""What a tool hands back to the call and to the language model."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """The end of one tool call; `content` is the JSON object that the model reads.

    `ends_call`: hang up after the reply that follows. `transfer`: hand the caller to a person.
    """

    content: str
    ok: bool
    ends_call: bool = False
    transfer: bool = False


def answer(result: dict[str, object]) -> ToolOutcome:
    """A tool that did what it was asked for."""
    return ToolOutcome(json.dumps(result, ensure_ascii=False), ok=True)


def problem(error: str, ask: str) -> ToolOutcome:
    """A tool that could not; `ask` tells the model what to say or ask next."""
    return ToolOutcome(json.dumps({"error": error, "ask": ask}, ensure_ascii=False), ok=False)
