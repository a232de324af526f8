"""The stand-in agrees with the vendor's own client, and starts and stops cleanly."""

from __future__ import annotations

import asyncio
import warnings

import aiohttp
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from deepgram import AsyncDeepgramClient
    from deepgram.core.api_error import ApiError
    from deepgram.environment import DeepgramClientEnvironment
    from deepgram.listen.v1.types import (
        ListenV1ConfigureSuccess,
        ListenV1Error,
        ListenV1Metadata,
        ListenV1Results,
        ListenV1SpeechStarted,
        ListenV1UtteranceEnd,
    )
    from deepgram.speak.v1.types import (
        SpeakV1Flushed,
        SpeakV1Metadata,
        SpeakV1Text,
        SpeakV1Warning,
    )

from tests.sandbox.deepgram_rig import (
    BOOKING,
    DEADLINE_S,
    LISTEN,
    SPEAK,
    STRANGER,
    connected,
    sandbox,
    silence,
)
from voicecore.sandbox.deepgram import DeepgramSandbox
from voicecore.sandbox.speak_connection import SpeakLimits

pytestmark = pytest.mark.filterwarnings(
    # The vendor's client still uses the old interface of the websockets package.
    "ignore::DeprecationWarning:websockets",
    "ignore::DeprecationWarning:deepgram",
)


def _sdk(server: DeepgramSandbox, key: str | None = None) -> AsyncDeepgramClient:
    http_url = server.base_url.replace("ws://", "http://", 1)
    return AsyncDeepgramClient(
        api_key=key or server.api_key,
        environment=DeepgramClientEnvironment(
            base=http_url, production=server.base_url, agent=server.base_url, agent_rest=http_url
        ),
    )


async def test_the_vendors_client_gets_transcripts() -> None:
    async with (
        sandbox() as server,
        asyncio.timeout(DEADLINE_S),
        _sdk(server).listen.v1.connect(**LISTEN) as socket,
    ):
        for at in range(0, len(BOOKING.audio), 800):
            await socket.send_media(BOOKING.audio[at : at + 800])
        await socket.send_media(silence(1_500))
        await socket.send_keep_alive()
        await socket.send_finalize()
        await socket.send_close_stream()
        messages = [message async for message in socket]
    results = [m for m in messages if isinstance(m, ListenV1Results)]
    finals = [r.channel.alternatives[0].transcript for r in results if r.is_final]
    assert " ".join(part for part in finals if part) == BOOKING.text
    assert any(r.is_final is False for r in results)
    assert any(r.speech_final for r in results)
    assert any(r.from_finalize for r in results)
    first = results[0].channel.alternatives[0].words[0]
    assert (first.word, first.punctuated_word) == ("hi", "Hi,")
    assert first.start == BOOKING.words[0].start_ms / 1000
    assert any(isinstance(m, ListenV1SpeechStarted) for m in messages)
    ends = [m for m in messages if isinstance(m, ListenV1UtteranceEnd)]
    assert [end.last_word_end for end in ends] == [BOOKING.words[-1].end_ms / 1000]
    assert isinstance(messages[-1], ListenV1Metadata)
    assert messages[-1].duration == (BOOKING.duration_ms + 1_500) / 1000


async def test_the_vendors_client_reads_errors_and_configuration() -> None:
    async with (
        sandbox() as server,
        asyncio.timeout(DEADLINE_S),
        _sdk(server).listen.v1.connect(**LISTEN) as socket,
    ):
        await socket._send('{"type":"Reset"}')
        await socket._send({"type": "Configure", "keyterms": ["brake"]})
        error = await socket.recv()
        answer = await socket.recv()
    assert isinstance(error, ListenV1Error)
    assert (error.variant, error.message) == ("SchemaError", '{"type":"Reset"}')
    assert isinstance(answer, ListenV1ConfigureSuccess)


async def test_the_vendors_client_gets_speech_and_flushed() -> None:
    async with (
        sandbox(limits=SpeakLimits(flushes=1)) as server,
        asyncio.timeout(DEADLINE_S),
        _sdk(server).speak.v1.connect(**SPEAK) as socket,
    ):
        opening = await socket.recv()
        await socket.send_text(SpeakV1Text(type="Speak", text="Good morning. "))
        await socket.send_text(SpeakV1Text(type="Speak", text="How can I help?"))
        await socket.send_flush()
        audio = b""
        while isinstance(message := await socket.recv(), bytes):
            audio += message
        await socket.send_flush()
        warning = await socket.recv()
        await socket.send_clear()
        cleared = await socket.recv()
        await socket.send_close()
        rest = [message async for message in socket]
        (spoken,) = server.speak.history[0].spoken
    assert isinstance(opening, SpeakV1Metadata)
    assert opening.model_name == "aura-2-thalia-en"
    assert isinstance(message, SpeakV1Flushed)
    assert isinstance(warning, SpeakV1Warning)
    # The client builds the first shape that fits, so the word is what tells the two apart.
    assert cleared.type == "Cleared"
    assert rest == []
    assert spoken.text == "Good morning. How can I help?"
    assert spoken.audio == audio
    assert [word.text for word in spoken.words] == spoken.text.split()


async def test_the_vendors_client_is_refused_with_a_wrong_key() -> None:
    async with sandbox() as server, asyncio.timeout(DEADLINE_S):
        with pytest.raises(ApiError) as refusal:
            async with _sdk(server, "wrong").listen.v1.connect(**LISTEN):
                pass
        assert refusal.value.status_code == 401
        with pytest.raises(ApiError) as refusal:
            async with _sdk(server, "wrong").speak.v1.connect(**SPEAK):
                pass
        assert refusal.value.status_code == 401


async def test_connections_are_counted_and_stopping_cuts_them() -> None:
    async with sandbox() as server:
        async with (
            connected(server.listen_url, LISTEN) as listening,
            connected(server.speak_url, SPEAK) as speaking,
        ):
            await speaking.until("Metadata")
            await listening.audio(STRANGER.audio)
            assert len(server.listen_connections) == len(server.speak_connections) == 1
            await server.stop()
            await server.stop()
            assert (await listening.until("closed"))[-1]["code"] == 1006
            assert (await speaking.until("closed"))[-1]["code"] == 1006
        assert server.listen_connections == []
        assert server.speak_connections == []
        assert server.opened_total == 2


async def test_a_stopped_stand_in_takes_no_connection() -> None:
    async with sandbox() as server:
        url = server.listen_url
        await server.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            async with connected(url, LISTEN):
                pass
