"""A session as the registries of calls see it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from voicecore.call.events import HangupCause
from voicecore.call_info import CallInfo
from voicecore.dialog.reminder import Reminder


class Session:
    """Counts what it is told."""

    def __init__(self, call_sid: str) -> None:
        self.info = CallInfo(call_sid, "AC1", None, None, datetime.now(UTC))
        self.reminder: Reminder | None = None
        self.cause: HangupCause | None = None
        self.prepared = self.discarded = self.asked_to_end = self.told_over = 0

    def prepare(self) -> None:
        self.prepared += 1

    async def discard(self) -> None:
        await asyncio.sleep(0)
        self.discarded += 1

    def shut_down(self) -> None:
        self.asked_to_end += 1

    def stream_is_over(self) -> None:
        self.told_over += 1


def session(call_sid: str = "CA1") -> Any:
    """One that can stand in for a `CallSession`."""
    return Session(call_sid)
