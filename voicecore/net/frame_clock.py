"""The one clock of a worker: everything that is to be sent at a certain time, for all calls.

A timer for each call would wake the loop for each frame of each call. Here all calls share one
timer on a grid of a few milliseconds, which stands still while nobody has anything due.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import ClassVar
from weakref import WeakKeyDictionary

TICK_S = 0.005
"""The grid. What is due is done at most this much later: far less than the playout's lead."""

_ROUNDING_S = 0.001
"""The loop counts whole milliseconds."""


class FrameClock:
    """Calls each callback once when its time has come; `of` gives the clock of this loop."""

    _clocks: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, FrameClock]] = (
        WeakKeyDictionary()
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[Callable[[], None], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tick_at = math.inf

    @classmethod
    def of_running_loop(cls) -> FrameClock:
        """Return the clock that everybody on the running loop shares."""
        loop = asyncio.get_running_loop()
        clock = cls._clocks.get(loop)
        if clock is None:
            clock = cls._clocks[loop] = cls(loop)
        return clock

    def call_at(self, due_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` soon after `due_s` of the loop's clock, and not when it was to be before.

        The same callback must be given again to replace it or to `cancel` it.
        """
        self._due[callback] = due_s
        self._tick_by(due_s)

    def cancel(self, callback: Callable[[], None]) -> None:
        """Forget `callback`; harmless when it is not due at all."""
        self._due.pop(callback, None)

    def _tick_by(self, due_s: float) -> None:
        tick_at = math.ceil(due_s / TICK_S) * TICK_S
        if tick_at >= self._tick_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._tick_at = tick_at
        self._timer = self._loop.call_at(tick_at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._tick_at = math.inf
        now_s = self._loop.time() + _ROUNDING_S
        ready = [callback for callback, due_s in self._due.items() if due_s <= now_s]
        for callback in ready:
            # One callback may cancel the next.
            if self._due.pop(callback, None) is not None:
                callback()
        if self._due:
            self._tick_by(max(min(self._due.values()), self._loop.time() + _ROUNDING_S))
