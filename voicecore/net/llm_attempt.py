"""One request to the language model, as it is counted and logged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from voicecore.net.llm_answer import Usage


class Outcome(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """We stopped it, because the caller spoke or hung up; the server then tells no tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmAttempt:
    """What one request cost; times in milliseconds from its sending.

    `usage` is None where the server told no tokens, `first_word_ms` where no word came.
    """

    model: str
    outcome: Outcome
    reason: str
    usage: Usage | None
    first_word_ms: float | None
    duration_ms: float


AttemptSink = Callable[[LlmAttempt], None]
