"""The timers of one call, on the event loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicecore.call.events import Timer


class TimerSet:
    """At most one running timer of each name; `on_due` is called in the loop when one is due."""

    __slots__ = ("_handles", "_loop", "_on_due")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_due: Callable[[Timer], None]) -> None:
        self._loop = loop
        self._on_due = on_due
        self._handles: dict[Timer, asyncio.TimerHandle] = {}

    def set(self, timer: Timer, at: float) -> None:
        """Fire `timer` at `at` seconds of the loop's clock, replacing a running one."""
        self.cancel(timer)
        self._handles[timer] = self._loop.call_at(at, self._fire, timer)

    def cancel(self, timer: Timer) -> None:
        """Stop `timer` if it runs."""
        handle = self._handles.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Stop every timer."""
        for timer in tuple(self._handles):
            self.cancel(timer)

    def _fire(self, timer: Timer) -> None:
        self._handles.pop(timer, None)
        self._on_due(timer)
