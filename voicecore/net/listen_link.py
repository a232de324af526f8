"""One connection to Deepgram's listener: audio out, messages in, until it is lost.

A link lives shorter than a call. What outlives it (the audio that no final result covers yet, the
wish for a `Finalize`) belongs to `ListenerAudio`, which every link of a call shares.

Clocks: Deepgram counts seconds from the first byte of the connection. A link starts with audio
from the middle of the call, or with silence that the call never had; `offset_s` turns Deepgram's
seconds into seconds of the call's own audio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, assert_never

import aiohttp
import structlog

from voicecore.audio.mulaw import BYTES_PER_MS, SILENCE_BYTE
from voicecore.errors import DeepgramProtocolError
from voicecore.net.deepgram_socket import SEND_ERRORS, close_reason, receive
from voicecore.net.replay import ReplayBuffer
from voicecore.net.tasks import race
from voicecore.wire import deepgram_listen
from voicecore.wire.deepgram_listen import (
    ErrorMessage,
    ListenMessage,
    Metadata,
    Results,
    SpeechStarted,
    Unknown,
    UtteranceEnd,
)

log = structlog.get_logger()

HeardMessage = Results | SpeechStarted | UtteranceEnd

GARBAGE_LIMIT = 5
"""So many unreadable messages in a row and the connection is given up."""
CHUNK_BYTES = 250 * BYTES_PER_MS
"""Largest audio message. Source: Deepgram: 20 to 250 ms each."""
_BYTES_PER_S = 1000 * BYTES_PER_MS
_OPENING_SILENCE = bytes([SILENCE_BYTE]) * (20 * BYTES_PER_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTimings:
    """Deadlines of a connection, in seconds.

    `keep_alive_s`: pause in the audio after which `KeepAlive` is sent. `deaf_s`: so much of the
    caller's voice without any message means that nobody listens. `send_timeout_s`: a send that
    blocks this long means a dead socket. `tick_s`: how often these are looked at.
    """

    keep_alive_s: float = 4.0
    deaf_s: float = 3.0
    send_timeout_s: float = 2.0
    tick_s: float = 0.25


class ListenerAudio:
    """What the links of one call hand on to each other.

    `voiced_since` is when the caller's voice began, while it lasts; `unanswered_s` adds up
    earlier runs of voice since the last message. `finalize_at` is the position behind which a
    `Finalize` is wanted.
    """

    __slots__ = ("buffer", "closing", "finalize_at", "unanswered_s", "voiced_since", "wake")

    def __init__(self, capacity_bytes: int) -> None:
        self.buffer = ReplayBuffer(capacity_bytes)
        self.wake = asyncio.Event()
        self.finalize_at: int | None = None
        self.voiced_since: float | None = None
        self.unanswered_s = 0.0
        self.closing = False

    def voice(self, active: bool, now_s: float) -> None:
        """Note that the caller's voice began or ended."""
        if active and self.voiced_since is None:
            self.voiced_since = now_s
        elif not active and self.voiced_since is not None:
            self.unanswered_s += now_s - self.voiced_since
            self.voiced_since = None

    def answered(self, now_s: float) -> None:
        """Note that a message came: somebody listens."""
        self.unanswered_s = 0.0
        if self.voiced_since is not None:
            self.voiced_since = now_s

    def unanswered_voice_s(self, now_s: float) -> float:
        """Seconds of the caller's voice since the last message or connection."""
        running = 0.0 if self.voiced_since is None else now_s - self.voiced_since
        return self.unanswered_s + running


