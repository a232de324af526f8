"""Why a value was not taken from the caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class SlotProblem:
    """A word for the log, and what the model should ask the caller."""

    error: str
    ask: str


@dataclass(frozen=True, slots=True)
class DayQuestion(SlotProblem):
    """Several days that the caller may mean; `is_next_weekday`: because they said "next"."""

    days: tuple[date, ...] = ()
    is_next_weekday: bool = False
