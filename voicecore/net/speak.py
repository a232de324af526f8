"""Deepgram's speaker as one call sees it: segments of text in, audio out, in order.

`say` queues a segment under a token; its audio arrives through `on_audio`, its end through
`on_flushed` or `on_failed`, exactly one of the two unless it was cancelled. One task serves one
connection after the other: a connection is made ahead by `open`, replaced before Deepgram's limit
of an hour, replaced at once when it fails with work in hand, and made again only when there is
something to say after Deepgram closed an idle one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, assert_never

import aiohttp
import structlog

from voicecore.errors import DeepgramError, DeepgramProtocolError
from voicecore.net.deepgram_socket import (
    SEND_ERRORS,
    ConnectPolicy,
    close_reason,
    connect,
    is_refusal,
    receive,
    release,
)
from voicecore.net.speech_queue import SpeechQueue, SpeechTimings
from voicecore.net.tasks import TaskSet, race
from voicecore.wire import deepgram_speak
from voicecore.wire.deepgram_speak import Cleared, Flushed, Metadata, Unknown, Warning, speak_url

log = structlog.get_logger()

TokenT = TypeVar("TokenT")

GARBAGE_LIMIT = 5
"""So many unreadable messages in a row and the connection is given up."""
_RENEWAL = "the connection is old"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerTimings:
    """Budgets of a speaker, in seconds.

    `age_max_s`: a connection this old is replaced at the next pause (Deepgram ends it at 3,600).
    `silent_connections_max`: so many connections lost in a row without any audio, and everything
    that waits has failed.
    `tick_s`: how often deadlines are looked at while something is expected.
    """

    connect: ConnectPolicy = field(default_factory=ConnectPolicy)
    speech: SpeechTimings = field(default_factory=SpeechTimings)
    age_max_s: float = 3300.0
    send_timeout_s: float = 2.0
    close_s: float = 0.5
    tick_s: float = 0.05
    silent_connections_max: int = 3


class DeepgramSpeaker(Generic[TokenT]):
    """Speaks one call's segments.

    `on_audio(audio, token)` gets raw µ-law at 8 kHz in pieces of any size; `on_flushed(token)`
    tells that all of a token's audio has come; `on_failed(token, reason)` that no more of it will.
    They are called from the speaker's task, never from inside `say` or `cancel`, and must not
    block. When flushes run short, several tokens share one: their audio counts for the first of
    them, and they finish together, in order. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        api_key: str,
        voice: str,
        on_audio: Callable[[bytes, TokenT], None],
        on_flushed: Callable[[TokenT], None],
        on_failed: Callable[[TokenT, str], None],
        clock: Callable[[], float],
        *,
        timings: SpeakerTimings | None = None,
    ) -> None:
        self._session = session
        self._url = speak_url(url, voice)
        self._api_key = api_key
        self._on_audio = on_audio
        self._on_flushed = on_flushed
        self._on_failed = on_failed
        self._clock = clock
        self._timings = timings or SpeakerTimings()
        self._queue: SpeechQueue[TokenT] = SpeechQueue(self._timings.speech)
        self._tasks = TaskSet()
        self._farewells = TaskSet()
        self._wake = asyncio.Event()
        self._first_connect: asyncio.Future[bool] | None = None
        self._refusal: str | None = None
        self._garbage = 0
        self._silent_connections = 0
        self._closed = False

    async def open(self) -> bool:
        """Connect ahead of the first words; returns whether it worked, within the budget.

        Not needed: `say` connects as well, only later. Call it again and it answers the same.
        """
        if self._closed:
            return False
        first = self._start()
        await asyncio.wait({first})
        return not first.cancelled() and first.result()

    def say(self, token: TokenT, text: str) -> None:
        """Queue `text` to be spoken under `token`; never waits. After `close` it is ignored."""
        if not self._closed:
            self._queue.add(token, text)
            self._start()
            self._wake.set()

    def cancel(self) -> None:
        """Drop every token that is not finished, and audio of them still to come; never waits.

        Nothing is called for the dropped tokens any more. `say` may follow at once.
        """
        self._queue.clear(self._clock())
        self._wake.set()

    async def close(self) -> None:
        """Disconnect; harmless when repeated. Nothing is called for unfinished tokens."""
        self._closed = True
        await self._tasks.close()
        await self._farewells.join(2 * self._timings.close_s)
        if self._first_connect is not None:
            self._first_connect.cancel()

    def _start(self) -> asyncio.Future[bool]:
        """Start the serving task with the first need of it."""
        if self._first_connect is None:
            self._first_connect = asyncio.get_running_loop().create_future()
            self._tasks.spawn(self._serve(), name="speaker")
        return self._first_connect

    async def _serve(self) -> None:
        try:
            while True:
                ws = await self._connect()
                if ws is not None and await self._serve_connection(ws) == _RENEWAL:
                    continue
                while self._queue.is_idle:
                    await self._wake.wait()
                    self._wake.clear()
        finally:
            # Only a failing callback of ours gets here while the speaker is in use.
            if not self._closed:
                self._fail(self._queue.give_up(), "the speaker failed")
                self._closed = True

    async def _connect(self) -> aiohttp.ClientWebSocketResponse | None:
        """Connect; where that fails, every token that waits has failed."""
        ws = None
        reason = self._refusal
        started_at = self._clock()
        if reason is None:
            try:
                ws = await connect(
                    self._session,
                    self._url,
                    api_key=self._api_key,
                    service="speak",
                    policy=self._timings.connect,
                )
                log.info("speaker_connected", connect_ms=round((self._clock() - started_at) * 1e3))
            except DeepgramError as error:
                reason = error.reason
                log.error("speaker_failed", reason=reason, status=error.status)
                # A wrong key stays wrong; anything else is tried again with the next segment.
                self._refusal = reason if is_refusal(error) else None
        if self._first_connect is not None and not self._first_connect.done():
            self._first_connect.set_result(ws is not None)
        if ws is None:
            self._fail(self._queue.give_up(), reason or "no connection")
        return ws

    async def _serve_connection(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        """Serve one connection to its end; returns why it ended."""
        self._garbage = 0
        self._wake.set()
        try:
            reason = await race(self._read(ws), self._drive(ws), name="speaker_link")
        finally:
            # In its own task: the next connection must not wait for a dead socket's farewell.
            self._farewells.spawn(self._say_goodbye(ws), name="speaker_farewell")
        log.info("speaker_lost", reason=reason, busy=not self._queue.is_idle)
        if self._queue.is_in_flight:
            self._silent_connections += 1
        self._fail(self._queue.connection_lost(), reason)
        if self._silent_connections >= self._timings.silent_connections_max:
            self._silent_connections = 0
            self._fail(self._queue.give_up(), reason)
        return reason

    async def _say_goodbye(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            if not ws.closed:
                async with asyncio.timeout(self._timings.close_s):
                    await ws.send_str(deepgram_speak.CLOSE)
        except SEND_ERRORS as error:
            log.debug("speaker_farewell_failed", error=type(error).__name__)
        finally:
            await release(ws, timeout_s=self._timings.close_s)

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        while self._garbage < GARBAGE_LIMIT:
            message = await receive(ws)
            if message.type is aiohttp.WSMsgType.BINARY:
                token = self._queue.audio(len(message.data), self._clock())
                if token is not None and message.data:
                    self._silent_connections = 0
                    self._on_audio(message.data, token)
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
            else:
                return close_reason(message)
        return "unreadable messages"

    def _take(self, text: str) -> None:
        try:
            message = deepgram_speak.parse(text)
        except DeepgramProtocolError as error:
            self._garbage += 1
            log.warning("speak_message_rejected", reason=error.reason, in_a_row=self._garbage)
            return
        self._garbage = 0
        match message:
            case Flushed():
                self._finish(self._queue.flushed(self._clock()))
                self._finish(self._queue.finished())
                self._wake.set()
            case Cleared():
                self._queue.cleared(self._clock())
                self._wake.set()
            case Warning(code=code, description=description):
                log.warning("speak_warning", code=code, description=description)
            case Metadata() | Unknown():
                log.debug("speak_message_ignored", type=type(message).__name__)
            case _:
                assert_never(message)

    async def _drive(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        """Send what is due; return when the connection is of no more use."""
        timings = self._timings
        old_at = self._clock() + timings.age_max_s
        while True:
            self._wake.clear()
            now_s = self._clock()
            is_old = now_s >= old_at
            if is_old and not self._queue.is_in_flight:
                return _RENEWAL
            reason = self._queue.overdue(now_s)
            if reason is not None:
                return reason
            try:
                async with asyncio.timeout(timings.send_timeout_s):
                    for text in self._queue.outgoing(now_s, may_start=not is_old):
                        await ws.send_str(text)
            except SEND_ERRORS as error:
                return f"send failed: {type(error).__name__}"
            self._finish(self._queue.finished())
            await self._pause(timings.age_max_s if self._queue.is_idle else timings.tick_s)

    async def _pause(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _finish(self, tokens: tuple[TokenT, ...]) -> None:
        for token in tokens:
            self._on_flushed(token)

    def _fail(self, tokens: tuple[TokenT, ...], reason: str) -> None:
        for token in tokens:
            log.warning("segment_failed", reason=reason)
            self._on_failed(token, reason)
