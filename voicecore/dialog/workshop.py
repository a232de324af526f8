"""What the dialog needs of the workshop: extra work to be approved, and who will come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Estimate(Protocol):
    """Extra work that the workshop proposes; it waits for the customer's word."""

    @property
    def estimate_id(self) -> int: ...
    @property
    def appointment_id(self) -> int: ...
    @property
    def work(self) -> str: ...
    @property
    def price_cents(self) -> int: ...


class Workshop(Protocol):
    """The workshop as the dialog sees it; every call has its own deadline inside."""

    async def open_estimates(self, customer_id: int) -> Sequence[Estimate]:
        """Return the extra work of this customer's cars that waits for an answer."""
        ...

    async def answer_estimate(
        self, estimate_id: int, *, customer_id: int, approved: bool, call_sid: str
    ) -> bool:
        """Pass the answer on; False: it does not wait any more, or is not this customer's."""
        ...

    async def confirm_visit(self, appointment_id: int, *, customer_id: int, call_sid: str) -> bool:
        """Note that the customer will come; False: they have no such appointment."""
        ...


class NoWorkshop:
    """A workshop that proposes nothing and cannot be told anything."""

    async def open_estimates(self, customer_id: int) -> Sequence[Estimate]:
        """Return nothing."""
        return ()

    async def answer_estimate(
        self, estimate_id: int, *, customer_id: int, approved: bool, call_sid: str
    ) -> bool:
        """Refuse."""
        return False

    async def confirm_visit(self, appointment_id: int, *, customer_id: int, call_sid: str) -> bool:
        """Refuse."""
        return False
