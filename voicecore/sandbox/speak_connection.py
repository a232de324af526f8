"""One connection to the stand-in of `/v1/speak`: text in, audio out, and the truth of both.

Source: Deepgram, Text to Speech Streaming reference (asyncapi of 2026-07-22); Flush, Clear and
Close; TTS WebSocket limits.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSMsgType, web

from voicecore.audio import mulaw
from voicecore.sandbox.deepgram_knobs import SpeakKnobs
from voicecore.sandbox.deepgram_query import SpeakQuery
from voicecore.sandbox.voice import EspeakVoice, Speech

AGENT_VOICE: Final = "en-us+f1"
MAX_TEXT_CHARS: Final = 2_000

_RATE_WPM = 170
_BYTES_PER_S = mulaw.SAMPLE_RATE_HZ
_STALL_POLL_S = 0.02
_REASONS = {
    "MESSAGE-0000": "Binary messages are not supported. See https://dpgr.am/message0000",
    "DATA-0000": "The message could not be decoded. See https://dpgr.am/data0000",
    "DATA-0001": "Text exceeded the throughput limit. See https://dpgr.am/data0001",
    "BIG-0001": "Text is longer than 2000 characters. See https://dpgr.am/big0001",
    "NET-0001": "No text was received within the timeout window. See https://dpgr.am/net0001",
    "NET-0003": "The connection reached its longest duration. See https://dpgr.am/net0003",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakLimits:
    """The vendor's limits; tests make them small.

    Attributes:
        flushes: flushes obeyed within any `flush_window_s`; one more earns a Warning.
        chars: characters within any `chars_window_s`; more closes the connection.
        first_text_s: how long a connection may wait for its first message.
        longest_s: life of a connection, even if active.
    """

    flushes: int = 20
    flush_window_s: float = 60.0
    chars: int = 2_400
    chars_window_s: float = 60.0
    first_text_s: float = 60.0
    longest_s: float = 3_600.0


@dataclass(slots=True)
class SpokenSegment:
    """One stretch of text that was spoken: the truth to compare heard text with.

    `sent_bytes` is how much of `speech.audio` left the server; `is_cleared` that a Clear cut it.
    """

    speech: Speech
    sent_bytes: int = 0
    is_cleared: bool = False


@dataclass(slots=True)
class _Speaking:
    """Text to be spoken, not before `due`; `is_flush` asks for Flushed behind it."""

    text: str
    due: float
    is_flush: bool


@dataclass(slots=True)
class _Clearing:
    """The fence that a Clear puts into the queue."""


@dataclass(slots=True)
class _Closing:
    """The end of the connection, after everything before it."""

    code: int
    reason: str


class SpeakConnection:
    """One open socket: what was asked, what was spoken, and faults on demand."""

    def __init__(
        self, *, query: SpeakQuery, knobs: SpeakKnobs, voice: EspeakVoice, limits: SpeakLimits
    ) -> None:
        self.request_id = str(uuid.uuid4())
        self.query = query
        self.knobs = knobs
        self.controls: list[str] = []
        """Types of the messages received."""
        self.segments: list[SpokenSegment] = []
        """Everything of which audio was made, in order."""
        self.sent_bytes = 0
        """µ-law sent."""
        self._voice = voice
        self._limits = limits
        self._text = ""
        self._jobs: deque[_Speaking | _Clearing | _Closing] = deque()
        self._wake = asyncio.Event()
        self._flushes: deque[float] = deque()
        self._chars: deque[tuple[float, int]] = deque()
        self._flushed = 0
        self._cleared = 0
        self._pace_from = 0.0
        self._is_garbage_sent = False
        self._transport: asyncio.Transport | None = None

    @property
    def spoken(self) -> list[Speech]:
        """Each spoken stretch with its text, audio and word times."""
        return [segment.speech for segment in self.segments]

    def drop(self) -> None:
        """Cut the socket with no close frame: the client sees 1006."""
        if self._transport is not None:
            self._transport.abort()

    def close(self, code: int, reason: str = "") -> None:
        """Close the socket from our side, without what is still queued."""
        self._jobs.clear()
        self._add(_Closing(code, reason))

    async def run(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        """Serve the socket until either side ends it."""
        self._transport = transport
        async with asyncio.TaskGroup() as group:
            speaker = group.create_task(self._speak(ws))
            if not await self._read(ws):
                speaker.cancel()

    # --- what comes in ------------------------------------------------------------------------

    async def _read(self, ws: web.WebSocketResponse) -> bool:
        """Obey what comes; return whether we close the socket (the peer has not)."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._limits.longest_s
        first_by = clock() + self._limits.first_text_s
        while True:
            deadline = ends_at if self.controls else min(ends_at, first_by)
            try:
                message = await ws.receive(timeout=max(0.001, deadline - clock()))
            except TimeoutError:
                self._fail(1011, "NET-0003" if clock() >= ends_at else "NET-0001")
                return True
            if message.type is WSMsgType.BINARY:
                self._fail(1003, "MESSAGE-0000")
                return True
            if message.type is not WSMsgType.TEXT:
                return False
            if await self._take_text(ws, message.data, clock()):
                return True

    async def _take_text(self, ws: web.WebSocketResponse, text: str, now: float) -> bool:
        """Obey one message; return whether it ends the connection."""
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, TypeError, KeyError):
            kind = None
        if isinstance(kind, str):
            self.controls.append(kind)
        match kind:
            case "Speak" if isinstance(message.get("text"), str):
                return self._take_speak(message["text"], now)
            case "Flush":
                await self._take_flush(ws, now)
            case "Clear":
                self._take_clear()
            case "Close":
                self._add(_Closing(1000, ""))
                return True
            case _:
                self._fail(1008, "DATA-0000")
                return True
        return False

    def _take_speak(self, text: str, now: float) -> bool:
        if len(text) > MAX_TEXT_CHARS:
            self._fail(1009, "BIG-0001")
            return True
        self._chars.append((now, len(text)))
        while self._chars[0][0] <= now - self._limits.chars_window_s:
            self._chars.popleft()
        if sum(count for _, count in self._chars) > self._limits.chars:
            self._fail(1008, "DATA-0001")
            return True
        self._text += text
        if self.knobs.speaks_sentences_early:
            end = max((match.end() for match in re.finditer(r"[.!?]\s", self._text)), default=0)
            if end:
                self._queue_speech(self._text[:end], now, is_flush=False)
                self._text = self._text[end:]
        return False

    async def _take_flush(self, ws: web.WebSocketResponse, now: float) -> None:
        while self._flushes and self._flushes[0] <= now - self._limits.flush_window_s:
            self._flushes.popleft()
        if len(self._flushes) >= self._limits.flushes:
            await _send_json(
                ws,
                {
                    "type": "Warning",
                    "code": "EXCESSIVE_FLUSH",
                    "description": "Too many Flush messages in the window: this one is ignored.",
                },
            )
            return
        self._flushes.append(now)
        self._queue_speech(self._text, now, is_flush=True)
        self._text = ""

    def _queue_speech(self, text: str, now: float, *, is_flush: bool) -> None:
        self._add(_Speaking(text, now + self.knobs.first_byte_delay_ms / 1000, is_flush))

    def _take_clear(self) -> None:
        self._text = ""
        fences = [job for job in self._jobs if isinstance(job, _Clearing)]
        self._jobs.clear()
        self._jobs.extend(fences)
        self._add(_Clearing())

    def _fail(self, code: int, name: str) -> None:
        """Close as the vendor does on a broken rule: what was not sent yet is lost."""
        self.close(code, _REASONS[name])

    def _add(self, job: _Speaking | _Clearing | _Closing) -> None:
        self._jobs.append(job)
        self._wake.set()

    # --- what goes out ------------------------------------------------------------------------

    async def _speak(self, ws: web.WebSocketResponse) -> None:
        """Work off the queue until the socket closes."""
        try:
            await _send_json(ws, self._metadata())
            while True:
                while not self._jobs:
                    self._wake.clear()
                    await self._wake.wait()
                job = self._jobs.popleft()
                if isinstance(job, _Closing):
                    await ws.close(code=job.code, message=job.reason.encode())
                    return
                if isinstance(job, _Clearing):
                    await self._send_cleared(ws)
                else:
                    await self._say(ws, job)
        except ConnectionError:
            return

    async def _say(self, ws: web.WebSocketResponse, job: _Speaking) -> None:
        clock = asyncio.get_running_loop().time
        rate_wpm = round(_RATE_WPM * self.query.speed)
        speech = await asyncio.to_thread(
            self._voice.synthesize, job.text, voice=AGENT_VOICE, rate_wpm=rate_wpm
        )
        await self._sleep_until(job.due)
        segment = SpokenSegment(speech)
        if speech.audio:
            self.segments.append(segment)
            self._pace_from = max(self._pace_from, clock())
        tail = max(0, self.knobs.clear_tail_messages)
        sizes = self.knobs.chunk_bytes
        turn = 0
        while segment.sent_bytes < len(speech.audio):
            await self._sleep_until(self._pace_from)
            if self._is_interrupted():
                # What was already under way when the Clear came still arrives.
                segment.is_cleared = True
                if tail == 0 or segment.sent_bytes == 0:
                    return
                tail -= 1
            begin = segment.sent_bytes
            chunk = speech.audio[begin : begin + max(1, sizes[turn % len(sizes)])]
            turn += 1
            await self._send_audio(ws, segment, chunk)
        if job.is_flush and not segment.is_cleared:
            await self._while_stalled()
            await _send_json(ws, {"type": "Flushed", "sequence_id": self._flushed})
            self._flushed += 1

    def _is_interrupted(self) -> bool:
        return any(not isinstance(job, _Speaking) and not _is_normal_end(job) for job in self._jobs)

    async def _send_audio(
        self, ws: web.WebSocketResponse, segment: SpokenSegment, chunk: bytes
    ) -> None:
        await self._while_stalled()
        await ws.send_bytes(chunk)
        segment.sent_bytes += len(chunk)
        self.sent_bytes += len(chunk)
        if self.knobs.speed > 0:
            self._pace_from += len(chunk) / (_BYTES_PER_S * self.knobs.speed)
        garbage_s = self.knobs.garbage_after_audio_s
        if garbage_s is not None and not self._is_garbage_sent and self._has_sent(garbage_s):
            self._is_garbage_sent = True
            await ws.send_str(self.knobs.garbage_text)
        if self._has_sent(self.knobs.drop_after_audio_s):
            self.drop()

    def _has_sent(self, limit_s: float | None) -> bool:
        return limit_s is not None and self.sent_bytes >= limit_s * _BYTES_PER_S

    async def _while_stalled(self) -> None:
        while self._is_stalled():  # noqa: ASYNC110 - a knob may be turned at any time
            await asyncio.sleep(_STALL_POLL_S)

    def _is_stalled(self) -> bool:
        return self.knobs.is_stalled or self._has_sent(self.knobs.stall_after_audio_s)

    async def _sleep_until(self, due: float) -> None:
        """Sleep, but wake for a Clear or a Close."""
        clock = asyncio.get_running_loop().time
        while clock() < due and not self._is_interrupted():
            self._wake.clear()
            try:
                async with asyncio.timeout(due - clock()):
                    await self._wake.wait()
            except TimeoutError:
                return

    async def _send_cleared(self, ws: web.WebSocketResponse) -> None:
        self._pace_from = 0.0
        if self.knobs.answers_clear and not self._is_stalled():
            await _send_json(ws, {"type": "Cleared", "sequence_id": self._cleared})
            self._cleared += 1

    def _metadata(self) -> dict[str, Any]:
        return {
            "type": "Metadata",
            "request_id": self.request_id,
            "model_name": self.query.model,
            "model_version": "2026-07-22.0",
            "model_uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, self.query.model)),
            "additional_model_uuids": [],
        }


def _is_normal_end(job: _Speaking | _Clearing | _Closing) -> bool:
    return isinstance(job, _Closing) and job.code == 1000


async def _send_json(ws: web.WebSocketResponse, message: dict[str, Any]) -> None:
    await ws.send_str(json.dumps(message))
