"""Stand-ins for whatever has no key: started together, described as settings.

Each service is replaced by its own; the settings that point at it (address, key, number) come
from here, so that the product does not know the difference.
"""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, ExitStack
from enum import StrEnum
from types import TracebackType
from typing import Self

from voicecore.sandbox.deepgram import DeepgramSandbox
from voicecore.sandbox.google import GoogleSandbox
from voicecore.sandbox.openai import OpenAiSandbox
from voicecore.sandbox.postgres import EmbeddedPostgres
from voicecore.sandbox.redis import EmbeddedRedis
from voicecore.sandbox.speak_connection import AGENT_VOICE
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.utterances import UtteranceBook
from voicecore.sandbox.voice import EspeakVoice

SHOP_NUMBER = "+13125550100"
SPEAK_SPEED = 20.0
"""How many times faster than it sounds the stand-in delivers speech."""


TEST_SENTENCE = "Your appointment is tomorrow morning."
"""Words of the agent that the listener knows, too: they are what `cli.py doctor` plays to it."""


class Service(StrEnum):
    """What can be replaced."""

    POSTGRES = "postgres"
    REDIS = "redis"
    TWILIO = "twilio"
    DEEPGRAM = "deepgram"
    OPENAI = "openai"
    GOOGLE = "google"


ALL_SERVICES = frozenset(Service)


class StandIns:
    """Running stand-ins; use as `async with StandIns(services)`.

    `settings` maps names of `Settings` to what they must be for the started services. The single
    stand-ins are there for scripts and tests; those that were not asked for are None.
    """

    def __init__(self, services: frozenset[Service] = ALL_SERVICES) -> None:
        self.services = services
        self.settings: dict[str, object] = {}
        self.voice = EspeakVoice()
        self.book = UtteranceBook()
        self.postgres: EmbeddedPostgres | None = None
        self.redis: EmbeddedRedis | None = None
        self.twilio: TwilioSandbox | None = None
        self.deepgram: DeepgramSandbox | None = None
        self.openai: OpenAiSandbox | None = None
        self.google: GoogleSandbox | None = None
        self._processes = ExitStack()
        self._servers = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start what was asked for."""
        try:
            self._start_processes()
            await self._start_servers()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        try:
            await self._servers.aclose()
        finally:
            self._processes.close()

    def _start_processes(self) -> None:
        if Service.POSTGRES in self.services:
            self.postgres = self._processes.enter_context(EmbeddedPostgres(durable=False))
            self.settings["database_url"] = self.postgres.dsn()
        if Service.REDIS in self.services:
            self.redis = self._processes.enter_context(EmbeddedRedis())
            self.settings["redis_url"] = self.redis.url

    async def _start_servers(self) -> None:
        if Service.TWILIO in self.services:
            self.twilio = await self._servers.enter_async_context(
                TwilioSandbox(auth_token=secrets.token_hex(16), say_voice=self.voice)
            )
            self.twilio.rest.add_number(SHOP_NUMBER)
            self.settings |= {
                "twilio_account_sid": self.twilio.account_sid,
                "twilio_auth_token": self.twilio.auth_token,
                "twilio_api_base": self.twilio.api_base,
                "twilio_phone_number": SHOP_NUMBER,
            }
        if Service.DEEPGRAM in self.services:
            self.book.register(self.voice.synthesize(TEST_SENTENCE, voice=AGENT_VOICE))
            self.deepgram = DeepgramSandbox(self.book, self.voice)
            # Faster than the vendor: the agent's own phrases are ready soon after the start.
            self.deepgram.speak.knobs.speed = SPEAK_SPEED
            await self.deepgram.start()
            self._servers.push_async_callback(self.deepgram.stop)
            self.settings |= {
                "deepgram_api_key": self.deepgram.api_key,
                "deepgram_listen_url": self.deepgram.listen_url,
                "deepgram_speak_url": self.deepgram.speak_url,
            }
        if Service.OPENAI in self.services:
            self.openai = OpenAiSandbox()
            await self.openai.start()
            self._servers.push_async_callback(self.openai.stop)
            self.settings |= {
                "openai_api_key": self.openai.api_key,
                "openai_base_url": self.openai.base_url,
            }
        if Service.GOOGLE in self.services:
            self.google = GoogleSandbox()
            await self.google.start()
            self._servers.push_async_callback(self.google.stop)
            self.settings |= {
                "google_calendar_id": self.google.calendar_id,
                "google_client_id": self.google.client_id,
                "google_client_secret": self.google.client_secret,
                "google_refresh_token": self.google.refresh_token,
                "google_api_root": self.google.api_root,
                "google_token_url": self.google.token_url,
            }
