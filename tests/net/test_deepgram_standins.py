"""Both Deepgram clients against the stand-ins: real speech, every word and byte counted."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from tests.net.scripted_server import until
from tests.sandbox.deepgram_rig import BOOKING, YES, sandbox, silence
from voicecore.net.listen import DeepgramListener
from voicecore.net.listen_link import HeardMessage
from voicecore.net.listener_state import ListenerPhase, ListenerState
from voicecore.net.speak import DeepgramSpeaker, SpeakerTimings
from voicecore.net.speech_queue import SpeechTimings
from voicecore.sandbox.deepgram import DEFAULT_API_KEY, DeepgramSandbox
from voicecore.sandbox.deepgram_knobs import ListenKnobs, SpeakKnobs
from voicecore.wire.deepgram_listen import ListenOptions, Results

FRAME_BYTES = 160


class Ears:
    """A listener on the stand-in, and what it heard."""

    def __init__(self, session: aiohttp.ClientSession, server: DeepgramSandbox) -> None:
        self.heard: list[HeardMessage] = []
        self.states: list[ListenerState] = []
        self.listener = DeepgramListener(
            session,
            server.listen_url,
            DEFAULT_API_KEY,
            ListenOptions(),
            self.heard.append,
            self.states.append,
            time.monotonic,
        )

    @property
    def finals(self) -> list[Results]:
        return [
            message for message in self.heard if isinstance(message, Results) and message.is_final
        ]

    @property
    def words(self) -> list[str]:
        return [word.punctuated for result in self.finals for word in result.words]

    async def hear(self, audio: bytes) -> None:
        """Send audio frame by frame, twenty times faster than it was spoken."""
        for start in range(0, len(audio), FRAME_BYTES):
            self.listener.send(audio[start : start + FRAME_BYTES])
            await asyncio.sleep(0.001)


class Mouth:
    """A speaker on the stand-in, and what came of it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: DeepgramSandbox,
        timings: SpeakerTimings | None = None,
    ) -> None:
        self.audio: dict[int, bytes] = {}
        self.ended: list[tuple[int, str]] = []
        self.speaker: DeepgramSpeaker[int] = DeepgramSpeaker(
            session,
            server.speak_url,
            DEFAULT_API_KEY,
            "aura-2-thalia-en",
            self._hear,
            lambda token: self.ended.append((token, "flushed")),
            lambda token, reason: self.ended.append((token, reason)),
            time.monotonic,
            timings=timings,
        )

    def _hear(self, audio: bytes, token: int) -> None:
        self.audio[token] = self.audio.get(token, b"") + audio


def written(speech_words: tuple[object, ...]) -> list[str]:
    return [getattr(word, "text", "") for word in speech_words]


async def test_every_word_is_heard_at_its_place_in_the_call() -> None:
    async with sandbox() as server, aiohttp.ClientSession() as session:
        ears = Ears(session, server)
        assert await ears.listener.open()
        await ears.hear(silence(400) + BOOKING.audio + silence(1500))
        await until(lambda: any(result.speech_final for result in ears.finals))
        assert ears.words == written(BOOKING.words)
        spoken = [word for result in ears.finals for word in result.words]
        for heard, said in zip(spoken, BOOKING.words, strict=True):
            assert abs(heard.start_s * 1000 - (400 + said.start_ms)) <= 40
        await ears.listener.close()


async def test_a_connection_cut_in_mid_sentence_costs_no_word() -> None:
    async with sandbox() as server, aiohttp.ClientSession() as session:
        server.listen.script_next(
            ListenKnobs(drop_after_audio_s=2.0, final_delay_ms=0, interim_delay_ms=0)
        )
        ears = Ears(session, server)
        await ears.listener.open()
        await ears.hear(silence(400) + BOOKING.audio + silence(1500))
        await until(lambda: any(result.speech_final for result in ears.finals))
        assert [state.phase for state in ears.states] == [
            ListenerPhase.OPEN,
            ListenerPhase.LOST,
            ListenerPhase.RESTORED,
        ]
        assert ears.words == written(BOOKING.words)
        first = ears.finals[0].words[0]
        assert abs(first.start_s * 1000 - (400 + BOOKING.words[0].start_ms)) <= 40
        await ears.listener.close()


