"""What stands between a caller and other people's data besides the code of the tools."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from voicecore.dialog.ports import AttemptLimiter, RowGuard


class NoRowGuard:
    """For directories and schedules without a database of their own behind them."""

    def acting_as(self, customer_id: int | None) -> AbstractContextManager[None]:
        """Limit nothing."""
        return nullcontext()

    def as_shop(self) -> AbstractContextManager[None]:
        """Lift nothing."""
        return nullcontext()


class NoAttemptLimiter:
    """Counts nothing; the limit of the single call holds all the same."""

    async def may_try(self, line_e164: str | None, claimed_e164: str) -> bool:
        """Let everybody try."""
        return True

    async def note_miss(self, line_e164: str | None, claimed_e164: str) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class Safeguards:
    """The safeguards of a worker; all of its calls share them."""

    rows: RowGuard = field(default_factory=NoRowGuard)
    attempts: AttemptLimiter = field(default_factory=NoAttemptLimiter)
    own_line_proves: bool = True
    """Whether the number of the line, said over that line, is a fact; it can be forged."""
