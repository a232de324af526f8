"""What can go wrong with one request to the language model, and whether another may help."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx2
import openai

from voicecore.errors import LlmError

RETRY_DELAY_S = 0.1
LONGEST_RETRY_DELAY_S = 0.5
"""A server that asks for a longer pause is not asked again during this reply."""
TIMEOUT = "timeout"

_RETRYABLE_STATUS = frozenset((408, 409, 429))
_HOPELESS_CODES = frozenset(
    ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
)
_OTHER_MODEL_MAY_HELP = frozenset((403, 404))


class AttemptFailed(Exception):
    """One try went wrong; `delay_s` is when the next may start."""

    def __init__(self, error: LlmError, delay_s: float = RETRY_DELAY_S) -> None:
        super().__init__(error)
        self.error = error
        self.delay_s = delay_s


def left_to_try(tried: str, models: list[str], failure: AttemptFailed) -> list[str]:
    """Return the models of `models` that are worth a try after `tried` failed."""
    error = failure.error
    others = [name for name in models if name != tried]
    if error.reason == TIMEOUT and others:
        # The caller has waited long enough for this one.
        return others
    if error.status in _OTHER_MODEL_MAY_HELP or failure.delay_s > LONGEST_RETRY_DELAY_S:
        return others
    return models if error.retryable else []


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Turn what the client raises into `AttemptFailed`."""
    try:
        yield
    except openai.APIStatusError as error:
        raise _status_failure(error) from error
    except openai.APITimeoutError as error:
        raise AttemptFailed(LlmError(TIMEOUT, retryable=True)) from error
    except openai.APIConnectionError as error:
        raise AttemptFailed(LlmError("connection", retryable=True)) from error
    except openai.APIError as error:
        hopeless = error.code in _HOPELESS_CODES
        reason = f"error in stream: {error.code or error.type}"
        raise AttemptFailed(LlmError(reason, retryable=not hopeless)) from error
    except TimeoutError as error:
        raise AttemptFailed(LlmError(TIMEOUT, retryable=True)) from error
    except ValueError as error:
        raise AttemptFailed(LlmError("not JSON", retryable=True)) from error


def _status_failure(error: openai.APIStatusError) -> AttemptFailed:
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
    return AttemptFailed(failed, _wanted_delay_s(headers))


def _wanted_delay_s(headers: httpx2.Headers) -> float:
    for name, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with contextlib.suppress(ValueError):
            return max(0.0, float(headers.get(name, "")) / per_second)
    return RETRY_DELAY_S
