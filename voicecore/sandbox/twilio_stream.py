"""Twilio's end of one bidirectional media stream: a WebSocket client with a playout buffer.

Three loops share the socket: the reader obeys what the server sends, the writer sends what is due
(the network's delays are its waiting), the pump wakes when a mark has been played.

Source: Twilio, Media Streams - overview, WebSocket messages; error and warning dictionary 319xx.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
from yarl import URL

from voicecore.sandbox.twilio_buffer import PlayoutModel
from voicecore.sandbox.twilio_faults import CallFaults, LineConditions
from voicecore.sandbox.twilio_line import FRAME_S, Line
from voicecore.sandbox.twilio_messages import (
    BINARY_FRAME,
    MessageWriter,
    PlayAudio,
    PlayClear,
    PlayMark,
    Violation,
    read_server_message,
)

HANDSHAKE_S = 5.0
CLOSE_S = 2.0
"""How long the server may take to answer our close."""
BACKLOG_MESSAGES = 500
"""Messages that wait for a server that does not read; more audio is dropped (31930)."""

CONNECT_TIMEOUT = 31901
CONNECTION_REFUSED = 31902
BROKEN_PIPE = 31903
HANDSHAKE_REFUSED = 31920
WEBSOCKET_PROTOCOL = 31924
AUDIO_DISCARDED = 31930
BUFFER_OVERFLOW = 31931


class StreamEnd(StrEnum):
    """How a stream ended."""

    REFUSED = "refused"
    """It never began: no WebSocket came about."""
    SERVER_CLOSED = "server_closed"
    SERVER_LOST = "server_lost"
    """The socket died without a close."""
    STOPPED = "stopped"
    """Twilio sent `stop` and closed."""


@dataclass(frozen=True, slots=True)
class StreamProblem:
    """An entry of Twilio's debugger about a stream."""

    at_s: float
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReceivedMark:
    """A mark as the server sent it."""

    at_s: float
    name: str


