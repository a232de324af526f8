"""The telephone line of one call: a 20 ms clock that never drifts, the caller at one end of it.

Theory of operation. Tick `k` is due `k` x 20 ms after the call was answered, whatever happened to
the ticks before it; a late tick is made up for at once. At a tick the frame that has just ended
goes to whoever listens (the media stream), the caller gives the frame that begins now, and the
playout moves on. So nothing the caller says depends on what they have not heard yet, and a frame
leaves when its last sample has been spoken, as on a real line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Protocol

from voicecore.audio.mulaw import FRAME_BYTES, FRAME_MS
from voicecore.sandbox.call_record import CallRecord, Key
from voicecore.sandbox.twilio_buffer import PlayoutModel

FRAME_S = FRAME_MS / 1000


class LineCaller(Protocol):
    """The person at the end of the line."""

    def connect(self, line: Line) -> None:
        """Take the line, before it is answered."""

    def next_frame(self, at_s: float) -> bytes:
        """Return the 160 bytes spoken from `at_s` on."""

    def on_tick(self) -> None:
        """Notice that 20 ms have passed, or that the line went dead."""


class Line:
    """One call's clock and sound; `run` is its heart beat."""

    def __init__(self, caller: LineCaller) -> None:
        self.record = CallRecord()
        self.answered = False
        self.over = False
        self.hung_up = asyncio.Event()
        """Set when the caller hangs up."""
        self._caller = caller
        self._zero_s = 0.0
        self._spoken: bytes | None = None
        self._settle: Callable[[], None] | None = None
        self._ends_s = 0.0
        self._listener: Callable[[bytes, float], None] | None = None
        self._key_listener: Callable[[str], None] | None = None
        caller.connect(self)

    def now_s(self) -> float:
        """Return the call's clock: seconds since it was answered, 0 before, still at the end."""
        if not self.answered:
            return 0.0
        return self._ends_s if self.over else asyncio.get_running_loop().time() - self._zero_s

    def loop_time(self, at_s: float) -> float:
        """Return the event loop's time at `at_s` of the call."""
        return self._zero_s + at_s

    def hear(self, playout: PlayoutModel | None, settle: Callable[[], None] | None = None) -> None:
        """Let the caller hear `playout` from now on; None: nothing.

        `settle` is called at every tick to advance the playout and deal with its marks.
        """
        self._settle = settle
        if playout is not None:
            self.record.playouts.append(playout)

    def listen(
        self,
        on_frame: Callable[[bytes, float], None] | None,
        on_key: Callable[[str], None] | None = None,
    ) -> None:
        """Send the caller's frames (with the time of their first sample) and keys to these."""
        self._listener = on_frame
        self._key_listener = on_key

    def press(self, digit: str) -> None:
        """Take a key that the caller presses."""
        self.record.keys.append(Key(self.now_s(), digit))
        if self._key_listener is not None:
            self._key_listener(digit)

    def hang_up(self) -> None:
        """Take it that the caller put the receiver down."""
        self.hung_up.set()

    def answer(self) -> None:
        """Set the clock to zero; `run` must follow at once."""
        self._zero_s = asyncio.get_running_loop().time()
        self.answered = True

    async def run(self) -> None:
        """Keep the answered line alive until cancelled."""
        loop = asyncio.get_running_loop()
        for tick in count():
            wait_s = self._zero_s + tick * FRAME_S - loop.time()
            # Zero still gives way to the others, so that catching up does not starve them.
            await asyncio.sleep(max(0.0, wait_s))
            self._tick(tick)

    def end(self) -> None:
        """Stop the clock for good; the caller notices."""
        if not self.over:
            self._ends_s = self.now_s()
            self.over = True
            self._caller.on_tick()

    def _tick(self, tick: int) -> None:
        at_s = tick * FRAME_S
        if self._spoken is not None and self._listener is not None:
            self._listener(self._spoken, at_s - FRAME_S)
        self._spoken = self._caller.next_frame(at_s)
        if len(self._spoken) != FRAME_BYTES:
            raise ValueError(f"a caller's frame has {len(self._spoken)} bytes")
        self.record.said += self._spoken
        if self._settle is not None:
            self._settle()
        self._caller.on_tick()
