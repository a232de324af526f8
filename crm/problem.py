"""What is wrong with a value that a caller gave, and what to ask them about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that cannot be taken.

    `field` names it, `error` is a word for the log, and `ask` is a question for the caller. None
    of them repeats the value.
    """

    field: str
    error: str
    ask: str