class MediaStream:
    """One stream of one call; `run` lives as long as it does."""

    def __init__(
        self,
        line: Line,
        *,
        stream_sid: str,
        call_sid: str,
        account_sid: str,
        conditions: LineConditions,
        faults: CallFaults,
    ) -> None:
        self.stream_sid = stream_sid
        self.problems: list[StreamProblem] = []
        self.marks: list[ReceivedMark] = []
        self.end: StreamEnd | None = None
        self.close_code: int | None = None
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.playout: PlayoutModel | None = None
        self._line = line
        self._conditions = conditions
        self._faults = faults
        self._messages = MessageWriter(
            stream_sid=stream_sid, call_sid=call_sid, account_sid=account_sid
        )
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._outbox: asyncio.Queue[tuple[float, str | bytes | None]] = asyncio.Queue()
        self._due_s = 0.0
        self._wake = asyncio.Event()
        self._random = random.Random(conditions.seed)
        self._first_frame_s: float | None = None
        self._frames = 0
        self._unsent = bytearray()
        self._unsent_ms = 0.0
        self._payloads = 0
        self._stopping = False
        self._give_up: asyncio.TimerHandle | None = None

    async def run(
        self,
        session: aiohttp.ClientSession,
        address: URL,
        headers: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> StreamEnd:
        """Open the socket at `address` and stream until either side ends it."""
        connected = await self._connect(session, address, headers)
        if connected is None:
            self.end = StreamEnd.REFUSED
            return self.end
        self._socket = connected
        try:
            await self._stream(connected, parameters)
        finally:
            self._finish()
            with suppress(ConnectionError):
                await connected.close()
        assert self.end is not None
        return self.end

    def stop(self) -> None:
        """Send `stop` and close: the call ended or goes on elsewhere."""
        if not self._stopping:
            self._stopping = True
            if self.started_s is not None:
                self._say_stop()

    def drop(self) -> None:
        """Cut the connection without `stop` and without a close; both sides see 1006."""
        shared = None if self._socket is None else self._socket.get_extra_info("socket")
        if shared is None or shared.fileno() < 0:
            return
        # A duplicate, because the event loop's own socket object may refuse to be shut down.
        with socket.socket(fileno=os.dup(shared.fileno())) as cut, suppress(OSError):
            cut.shutdown(socket.SHUT_RDWR)

    def send_raw(self, message: str | bytes) -> None:
        """Send anything at all to the server: text as text, bytes as a binary frame."""
        self._send(message)

    def _say_stop(self) -> None:
        self._line.listen(None)
        self._send(self._messages.stop())
        self._outbox.put_nowait((self._due_s, None))
        wait_s = self._due_s - self._line.now_s() + CLOSE_S
        self._give_up = asyncio.get_running_loop().call_later(wait_s, self.drop)

    async def _connect(
        self, session: aiohttp.ClientSession, address: URL, headers: Mapping[str, str]
    ) -> aiohttp.ClientWebSocketResponse | None:
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                return await session.ws_connect(
                    address,
                    headers=headers,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                    max_msg_size=0,
                )
        except TimeoutError:
            self._note(CONNECT_TIMEOUT, "no answer to the handshake")
        except aiohttp.WSServerHandshakeError as error:
            self._note(HANDSHAKE_REFUSED, f"handshake answered with status {error.status}")
        except (aiohttp.ClientError, OSError) as error:
            self._note(CONNECTION_REFUSED, type(error).__name__)
        return None

    async def _stream(
        self, connected: aiohttp.ClientWebSocketResponse, parameters: Mapping[str, str]
    ) -> None:
        now_s = self._line.now_s()
        self.started_s = self._due_s = now_s
        self.playout = PlayoutModel(
            start_s=now_s,
            out_delay_s=self._conditions.delay_out_ms / 1000,
            in_delay_s=self._conditions.delay_in_ms / 1000,
        )
        self._line.hear(self.playout, self._settle)
        self._send(self._messages.connected())
        if not self._faults.no_start:
            self._send(self._messages.start(parameters))
            self._line.listen(self._on_frame, self._on_key)
        if self._stopping:
            self._say_stop()
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._write(connected)),
                group.create_task(self._pump()),
                group.create_task(self._misbehave()),
            ]
            await self._read(connected)
            for helper in helpers:
                helper.cancel()

    def _finish(self) -> None:
        self._line.listen(None)
        self._line.hear(None)
        self.ended_s = self._line.now_s()
        if self._give_up is not None:
            self._give_up.cancel()
        if self.playout is not None:
            self._line.record.echoes += self.playout.close(self.ended_s)
        if self._stopping:
            self.end = StreamEnd.STOPPED
        elif self.close_code is None:
            self.close_code = aiohttp.WSCloseCode.ABNORMAL_CLOSURE
            self._note(BROKEN_PIPE, "the socket died without a close")
            self.end = StreamEnd.SERVER_LOST
        else:
            self.end = StreamEnd.SERVER_CLOSED

    async def _read(self, connected: aiohttp.ClientWebSocketResponse) -> None:
        """Obey the server until the socket is closed, by whomever."""
        while True:
            message = await connected.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    self._obey(str(message.data))
                case aiohttp.WSMsgType.BINARY:
                    self._note(BINARY_FRAME, f"a binary frame of {len(message.data)} bytes")
                case aiohttp.WSMsgType.ERROR:
                    self._note(WEBSOCKET_PROTOCOL, type(message.data).__name__)
                    return
                case aiohttp.WSMsgType.CLOSE:
                    self.close_code = connected.close_code
                    return
                case _:
                    return

    def _obey(self, text: str) -> None:
        assert self.playout is not None
        at_s = self._line.now_s()
        match read_server_message(text, self.stream_sid):
            case PlayAudio(payload):
                self.playout.feed(at_s, payload)
            case PlayMark(name):
                self.marks.append(ReceivedMark(at_s, name))
                self.playout.mark(at_s, name)
            case PlayClear():
                self.playout.clear(at_s)
            case Violation(code, reason):
                self._note(code, reason)
        self._wake.set()

    async def _pump(self) -> None:
        """Echo the marks when they are due."""
        assert self.playout is not None
        while True:
            self._wake.clear()
            self._settle()
            deadline_s = self.playout.next_deadline_s()
            when = None if deadline_s is None else self._line.loop_time(deadline_s)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(when):
                    await self._wake.wait()

    def _settle(self) -> None:
        """Play up to now and send the echoes of the marks that were reached."""
        assert self.playout is not None
        for echo in self.playout.advance(self._line.now_s()):
            self._line.record.echoes.append(echo)
            if not self._stopping:
                self._send(self._messages.mark(echo.name))
        if self.playout.overflowed:
            self._note_once(BUFFER_OVERFLOW, "more audio than the buffer holds")

    def _on_key(self, digit: str) -> None:
        self._send(self._messages.dtmf(digit))

    def _on_frame(self, frame: bytes, at_s: float) -> None:
        """Pass on a frame of the caller, whole or cut into the payload sizes of the line."""
        if self._first_frame_s is None:
            self._first_frame_s = at_s
        index = self._frames
        self._frames += 1
        lost = self._conditions.loss > 0 and self._random.random() < self._conditions.loss
        if lost or index in self._conditions.missing_frames:
            self._send_payload(len(self._unsent))
            return
        if not self._unsent:
            self._unsent_ms = index * FRAME_S * 1000
        self._unsent += frame
        sizes = self._conditions.payload_bytes
        while len(self._unsent) >= (size := sizes[self._payloads % len(sizes)]):
            self._send_payload(size)

    def _send_payload(self, size_bytes: int) -> None:
        if size_bytes == 0:
            return
        payload = bytes(self._unsent[:size_bytes])
        timestamp_ms = int(self._unsent_ms + 1e-6)
        del self._unsent[:size_bytes]
        self._unsent_ms += size_bytes / 8
        self._payloads += 1
        if self._outbox.qsize() >= BACKLOG_MESSAGES:
            self._note_once(AUDIO_DISCARDED, "the server does not read; audio discarded")
            return
        self._send(self._messages.media(payload, timestamp_ms))

    def _send(self, message: str | bytes) -> None:
        """Hand a message to the network; it arrives after those before it."""
        conditions = self._conditions
        now_s = self._line.now_s()
        due_s = now_s + conditions.delay_in_ms / 1000
        if conditions.jitter_ms:
            due_s += self._random.uniform(0, conditions.jitter_ms) / 1000
        for stall in conditions.stalls:
            begins_s = (self.started_s or 0.0) + stall.at_ms / 1000
            ends_s = begins_s + stall.hold_ms / 1000
            if begins_s <= due_s < ends_s:
                due_s = ends_s
        self._due_s = max(self._due_s, due_s)
        self._outbox.put_nowait((self._due_s, message))

    async def _write(self, connected: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            due_s, message = await self._outbox.get()
            wait_s = due_s - self._line.now_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            try:
                if message is None:
                    await connected.close()
                    return
                if isinstance(message, bytes):
                    await connected.send_bytes(message)
                else:
                    await connected.send_str(message)
            except ConnectionError:
                # The reader sees the same end and says how it came about.
                return

    async def _misbehave(self) -> None:
        """Do what the call's faults ask for, in the order of their times."""
        drop_s = (self._faults.drop_at_ms or 0.0) / 1000
        garbage_s = self._faults.garbage_at_ms / 1000 if self._faults.garbage else 0.0
        if self._faults.garbage and (not drop_s or garbage_s <= drop_s):
            await asyncio.sleep(garbage_s)
            for message in self._faults.garbage:
                self.send_raw(message)
        else:
            garbage_s = 0.0
        if self._faults.drop_at_ms is not None:
            await asyncio.sleep(max(0.0, drop_s - garbage_s))
            self.drop()

    def _note(self, code: int, reason: str) -> None:
        self.problems.append(StreamProblem(self._line.now_s(), code, reason))

    def _note_once(self, code: int, reason: str) -> None:
        if all(problem.code != code for problem in self.problems):
            self._note(code, reason)