async def test_finalize_brings_the_words_before_the_pause_is_over() -> None:
    async with sandbox() as server, aiohttp.ClientSession() as session:
        ears = Ears(session, server)
        await ears.listener.open()
        await ears.hear(silence(200) + YES.audio + silence(100))
        ears.listener.finalize()
        await until(lambda: any(result.from_finalize for result in ears.finals))
        assert ears.words == written(YES.words)
        await ears.listener.close()


async def test_a_wrong_key_is_fatal() -> None:
    async with sandbox() as server, aiohttp.ClientSession() as session:
        server.listen.knobs.refuse_status = 401
        server.listen.knobs.refuse_next = 1
        ears = Ears(session, server)
        assert not await ears.listener.open()
        assert [(state.phase, state.status) for state in ears.states] == [
            (ListenerPhase.FATAL, 401)
        ]
        await ears.listener.close()


async def test_every_byte_of_a_reply_arrives_under_its_own_token() -> None:
    texts = [f"This is sentence number {number}." for number in range(30)]
    async with sandbox() as server, aiohttp.ClientSession() as session:
        mouth = Mouth(session, server)
        await mouth.speaker.open()
        for token, text in enumerate(texts):
            mouth.speaker.say(token, text)
        await until(lambda: len(mouth.ended) == len(texts), timeout_s=10.0)
        assert mouth.ended == [(token, "flushed") for token in range(len(texts))]
        (connection,) = server.speak.history
        assert mouth.audio[3] == connection.spoken[3].audio
        assert b"".join(mouth.audio.values()) == b"".join(
            speech.audio for speech in connection.spoken
        )
        assert " ".join(speech.text.strip() for speech in connection.spoken) == " ".join(texts)
        await mouth.speaker.close()


async def test_an_interruption_lets_no_old_audio_through() -> None:
    async with sandbox() as server, aiohttp.ClientSession() as session:
        server.speak.knobs.speed = 4.0
        server.speak.knobs.clear_tail_messages = 3
        mouth = Mouth(session, server)
        mouth.speaker.say(1, "This is a rather long sentence that nobody wants to hear to its end.")
        await until(lambda: len(mouth.audio.get(1, b"")) > 2000)
        mouth.speaker.cancel()
        mouth.speaker.say(2, "Of course.")
        await until(lambda: bool(mouth.ended))
        assert mouth.ended == [(2, "flushed")]
        (connection,) = server.speak.history
        assert mouth.audio[2] == connection.spoken[-1].audio
        assert connection.spoken[-1].text == "Of course."
        await mouth.speaker.close()


async def test_a_voice_that_stays_silent_is_asked_once_more() -> None:
    timings = SpeakerTimings(speech=SpeechTimings(first_byte_s=0.3))
    async with sandbox() as server, aiohttp.ClientSession() as session:
        server.speak.script_next(SpeakKnobs(is_stalled=True))
        mouth = Mouth(session, server, timings)
        mouth.speaker.say(1, "Good morning.")
        await until(lambda: bool(mouth.ended))
        assert mouth.ended == [(1, "flushed")]
        assert mouth.audio[1] == server.speak.history[1].spoken[0].audio
        await mouth.speaker.close()


async def test_a_cut_in_mid_sentence_goes_on_with_the_next() -> None:
    async with sandbox() as server, aiohttp.ClientSession() as session:
        server.speak.script_next(SpeakKnobs(drop_after_audio_s=0.5, speed=8.0))
        mouth = Mouth(session, server)
        mouth.speaker.say(1, "This sentence is cut somewhere in the middle of it.")
        mouth.speaker.say(2, "And this one is whole.")
        await until(lambda: len(mouth.ended) == 2)
        assert [token for token, _ in mouth.ended] == [1, 2]
        assert mouth.ended[1] == (2, "flushed")
        cut, renewed = server.speak.history
        assert cut.spoken[0].audio.startswith(mouth.audio[1])
        assert mouth.audio[2] == renewed.spoken[0].audio
        await mouth.speaker.close()
