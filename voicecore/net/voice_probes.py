"""What `cli.py doctor` tries on the way of a call, in the order in which a call needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import aiohttp

from voicecore.config import Settings
from voicecore.dialog.llm_request import LlmRequest
from voicecore.dialog.tools.catalogue import TOOLS
from voicecore.net.llm import LlmStream
from voicecore.net.probes import (
    clock_agrees,
    model_calls_tool,
    number_points_here,
    public_url_answers,
    signature_round_trip,
    speak_and_listen,
    websocket_upgrades,
)
from voicecore.net.server_parts import STREAM_PATH
from voicecore.net.speak import DeepgramSpeaker
from voicecore.net.twilio_rest import TwilioRest
from voicecore.wire.deepgram_listen import ListenOptions

SPEECH_DEADLINE_S = 25.0
_ASKED = "Please put me through to a person."
_TOLD = "You answer the phone of a car workshop. Put callers through with the tool when they ask."


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing to try: its name, what tries it, and what to do when that fails."""

    name: str
    probe: Callable[[], Awaitable[str]]
    advice: str
    deadline_s: float = 10.0


@dataclass(frozen=True, slots=True)
class VoiceServices:
    """What the probes go through; the settings are complete."""

    settings: Settings
    http: aiohttp.ClientSession
    llm: LlmStream
    rest: TwilioRest


def voice_probes(services: VoiceServices, *, fix: bool) -> tuple[Probe, ...]:
    """Return every probe of the voice's way; `fix` lets our number point here."""
    return (*_telephone(services, fix=fix), *_speech(services))


def _telephone(services: VoiceServices, *, fix: bool) -> tuple[Probe, ...]:
    settings, http = services.settings, services.http
    base = settings.public_base_url.rstrip("/")
    token = settings.twilio_auth_token.get_secret_value()
    scheme, _, rest_of_url = base.partition("://")
    stream_url = f"{'ws' if scheme == 'http' else 'wss'}://{rest_of_url}{STREAM_PATH}"
    return (
        Probe(
            name="clock",
            probe=partial(clock_agrees, http, settings.twilio_api_base),
            advice="set the clock by NTP: hours of calls and tokens go by it",
        ),
        Probe(
            name="number",
            probe=partial(number_points_here, services.rest, base, fix=fix),
            advice="run `cli.py doctor --fix`; or mend TWILIO_PHONE_NUMBER and the keys",
        ),
        Probe(
            name="public url",
            probe=partial(public_url_answers, http, base),
            advice="run `make serve` and let the tunnel or proxy lead PUBLIC_BASE_URL to it",
        ),
        Probe(
            name="signature",
            probe=partial(signature_round_trip, http, base, token),
            advice="PUBLIC_BASE_URL or TWILIO_AUTH_TOKEN differs from what the server has",
        ),
        Probe(
            name="websocket",
            probe=partial(websocket_upgrades, http, stream_url, token),
            advice="let the tunnel or proxy pass WebSockets on, with the host unchanged",
        ),
    )


def _speech(services: VoiceServices) -> tuple[Probe, ...]:
    settings, http = services.settings, services.http
    key = settings.deepgram_api_key.get_secret_value()

    def speaker(
        on_audio: Callable[[bytes, str], None],
        on_flushed: Callable[[str], None],
        on_failed: Callable[[str, str], None],
    ) -> DeepgramSpeaker[str]:
        clock = asyncio.get_running_loop().time
        return DeepgramSpeaker(
            http,
            settings.deepgram_speak_url,
            key,
            settings.voice,
            on_audio,
            on_flushed,
            on_failed,
            clock,
        )

    listen_url = settings.deepgram_listen_url
    options = ListenOptions(model=settings.deepgram_listen_model)
    tool = TOOLS["transfer_to_human"]
    request = LlmRequest(
        [{"role": "system", "content": _TOLD}, {"role": "user", "content": _ASKED}],
        [tool.schema()],
    )
    return (
        Probe(
            name="deepgram",
            probe=partial(speak_and_listen, http, speaker, listen_url, key, options),
            advice="mend DEEPGRAM_API_KEY, or the addresses, model and voice",
            deadline_s=SPEECH_DEADLINE_S,
        ),
        Probe(
            name="model",
            probe=partial(model_calls_tool, services.llm, request),
            advice="mend OPENAI_API_KEY or OPENAI_MODEL; it must be able to call tools",
            deadline_s=SPEECH_DEADLINE_S,
        ),
    )
