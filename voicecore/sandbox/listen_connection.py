"""One connection to the stand-in of `/v1/listen`: audio and control in, results out.

Source: Deepgram, Live Streaming Audio reference (asyncapi of 2026-07-22); Audio Keep Alive;
Finalize; Close Stream; WebSocket DATA and NET errors.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from typing import Any, Final

from aiohttp import WSMsgType, web

from voicecore.audio import mulaw
from voicecore.sandbox.deepgram_knobs import ListenKnobs
from voicecore.sandbox.deepgram_query import ListenQuery
from voicecore.sandbox.deepgram_results import Message, Transcriber, speech_started
from voicecore.sandbox.outbox import Outbox
from voicecore.sandbox.utterances import Recognizer, UtteranceBook

NO_AUDIO_REASON: Final = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)
BAD_AUDIO_REASON: Final = "Deepgram could not decode the audio data. See https://dpgr.am/data0000"

_BYTES_PER_S = mulaw.SAMPLE_RATE_HZ
_THROTTLE_BURST_BYTES = _BYTES_PER_S
_BACKLOG_POLL_S = 0.02


class ListenConnection:
    """One open socket: what came in, what was sent, and faults on demand."""

    def __init__(
        self, *, query: ListenQuery, knobs: ListenKnobs, book: UtteranceBook, idle_timeout_s: float
    ) -> None:
        self.request_id = str(uuid.uuid4())
        self.query = query
        self.knobs = knobs
        self.audio_bytes = 0
        """µ-law received."""
        self.controls: list[str] = []
        """Types of the control messages received."""
        self.sent: list[Message] = []
        """Messages decided, whether or not their delay has passed."""
        self._idle_timeout_s = idle_timeout_s
        self._recognizer = Recognizer(book)
        self._transcriber = Transcriber(query, knobs, self.request_id)
        self._outbox = Outbox()
        self._sha256 = hashlib.sha256()
        self._backlog = bytearray()
        self._budget_bytes = float(_THROTTLE_BURST_BYTES)
        self._budget_at = 0.0
        self._pending_starts_s = sorted(knobs.false_starts_s)
        self._is_garbage_sent = False
        self._transport: asyncio.Transport | None = None

    def drop(self) -> None:
        """Cut the socket with no close frame: the client sees 1006."""
        if self._transport is not None:
            self._transport.abort()

    def inject(self, text: str) -> None:
        """Send any text to the client, well-formed or not."""
        self._outbox.put(text)

    def close(self, code: int, reason: str = "") -> None:
        """Close the socket from our side."""
        self._outbox.close(code, reason)

    async def run(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        """Serve the socket until either side ends it."""
        self._transport = transport
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(self._outbox.run(ws))
            if not await self._read(ws):
                sender.cancel()

    async def _read(self, ws: web.WebSocketResponse) -> bool:
        """Work through what comes; return whether we close the socket (the peer has not)."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._idle_timeout_s
        self._budget_at = clock()
        while True:
            wait_s = _BACKLOG_POLL_S if self._backlog else deadline - clock()
            try:
                message = await ws.receive(timeout=max(0.001, wait_s))
            except TimeoutError:
                self._work(clock())
                if clock() >= deadline:
                    self._outbox.close(1011, NO_AUDIO_REASON)
                    return True
                continue
            if message.type is WSMsgType.BINARY:
                deadline = clock() + self._idle_timeout_s
                has_ended = self._take_binary(message.data, clock())
            elif message.type is WSMsgType.TEXT:
                if self._take_text(message.data):
                    deadline = clock() + self._idle_timeout_s
                has_ended = self.controls[-1:] == ["CloseStream"]
            else:
                return False
            if has_ended:
                return True

    def _take_binary(self, data: bytes, now: float) -> bool:
        """Take audio; return whether the stream ends here."""
        if not data:
            self._end_stream()
            return True
        if (self.query.encoding, self.query.sample_rate_hz) != ("mulaw", mulaw.SAMPLE_RATE_HZ):
            # Other encodings are the vendor's too, but nothing here can hear them.
            self._outbox.close(1008, BAD_AUDIO_REASON)
            return True
        limit_s = self.knobs.drop_after_audio_s
        if limit_s is not None:
            data = data[: max(0, int(limit_s * _BYTES_PER_S) - self.audio_bytes)]
        self.audio_bytes += len(data)
        self._sha256.update(data)
        self._backlog += data
        self._work(now)
        if limit_s is not None and self.audio_bytes >= int(limit_s * _BYTES_PER_S):
            self.drop()
        return False

    def _take_text(self, text: str) -> bool:
        """Obey a control message; return whether it keeps the stream alive."""
        try:
            control = json.loads(text)
            kind = control["type"]
        except (ValueError, TypeError, KeyError):
            kind = None
        match kind:
            case "KeepAlive":
                self.controls.append(kind)
                return self.audio_bytes > 0 or self.knobs.keepalive_saves_empty_stream
            case "Finalize":
                self.controls.append(kind)
                self._work_all()
                self._send(self._transcriber.finalize())
            case "CloseStream":
                self.controls.append(kind)
                self._end_stream()
            case "Configure":
                self.controls.append(kind)
                self._send([self._configure(control)])
            case _:
                self._send([_schema_error(text)])
        return True

    def _configure(self, control: dict[str, Any]) -> Message:
        if control.get("keyterms") and not self.query.model.startswith("nova-3"):
            return {
                "type": "ConfigureFailure",
                "request_id": self.request_id,
                "code": "CONFIGURE_KEYTERMS_NOT_SUPPORTED",
                "description": "Keyterms need a Nova-3 model.",
            }
        answer: Message = {"type": "ConfigureSuccess", "request_id": self.request_id}
        if "keyterms" in control:
            answer["keyterms"] = control["keyterms"]
        return answer

    def _end_stream(self) -> None:
        """Send what remains, the summary, and the normal close."""
        self._work_all()
        padding = bytes((mulaw.SILENCE_BYTE,)) * (-self.audio_bytes % mulaw.FRAME_BYTES)
        self._hear(padding)
        self._send(self._transcriber.close(self._sha256.hexdigest()))
        self._outbox.close(1000)

    def _work(self, now: float) -> None:
        """Hear as much of the backlog as the throttle lets through by now."""
        speed = self.knobs.throttle_speed
        if speed <= 0:
            self._work_all()
            return
        earned = (now - self._budget_at) * speed * _BYTES_PER_S
        self._budget_bytes = min(_THROTTLE_BURST_BYTES, self._budget_bytes + earned)
        self._budget_at = now
        count = min(len(self._backlog), int(self._budget_bytes))
        self._budget_bytes -= count
        data = bytes(self._backlog[:count])
        del self._backlog[:count]
        self._hear(data)

    def _work_all(self) -> None:
        data = bytes(self._backlog)
        self._backlog.clear()
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        for block in self._recognizer.feed(data):
            while self._pending_starts_s and block.end_ms >= self._pending_starts_s[0] * 1000:
                self._send([speech_started(round(self._pending_starts_s.pop(0) * 1000))])
            self._send(self._transcriber.take(block))
        garbage_s = self.knobs.garbage_after_audio_s
        if garbage_s is not None and not self._is_garbage_sent:
            self._is_garbage_sent = self._recognizer.position_ms >= garbage_s * 1000
            if self._is_garbage_sent:
                self.inject(self.knobs.garbage_text)

    def _send(self, messages: list[Message]) -> None:
        if self.knobs.is_stalled:
            return
        for message in messages:
            self.sent.append(message)
            is_early = message["type"] == "SpeechStarted" or not message.get("is_final", True)
            delay_ms = self.knobs.interim_delay_ms if is_early else self.knobs.final_delay_ms
            self._outbox.put(json.dumps(message), delay_ms=delay_ms)


def _schema_error(text: str) -> Message:
    return {
        "type": "Error",
        "variant": "SchemaError",
        "description": "Could not deserialize last text message: unknown or malformed message.",
        "message": text,
    }
