"""What background jobs need of the telephone, as structural types; `cli.py` joins the two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class DialOutcome(Protocol):
    """What came of a call or a text that was asked for.

    `sid` is there when it was taken. Without one, `unknown` says that it may have been taken all
    the same, and `retryable` that the same again can succeed; `reason` is for people.
    """

    @property
    def sid(self) -> str | None: ...
    @property
    def unknown(self) -> bool: ...
    @property
    def retryable(self) -> bool: ...
    @property
    def reason(self) -> str: ...


class FoundCall(Protocol):
    """A call as the telephone company has it; `status` is Twilio's word."""

    @property
    def call_sid(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def created_at(self) -> datetime | None: ...
    @property
    def is_over(self) -> bool: ...


class Dialer(Protocol):
    """Places calls through the gate; nothing of it raises for a telephone company that fails."""

    def admits(self, to_e164: str) -> bool:
        """Say whether the gate is open for a number."""
        ...

    async def dial(self, to_e164: str, attempt_id: int) -> DialOutcome:
        """Ring somebody; the attempt's number comes back with the call's webhooks."""
        ...

    async def calls_to(self, to_e164: str) -> Sequence[FoundCall] | None:
        """Return our latest calls to a number; None: no answer."""
        ...

    async def leave_message(self, call_sid: str) -> bool:
        """Speak the message for mailboxes on a live call and hang up; False: it was not taken."""
        ...

    async def find_call(self, call_sid: str) -> FoundCall | None:
        """Return a call as it stands; None: no answer, or there is no such call."""
        ...
