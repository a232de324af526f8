"""The one writer of a Twilio media socket: paced audio, marks, and a `clear` that overtakes them.

Everything that goes to the caller passes through `run`, so that no frame can slip out behind a
`clear`: the playout decides what is due, and a `clear` that was asked for while a batch was being
written goes next, the rest of the batch staying behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicecore.audio.playout import Media, Playout
from voicecore.net.media_socket import MediaSocket
from voicecore.wire import twilio_media

DRAIN_CHECK_S = 0.02
"""How often a fully sent reply is checked for having been heard when no mark comes back."""


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
        self._wake = asyncio.Event()
        self._clear_due = False
        self._closing = False
        self._announced: int | None = None
        self._awaiting_drain: int | None = None

    def wake(self) -> None:
        """Look at the playout again: audio was written, resumed or is complete."""
        self._wake.set()

    def clear(self) -> None:
        """Send Twilio's `clear` before anything else."""
        self._clear_due = True
        self._wake.set()

    def expect_drain(self, turn: int) -> None:
        """Report once when all audio of `turn` has been heard."""
        self._awaiting_drain = turn
        self._wake.set()

    def close(self) -> None:
        """Let `run` return; what is queued stays unsent."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Write until `close`.

        Raises:
            TimeoutError: the peer takes no more bytes.
            ConnectionError: the socket is gone.
        """
        loop = asyncio.get_running_loop()
        while not self._closing:
            self._wake.clear()
            await self._write_due()
            self._check_drained()
            if self._clear_due or self._closing or self._wake.is_set():
                continue
            due_s = self._next_due_s()
            handle = None if due_s is None else loop.call_at(due_s, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                if handle is not None:
                    handle.cancel()

    async def _write_due(self) -> None:
        if self._clear_due:
            self._clear_due = False
            await self._socket.send(twilio_media.clear(self._stream_sid))
        if self._playout.paused:
            return
        for outgoing in self._playout.pump(self._clock()):
            if self._clear_due or self._closing or outgoing.generation != self._playout.generation:
                return
            if isinstance(outgoing, Media):
                await self._socket.send(twilio_media.media(self._stream_sid, outgoing.payload))
                self._sent(outgoing)
            else:
                await self._socket.send(twilio_media.mark(self._stream_sid, outgoing.name))

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
