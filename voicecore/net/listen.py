"""Deepgram's listener as one call sees it: audio in, words out, reconnecting underneath.

`open` connects (from the voice webhook, before there is audio); from then on a single task serves
one link after the other. A lost link is replaced within the connect budget and gets the audio
that no final result covered, so that no word is lost; times stay on the call's audio clock. What
cannot be repaired ends in the `FATAL` state, once, and never in an exception.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import aiohttp
import structlog

from voicecore.audio.mulaw import BYTES_PER_MS
from voicecore.errors import DeepgramError
from voicecore.net.deepgram_socket import ConnectPolicy, connect, release
from voicecore.net.listen_link import HeardMessage, LinkTimings, ListenerAudio, ListenLink
from voicecore.net.listener_state import ListenerPhase, ListenerState
from voicecore.net.tasks import TaskSet
from voicecore.wire.deepgram_listen import ListenOptions, listen_url

log = structlog.get_logger()

REPLAY_MS = 5000
"""So much audio is kept for a new link."""
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerTimings:
    """Budgets of a listener, in seconds.

    Giving up: `mute_links_max` links in a row on which Deepgram never answered and which lasted
    less than `stable_s`, or `losses_max` lost links within `losses_window_s`. `close_s` bounds
    each of the two steps of closing.
    """

    connect: ConnectPolicy = field(default_factory=ConnectPolicy)
    link: LinkTimings = field(default_factory=LinkTimings)
    mute_links_max: int = 3
    stable_s: float = 10.0
    losses_max: int = 6
    losses_window_s: float = 60.0
    close_s: float = 1.0


class DeepgramListener:
    """Transcribes one call.

    `on_message` gets what was heard, with times in seconds of the call's own audio; `on_state`
    gets every change of the connection. Both are called from the listener's task and must not
    block. `clock` gives monotonic seconds. `keyterms` is asked at every connect; a model that takes
    none, or a server that refuses them, is asked without.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        api_key: str,
        options: ListenOptions,
        on_message: Callable[[HeardMessage], None],
        on_state: Callable[[ListenerState], None],
        clock: Callable[[], float],
        *,
        timings: ListenerTimings | None = None,
        keyterms: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._session = session
        self._url = url
        self._options = options
        self._keyterms = keyterms if options.model.startswith("nova-3") else None
        self._api_key = api_key
        self._on_message = on_message
        self._on_state = on_state
        self._clock = clock
        self._timings = timings or ListenerTimings()
        self._audio = ListenerAudio(REPLAY_MS * BYTES_PER_MS)
        self._tasks = TaskSet()
        self._farewells = TaskSet()
        self._opened: asyncio.Task[bool | None] | None = None
        self._served: asyncio.Task[None] | None = None
        self._losses: deque[float] = deque()
        self._mute_links = 0
        self._over = False

    @property
    def is_open(self) -> bool:
        """Whether words can still be expected: connected, or about to be again."""
        return self._served is not None and not self._over

    async def open(self) -> bool:
        """Connect; returns whether it worked, within the connect budget.

        A failure is also told as `FATAL`. Call it again and it answers the same.
        """
        if self._opened is None:
            if self._audio.closing:
                return False
            self._opened = self._tasks.spawn(self._open(), name="listener_open")
        # Waited for, not awaited: a webhook that is cancelled leaves the call its ears.
        await asyncio.wait({self._opened})
        return not self._opened.cancelled() and bool(self._opened.result())

    def send(self, audio: bytes) -> None:
        """Queue the caller's next audio, µ-law at 8 kHz, any length; never waits.

        Audio sent before `open` or between two links is kept, up to 5 s of it.
        """
        if audio and not self._over:
            self._audio.buffer.append(audio)
            self._audio.wake.set()

    def voice(self, active: bool) -> None:
        """Tell that the caller's voice began or ended: silence from Deepgram is judged by it."""
        self._audio.voice(active, self._clock())

    def finalize(self) -> None:
        """Ask for the final words of all audio that was sent so far."""
        self._audio.finalize_at = self._audio.buffer.end
        self._audio.wake.set()

    async def close(self) -> None:
        """Let Deepgram finish what it has heard, then disconnect; harmless when repeated.

        Last results may still be delivered meanwhile; afterwards nothing is.
        """
        self._audio.closing = True
        self._audio.wake.set()
        if self._served is not None:
            await asyncio.wait({self._served}, timeout=self._timings.close_s)
        self._over = True
        await self._tasks.close()
        await self._farewells.join(2 * self._timings.close_s)

    async def _open(self) -> bool:
        ws = await self._connect()
        if ws is None:
            return False
        self._served = self._tasks.spawn(self._serve(ws), name="listener")
        return True

    async def _connect(self) -> aiohttp.ClientWebSocketResponse | None:
        started_at = self._clock()
        keyterms = tuple(self._keyterms()) if self._keyterms is not None else ()
        try:
            try:
                ws = await self._dial(keyterms)
            except DeepgramError as error:
                if not keyterms or error.status != _BAD_REQUEST:
                    raise
                log.warning("keyterms_refused", reason=error.reason, terms=len(keyterms))
                self._keyterms = None
                ws = await self._dial(())
        except DeepgramError as error:
            log.error("listener_failed", reason=error.reason, status=error.status)
            self._give_up(error.reason, error.status)
            return None
        log.info(
            "listener_connected",
            connect_ms=round((self._clock() - started_at) * 1000),
            keyterms=len(keyterms),
        )
        return ws

    async def _dial(self, keyterms: tuple[str, ...]) -> aiohttp.ClientWebSocketResponse:
        options = replace(self._options, keyterms=keyterms or self._options.keyterms)
        return await connect(
            self._session,
            listen_url(self._url, options),
            api_key=self._api_key,
            service="listen",
            policy=self._timings.connect,
        )

    async def _serve(self, first: aiohttp.ClientWebSocketResponse) -> None:
        ws: aiohttp.ClientWebSocketResponse | None = first
        phase = ListenerPhase.OPEN
        try:
            while ws is not None:
                self._on_state(ListenerState(phase))
                ws = await self._serve_link(ws)
                phase = ListenerPhase.RESTORED
        finally:
            # Reached with `_over` unset only by closing, or when a callback of ours failed.
            if not self._audio.closing:
                self._give_up("the listener failed", None)

    async def _serve_link(
        self, ws: aiohttp.ClientWebSocketResponse
    ) -> aiohttp.ClientWebSocketResponse | None:
        """Serve `ws` to its end; returns its successor, None when there shall be none."""
        since = self._clock()
        try:
            link = ListenLink(
                ws,
                self._audio,
                on_message=self._on_message,
                clock=self._clock,
                timings=self._timings.link,
            )
            reason = await link.run()
        finally:
            # In its own task: the next link must not wait for a dead socket's farewell.
            self._farewells.spawn(
                release(ws, timeout_s=self._timings.close_s), name="listener_farewell"
            )
        if self._audio.closing:
            return None
        log.warning("listener_lost", reason=reason)
        if self._is_hopeless(link, since):
            self._give_up(reason, None)
            return None
        self._on_state(ListenerState(ListenerPhase.LOST, reason))
        return await self._connect()

    def _is_hopeless(self, link: ListenLink, since: float) -> bool:
        timings = self._timings
        now_s = self._clock()
        self._losses.append(now_s)
        while now_s - self._losses[0] > timings.losses_window_s:
            self._losses.popleft()
        mute = not link.answered and now_s - since < timings.stable_s
        self._mute_links = self._mute_links + 1 if mute else 0
        return self._mute_links >= timings.mute_links_max or len(self._losses) > timings.losses_max

    def _give_up(self, reason: str, status: int | None) -> None:
        if not self._over:
            self._over = True
            self._on_state(ListenerState(ListenerPhase.FATAL, reason, status))
