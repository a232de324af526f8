"""The one writer of a Twilio media socket: paced audio, marks, and a `clear` that overtakes them.

Everything that goes to the caller passes through here, without waiting: what the playout says is
due goes to the socket at once, and so does a `clear`, so that no frame can slip out behind it. A
`clear` that is asked for while a batch is being written leaves the rest of the batch behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicecore.audio.playout import Media, Playout
from voicecore.net.frame_clock import FrameClock
from voicecore.net.media_socket import MediaSocket
from voicecore.wire import twilio_media

DRAIN_CHECK_S = 0.02
"""How often a fully sent reply is checked for having been heard when no mark comes back."""
BLOCKED_CHECK_S = 0.02
"""How often a socket is looked at that takes no more bytes."""


class OutboundAudio:
    """Sends one call's playout over its socket.

    `on_started(turn)` is called when the first frame of a reply went out, `on_frame(payload)` for
    all audio that went out, `on_drained(turn)` when everything written so far has been heard.
    """

    def __init__(
        self,
        socket: MediaSocket,
        stream_sid: str,
        playout: Playout,
        *,
        clock: Callable[[], float],
        on_started: Callable[[int], None],
        on_drained: Callable[[int], None],
        on_frame: Callable[[bytes], None],
    ) -> None:
        self._socket = socket
        self._stream_sid = stream_sid
        self._playout = playout
        self._clock = clock
        self._on_started = on_started
        self._on_drained = on_drained
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self._frame_clock = FrameClock.of_running_loop()
        self._look = self._look_again
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._woken = False
        self._clears = 0
        self._announced: int | None = None
        self._awaiting_drain: int | None = None

    def wake(self) -> None:
        """Look at the playout again: audio was written, resumed or is complete."""
        # Not at once: who wakes us is often inside a callback of ours.
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._look)

    def mark_echoed(self) -> None:
        """Look whether the mark that came back was the last one that was waited for."""
        if self._awaiting_drain is not None:
            self.wake()

    def clear(self) -> None:
        """Send Twilio's `clear` now; what is being written stops."""
        self._clears += 1
        self._send(twilio_media.clear(self._stream_sid))
        self.wake()

    def expect_drain(self, turn: int) -> None:
        """Report once when all audio of `turn` has been heard."""
        self._awaiting_drain = turn
        self.wake()

    def close(self) -> None:
        """Let `run` return; what is queued stays unsent."""
        self._frame_clock.cancel(self._look)
        if not self._ended.done():
            self._ended.set_result(None)

    async def run(self) -> None:
        """Write until `close`.

        Raises:
            TimeoutError: the peer takes no more bytes.
            ConnectionError: the socket is gone.
        """
        self.wake()
        try:
            await self._ended
        finally:
            self.close()

    def _look_again(self) -> None:
        self._woken = False
        if self._ended.done():
            return
        try:
            blocked = self._socket.is_blocked()
        except TimeoutError as error:
            self._fail(error)
            return
        if not blocked:
            self._write_due()
            self._check_drained()
        due_s = self._clock() + BLOCKED_CHECK_S if blocked else self._next_due_s()
        if self._ended.done() or due_s is None:
            self._frame_clock.cancel(self._look)
        else:
            self._frame_clock.call_at(due_s, self._look)

    def _write_due(self) -> None:
        if self._playout.paused:
            return
        clears = self._clears
        for outgoing in self._playout.pump(self._clock()):
            if clears != self._clears or outgoing.generation != self._playout.generation:
                return
            if isinstance(outgoing, Media):
                if not self._send(twilio_media.media(self._stream_sid, outgoing.payload)):
                    return
                self._sent(outgoing)
            elif not self._send(twilio_media.mark(self._stream_sid, outgoing.name)):
                return

    def _send(self, text: str) -> bool:
        """Send `text`; False once the socket has ended."""
        if self._ended.done():
            return False
        try:
            self._socket.send(text)
        except ConnectionError as error:
            self._fail(error)
            return False
        return True

    def _fail(self, error: OSError) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

    def _sent(self, media: Media) -> None:
        self._on_frame(media.payload)
        turn = self._playout.turn
        if turn is not None and turn != self._announced:
            self._announced = turn
            self._on_started(turn)

    def _check_drained(self) -> None:
        turn = self._awaiting_drain
        if turn is None or self._playout.paused:
            return
        if self._playout.turn != turn:
            self._awaiting_drain = None
        elif self._playout.is_drained(self._clock()):
            self._awaiting_drain = None
            self._on_drained(turn)

    def _next_due_s(self) -> float | None:
        now_s = self._clock()
        due_s = self._playout.next_due_s(now_s)
        if self._awaiting_drain is not None and not self._playout.paused:
            check_s = now_s + DRAIN_CHECK_S
            due_s = check_s if due_s is None else min(due_s, check_s)
        return due_s
