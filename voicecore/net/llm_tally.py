"""Counts what the language model has cost one call, and logs each request."""

from __future__ import annotations

from collections import Counter

import structlog

from voicecore.net.llm_attempt import LlmAttempt

log = structlog.get_logger()


class LlmTally:
    """The requests of one call; `stats` goes into the call's row."""

    def __init__(self, call_sid: str) -> None:
        self._log = log.bind(call_sid=call_sid)
        self._outcomes: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._models: Counter[str] = Counter()

    def add(self, turn: int, attempt: LlmAttempt) -> None:
        """Count one request, made for `turn`, and log it."""
        self._outcomes[attempt.outcome.value] += 1
        self._models[attempt.model] += 1
        usage = attempt.usage
        if usage is not None:
            self._tokens["prompt_tokens"] += usage.prompt_tokens
            self._tokens["cached_tokens"] += usage.cached_tokens
            self._tokens["completion_tokens"] += usage.completion_tokens
        self._log.info(
            "llm_request",
            turn=turn,
            model=attempt.model,
            outcome=attempt.outcome.value,
            reason=attempt.reason,
            prompt_tokens=usage.prompt_tokens if usage else None,
            cached_tokens=usage.cached_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            first_word_ms=attempt.first_word_ms,
            duration_ms=attempt.duration_ms,
        )

    @property
    def stats(self) -> dict[str, object]:
        """Requests by outcome and by model, and the tokens that the servers have told."""
        return {
            "requests": self._outcomes.total(),
            **dict(self._outcomes),
            "prompt_tokens": self._tokens["prompt_tokens"],
            "cached_tokens": self._tokens["cached_tokens"],
            "completion_tokens": self._tokens["completion_tokens"],
            "models": dict(self._models),
        }
