"""Deepgram on loopback: both streaming services behind one address, with faults to order."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from voicecore.sandbox.deepgram_listen import ListenServer
from voicecore.sandbox.deepgram_speak import SpeakServer
from voicecore.sandbox.listen_connection import ListenConnection
from voicecore.sandbox.speak_connection import SpeakConnection, SpeakLimits
from voicecore.sandbox.utterances import UtteranceBook
from voicecore.sandbox.voice import EspeakVoice

DEFAULT_API_KEY: Final = "sandbox-deepgram-key"
_SHUTDOWN_S = 1.0


class DeepgramSandbox:
    """Serves `/v1/listen` and `/v1/speak`.

    `listen.knobs` and `speak.knobs` act on every connection, `listen.script_next(...)` and
    `speak.script_next(...)` on the next one only; the open connections can be dropped, closed or
    sent garbage one by one.

    Args:
        book: the utterances that the listener can hear.
        voice: speaks the agent's text.
        api_key: what clients must present.
        idle_timeout_s: the listener's patience without audio; the vendor's 10 s.
        limits: the speaker's limits; the vendor's.
    """

    def __init__(
        self,
        book: UtteranceBook,
        voice: EspeakVoice,
        *,
        api_key: str = DEFAULT_API_KEY,
        idle_timeout_s: float = 10.0,
        limits: SpeakLimits | None = None,
    ) -> None:
        self.api_key = api_key
        self.listen = ListenServer(book, api_key=api_key, idle_timeout_s=idle_timeout_s)
        self.speak = SpeakServer(voice, api_key=api_key, limits=limits)
        self._runner: web.AppRunner | None = None
        self._address = ("127.0.0.1", 0)

    async def start(self, port: int = 0, *, host: str = "127.0.0.1") -> None:
        """Listen on `port`; 0 takes a free one."""
        app = web.Application()
        app.router.add_get("/v1/listen", self.listen.handle)
        app.router.add_get("/v1/speak", self.speak.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        self._runner = runner
        self._address = runner.addresses[0][:2]

    async def stop(self) -> None:
        """Cut every connection and stop listening; stopping twice does nothing more."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for listening in self.listen.connections:
            listening.drop()
        for speaking in self.speak.connections:
            speaking.drop()
        await runner.cleanup()

    @property
    def base_url(self) -> str:
        """`ws://` address without a path, as the vendor's SDK wants it."""
        host, port = self._address
        return f"ws://{host}:{port}"

    @property
    def listen_url(self) -> str:
        """Address of speech-to-text."""
        return f"{self.base_url}/v1/listen"

    @property
    def speak_url(self) -> str:
        """Address of text-to-speech."""
        return f"{self.base_url}/v1/speak"

    @property
    def listen_connections(self) -> list[ListenConnection]:
        """Listen connections that are open now."""
        return self.listen.connections

    @property
    def speak_connections(self) -> list[SpeakConnection]:
        """Speak connections that are open now."""
        return self.speak.connections

    @property
    def opened_total(self) -> int:
        """Connections accepted since the start, of both kinds."""
        return self.listen.opened + len(self.speak.history)