class ListenLink:
    """Runs one open socket; `answered` says whether Deepgram has sent anything sensible on it."""

    def __init__(
        self,
        ws: aiohttp.ClientWebSocketResponse,
        audio: ListenerAudio,
        *,
        on_message: Callable[[HeardMessage], None],
        clock: Callable[[], float],
        timings: LinkTimings,
    ) -> None:
        self._ws = ws
        self._audio = audio
        self._on_message = on_message
        self._clock = clock
        self._timings = timings
        self._garbage = 0
        self._sending_since: float | None = None
        self._finalize_sent_at: int | None = None
        self.answered = False
        now_s = clock()
        audio.answered(now_s)
        self._last_sent_at = now_s
        start = audio.buffer.rewind()
        self._lost_bytes = audio.buffer.lost_bytes
        self._opening = _OPENING_SILENCE if start == audio.buffer.end else b""
        self.offset_s = (start - len(self._opening)) / _BYTES_PER_S
        audio.wake.set()

    async def run(self) -> str:
        """Serve the socket until it is lost or has ended; returns the reason.

        A `Finalize` that was not answered is asked for again on the next link.
        """
        try:
            return await race(self._read(), self._write(), self._watch(), name="listen_link")
        finally:
            if self._finalize_sent_at is not None and self._audio.finalize_at is None:
                self._audio.finalize_at = self._finalize_sent_at

    async def _read(self) -> str:
        while True:
            message = await receive(self._ws)
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._reject("a binary message")
            else:
                return close_reason(message)
            if self._garbage >= GARBAGE_LIMIT:
                return "unreadable messages"

    def _take(self, text: str) -> None:
        try:
            message = deepgram_listen.parse(text)
        except DeepgramProtocolError as error:
            self._reject(error.reason)
            return
        self._garbage = 0
        self.answered = True
        self._audio.answered(self._clock())
        self._deliver(message)

    def _reject(self, reason: str) -> None:
        self._garbage += 1
        log.warning("listen_message_rejected", reason=reason, in_a_row=self._garbage)

    def _deliver(self, message: ListenMessage) -> None:
        match message:
            case Results():
                self._on_message(self._results(message))
            case UtteranceEnd(last_word_end_s):
                # A negative value means unknown and stays what it is.
                shift_s = self.offset_s if last_word_end_s >= 0 else 0.0
                self._on_message(UtteranceEnd(last_word_end_s + shift_s))
            case SpeechStarted(timestamp_s):
                self._on_message(SpeechStarted(max(0.0, timestamp_s + self.offset_s)))
            case ErrorMessage(variant=variant, description=description):
                log.warning("listen_error_message", variant=variant, description=description)
            case Metadata() | Unknown():
                log.debug("listen_message_ignored", type=type(message).__name__)
            case _:
                assert_never(message)

    def _results(self, heard: Results) -> Results:
        """Move a result to the call's clock and forget the audio that a final one covers."""
        covered = round((heard.end_s + self.offset_s) * _BYTES_PER_S)
        if heard.is_final:
            self._audio.buffer.cover(covered)
            sent_at = self._finalize_sent_at
            if heard.from_finalize or (sent_at is not None and covered >= sent_at):
                self._finalize_sent_at = None
        offset_s = self.offset_s
        words = tuple(
            replace(
                word,
                start_s=max(0.0, word.start_s + offset_s),
                end_s=max(0.0, word.end_s + offset_s),
            )
            for word in heard.words
        )
        return replace(heard, start_s=max(0.0, heard.start_s + offset_s), words=words)

    async def _write(self) -> str:
        audio = self._audio
        try:
            if self._opening:
                await self._send(self._ws.send_bytes(self._opening))
            while True:
                await audio.wake.wait()
                audio.wake.clear()
                while chunk := audio.buffer.take(CHUNK_BYTES):
                    await self._send(self._ws.send_bytes(chunk))
                    await self._finalize_if_due()
                await self._finalize_if_due()
                if audio.closing:
                    await self._send(self._ws.send_str(deepgram_listen.CLOSE_STREAM))
                    # Deepgram ends the connection after its last results; the reader sees that.
                    await asyncio.get_running_loop().create_future()
        except SEND_ERRORS as error:
            return f"send failed: {type(error).__name__}"

    async def _finalize_if_due(self) -> None:
        wanted = self._audio.finalize_at
        if wanted is not None and self._audio.buffer.taken >= wanted:
            self._audio.finalize_at = None
            self._finalize_sent_at = wanted
            await self._send(self._ws.send_str(deepgram_listen.FINALIZE))

    async def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        # A deadline of its own would cost a timer for every 20 ms of audio; the watch has one.
        self._sending_since = self._last_sent_at = self._clock()
        await sending
        self._sending_since = None

    async def _watch(self) -> str:
        """Send `KeepAlive` in pauses; return when the socket or its other side is dead."""
        while True:
            await asyncio.sleep(self._timings.tick_s)
            now_s = self._clock()
            reason = self._death(now_s)
            if reason is not None:
                return reason
            idle_s = now_s - self._last_sent_at
            if self._sending_since is None and idle_s >= self._timings.keep_alive_s:
                self._last_sent_at = now_s
                try:
                    async with asyncio.timeout(self._timings.send_timeout_s):
                        await self._ws.send_str(deepgram_listen.KEEP_ALIVE)
                except SEND_ERRORS as error:
                    return f"send failed: {type(error).__name__}"

    def _death(self, now_s: float) -> str | None:
        since = self._sending_since
        if since is not None and now_s - since > self._timings.send_timeout_s:
            return "send blocked"
        if self._audio.unanswered_voice_s(now_s) > self._timings.deaf_s:
            return "no answer to the caller's voice"
        if self._audio.buffer.lost_bytes > self._lost_bytes:
            return "audio fell out unsent"
        return None
