"""What was said and done on the call, as the language model may know it.

Only words that the caller heard are kept of the agent's speech; every tool call has its result.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallerSaid:
    """One committed turn of the caller; pressed digits appear as spoken digits."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """Words of the agent that were heard; `complete` is False where the caller cut them off."""

    turn: int
    text: str
    complete: bool


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """A tool call of the model and its result; `content` is the JSON that the model reads."""

    turn: int
    call_id: str
    name: str
    arguments: str
    content: str
    ok: bool


HistoryItem = CallerSaid | AgentSaid | ToolUsed
