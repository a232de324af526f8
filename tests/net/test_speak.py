"""The speaker against a scripted server: order, interruption, losses, second tries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest

from tests.net.scripted_server import (
    Connection,
    Script,
    ScriptedServer,
    answering,
    drop,
    serving,
    until,
)
from voicecore.net.deepgram_socket import ConnectPolicy
from voicecore.net.speak import DeepgramSpeaker, SpeakerTimings
from voicecore.net.speech_queue import SpeechTimings

CONNECT = ConnectPolicy(delays_s=(0.0, 0.02, 0.04), budget_s=0.5, attempt_timeout_s=0.3)
SPEECH = SpeechTimings(first_byte_s=0.2, stall_s=0.3, clear_s=0.1)
TIMINGS = SpeakerTimings(connect=CONNECT, speech=SPEECH, close_s=0.2, tick_s=0.01)
METADATA = {"type": "Metadata", "request_id": "r", "model_name": "v"}


class Call:
    """What a session would see of its speaker: one list of everything, in order."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timings: SpeakerTimings) -> None:
        self.events: list[tuple[str, int, bytes | str]] = []
        self.speaker: DeepgramSpeaker[int] = DeepgramSpeaker(
            session,
            url,
            "k3y",
            "aura-2-thalia-en",
            lambda audio, token: self.events.append(("audio", token, audio)),
            lambda token: self.events.append(("flushed", token, "")),
            lambda token, reason: self.events.append(("failed", token, reason)),
            time.monotonic,
            timings=timings,
        )

    @property
    def ended(self) -> list[tuple[str, int]]:
        return [(kind, token) for kind, token, _ in self.events if kind != "audio"]

    def heard(self, token: int) -> bytes:
        pieces = [audio for kind, owner, audio in self.events if kind == "audio" and owner == token]
        return b"".join(piece for piece in pieces if isinstance(piece, bytes))


@asynccontextmanager
async def calling(
    *scripts: Script | int, timings: SpeakerTimings = TIMINGS
) -> AsyncIterator[tuple[Call, ScriptedServer]]:
    """A speaker with its server; nothing may be left running at the end."""
    async with serving(*scripts) as server, aiohttp.ClientSession() as session:
        call = Call(session, server.url, timings)
        try:
            yield call, server
        finally:
            await call.speaker.close()
            names = [task.get_name() for task in asyncio.all_tasks()]
            assert not [name for name in names if "speaker" in name]


def spoken(text: str) -> bytes:
    """The "audio" of a text: so that a test sees whose audio it is."""
    return text.encode()


async def speak(connection: Connection) -> None:
    """Answer like Deepgram: audio in odd pieces after each flush, then Flushed."""
    await connection.send(**METADATA)
    text = ""
    sequence_id = 0
    while (message := await connection.receive()) is not None:
        assert isinstance(message, str)
        fields = orjson.loads(message)
        if fields["type"] == "Speak":
            text += fields["text"]
        elif fields["type"] == "Flush":
            for start in range(0, len(text), 7):
                await connection.ws.send_bytes(spoken(text[start : start + 7]))
            await connection.send(type="Flushed", sequence_id=sequence_id)
            sequence_id += 1
            text = ""
        elif fields["type"] == "Clear":
            text = ""
            await connection.send(type="Cleared", sequence_id=sequence_id)
        elif fields["type"] == "Close":
            await connection.ws.close()
            return


async def listen_only(connection: Connection) -> None:
    await connection.until_gone()


async def test_segments_are_spoken_in_order() -> None:
    async with calling(speak) as (call, server):
        assert await call.speaker.open()
        assert await call.speaker.open()
        for token, text in enumerate(["Good morning.", "How can I help?", "x" * 4500]):
            call.speaker.say(token, text)
        await until(lambda: len(call.ended) == 3)
        assert call.ended == [("flushed", 0), ("flushed", 1), ("flushed", 2)]
        assert call.heard(0) == b"Good morning."
        assert call.heard(1) == b"How can I help?"
        assert call.heard(2) == b"x" * 4500
        (connection,) = server.connections
        assert connection.request.query["sample_rate"] == "8000"
        assert connection.request.headers["Authorization"] == "Token k3y"
        await call.speaker.close()
        await connection.ended.wait()
        assert connection.types[-1] == "Close"


async def test_nothing_needs_to_be_opened_first() -> None:
    async with calling(speak) as (call, _):
        call.speaker.say(1, "Hello.")
        assert call.events == [], "nothing is called from inside say"
        await until(lambda: call.ended == [("flushed", 1)])


async def test_a_segment_without_text_is_finished() -> None:
    async with calling(speak) as (call, server):
        call.speaker.say(1, " ")
        await until(lambda: call.ended == [("flushed", 1)])
        assert server.connections[0].texts == []


async def test_a_long_reply_keeps_within_the_flush_budget() -> None:
    async with calling(speak) as (call, server):
        for token in range(60):
            call.speaker.say(token, f"Sentence {token}.")
        await until(lambda: len(call.ended) == 60)
        assert call.ended == [("flushed", token) for token in range(60)]
        said = b"".join(audio for kind, _, audio in call.events if isinstance(audio, bytes))
        assert said.count(b"Sentence") == 60
        assert len(server.connections) == 1
        assert server.connections[0].types.count("Flush") <= 20


async def test_when_all_flushes_are_spent_another_connection_speaks_on() -> None:
    speech = SpeechTimings(flushes_max=2, flushes_reserved=0, groups_in_flight_max=1)
    timings = SpeakerTimings(connect=CONNECT, speech=speech, close_s=0.2, tick_s=0.01)
    async with calling(speak, timings=timings) as (call, server):
        for token in range(5):
            call.speaker.say(token, f"Sentence {token}.")
        await until(lambda: len(call.ended) == 5)
        assert call.ended == [("flushed", token) for token in range(5)]
        assert len(server.connections) == 3


async def test_an_interruption_drops_the_rest_and_the_next_reply_is_clean() -> None:
    async def script(connection: Connection) -> None:
        await connection.until_text("Flush")
        await connection.ws.send_bytes(b"old")
        await connection.until_text("Clear")
        await connection.until_text("Flush")
        # Audio in flight, and the flush of the dropped text, still come: before and behind.
        await connection.ws.send_bytes(b"old tail")
        await connection.send(type="Cleared", sequence_id=0)
        await connection.send(type="Flushed", sequence_id=0)
        await connection.ws.send_bytes(b"new")
        await connection.send(type="Flushed", sequence_id=1)
        await connection.until_gone()

    async with calling(script) as (call, server):
        call.speaker.say(1, "Old words.")
        await until(lambda: call.heard(1) == b"old")
        call.speaker.cancel()
        call.speaker.say(2, "New words.")
        await until(lambda: call.ended == [("flushed", 2)])
        assert call.heard(1) == b"old"
        assert call.heard(2) == b"new"
        assert server.connections[0].types == ["Speak", "Flush", "Clear", "Speak", "Flush"]


async def test_interrupting_silence_sends_nothing() -> None:
    async with calling(speak) as (call, server):
        call.speaker.cancel()
        await call.speaker.open()
        call.speaker.say(1, "Hello.")
        await until(lambda: call.ended == [("flushed", 1)])
        call.speaker.cancel()
        call.speaker.say(2, "Again.")
        await until(lambda: len(call.ended) == 2)
        assert "Clear" not in server.connections[0].types


async def test_a_clear_without_an_answer_changes_the_connection() -> None:
    async def script(connection: Connection) -> None:
        await connection.until_text("Flush")
        await connection.ws.send_bytes(b"old")
        await connection.until_gone()

    async with calling(script, speak) as (call, _):
        call.speaker.say(1, "Old words.")
        await until(lambda: call.heard(1) == b"old")
        started_at = time.monotonic()
        call.speaker.cancel()
        call.speaker.say(2, "New words.")
        await until(lambda: call.ended == [("flushed", 2)])
        assert time.monotonic() - started_at < 0.5
        assert call.heard(2) == b"New words."


async def test_a_clear_that_is_all_there_is_to_do_is_bounded_too() -> None:
    async with calling(listen_only, speak) as (call, server):
        call.speaker.say(1, "Old words.")
        await until(lambda: bool(server.connections) and len(server.connections[0].texts) == 2)
        call.speaker.cancel()
        await until(server.connections[0].ended.is_set)
        assert len(server.connections) == 1, "nothing to say: nothing to connect for"
        call.speaker.say(2, "New words.")
        await until(lambda: call.ended == [("flushed", 2)])


async def test_a_segment_without_audio_is_said_again_once() -> None:
    async with calling(listen_only, speak) as (call, _):
        call.speaker.say(1, "Hello.")
        await until(lambda: call.ended == [("flushed", 1)])
        assert call.heard(1) == b"Hello."


async def test_a_server_that_never_speaks_fails_the_segments_in_order() -> None:
    async with calling(listen_only) as (call, server):
        for token in range(4):
            call.speaker.say(token, "Hello.")
        await until(lambda: len(call.ended) == 4)
        assert call.ended == [("failed", token) for token in range(4)]
        assert call.events[0][2] == "no audio"
        assert len(server.connections) == 3


async def test_a_drop_before_any_audio_says_it_again() -> None:
    async def drops(connection: Connection) -> None:
        await connection.until_text("Flush")
        drop(connection)

    async with calling(drops, speak) as (call, _):
        call.speaker.say(1, "One.")
        call.speaker.say(2, "Two.")
        await until(lambda: len(call.ended) == 2)
        assert call.ended == [("flushed", 1), ("flushed", 2)]
        assert (call.heard(1), call.heard(2)) == (b"One.", b"Two.")


async def test_a_drop_in_the_middle_fails_that_segment_and_says_the_next() -> None:
    async def drops(connection: Connection) -> None:
        await connection.until_text("Flush")
        await connection.ws.send_bytes(b"On")
        await asyncio.sleep(0.02)
        drop(connection)

    async with calling(drops, speak) as (call, _):
        call.speaker.say(1, "One.")
        call.speaker.say(2, "Two.")
        await until(lambda: len(call.ended) == 2)
        assert call.ended == [("failed", 1), ("flushed", 2)]
        assert (call.heard(1), call.heard(2)) == (b"On", b"Two.")


async def test_audio_that_stops_is_a_loss() -> None:
    async def stops(connection: Connection) -> None:
        await connection.until_text("Flush")
        await connection.ws.send_bytes(b"On")
        await connection.until_gone()

    async with calling(stops, speak) as (call, _):
        call.speaker.say(1, "One.")
        await until(lambda: call.ended == [("failed", 1)])
        assert call.events[-1][2] == "audio stalled"
        call.speaker.say(2, "Two.")
        await until(lambda: call.ended[-1] == ("flushed", 2))


async def test_an_idle_connection_that_was_closed_is_made_again_when_needed() -> None:
    """Deepgram, NET-0001: an idle connection ends; that is no failure."""

    async def closes(connection: Connection) -> None:
        await connection.ws.close(code=1011, message=b"net0001")

    async with calling(closes, speak) as (call, server):
        assert await call.speaker.open()
        await until(server.connections[0].ended.is_set)
        await asyncio.sleep(0.05)
        assert len(server.connections) == 1
        call.speaker.say(1, "Hello.")
        await until(lambda: call.ended == [("flushed", 1)])


async def test_an_old_connection_is_replaced_in_a_pause() -> None:
    """Deepgram ends a connection after an hour, even in use."""
    timings = SpeakerTimings(
        connect=CONNECT, speech=SPEECH, age_max_s=0.15, close_s=0.2, tick_s=0.01
    )
    async with calling(speak, timings=timings) as (call, server):
        await call.speaker.open()
        for token in range(30):
            call.speaker.say(token, f"{token}")
            await asyncio.sleep(0.02)
        await until(lambda: len(call.ended) == 30)
        assert call.ended == [("flushed", token) for token in range(30)]
        assert len(server.connections) >= 3


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_fails_every_segment_and_is_asked_once(status: int) -> None:
    async with calling(status) as (call, server):
        assert not await call.speaker.open()
        call.speaker.say(1, "One.")
        call.speaker.say(2, "Two.")
        await until(lambda: len(call.ended) == 2)
        call.speaker.say(3, "Three.")
        await until(lambda: len(call.ended) == 3)
        assert call.ended == [("failed", 1), ("failed", 2), ("failed", 3)]
        assert len(server.requests) == 1


async def test_a_busy_server_is_asked_again_with_the_next_segment() -> None:
    async with calling(503, 503, 503, speak) as (call, server):
        assert not await call.speaker.open()
        assert len(server.requests) == 3
        call.speaker.say(1, "Hello.")
        await until(lambda: call.ended == [("flushed", 1)])


async def test_warnings_and_unknown_messages_change_nothing() -> None:
    async def chatty(connection: Connection) -> None:
        await connection.send(**METADATA)
        await connection.send(type="Warning", code="W", description="d")
        await connection.send(type="Cleared", sequence_id=0)
        await connection.send(type="Flushed", sequence_id=0)
        await connection.ws.send_bytes(b"nobody's")
        await connection.ws.send_str("rubbish")
        await connection.ws.send_bytes(b"")
        await connection.send(type="Brand", new=1)
        await speak(connection)

    async with calling(chatty) as (call, _):
        await call.speaker.open()
        await asyncio.sleep(0.05)
        call.speaker.say(1, "Hello.")
        await until(lambda: call.ended == [("flushed", 1)])
        assert call.heard(1) == b"Hello."


async def test_rubbish_five_times_in_a_row_changes_the_connection() -> None:
    async def rubbish(connection: Connection) -> None:
        await connection.until_text("Flush")
        for _ in range(5):
            await connection.ws.send_str("[]")
        await connection.until_gone()

    async with calling(rubbish, speak) as (call, _):
        call.speaker.say(1, "Hello.")
        await until(lambda: call.ended == [("flushed", 1)])


async def test_closing_in_the_middle_calls_nothing_more() -> None:
    async with calling(listen_only) as (call, server):
        call.speaker.say(1, "Hello.")
        await until(lambda: len(server.connections) == 1)
        started_at = time.monotonic()
        await call.speaker.close()
        await call.speaker.close()
        assert time.monotonic() - started_at < 1.0
        call.speaker.say(2, "Ignored.")
        call.speaker.cancel()
        assert not await call.speaker.open()
        assert call.events == []
        await until(server.connections[0].ended.is_set)


async def test_closing_during_the_connect_leaves_nothing() -> None:
    async with answering(b"") as url, aiohttp.ClientSession() as session:
        call = Call(session, url, TIMINGS)
        opening = asyncio.get_running_loop().create_task(call.speaker.open())
        await asyncio.sleep(0.05)
        await call.speaker.close()
        assert await opening is False


async def test_a_peer_that_reads_nothing_ends_in_failures() -> None:
    async def deaf(connection: Connection) -> None:
        transport = connection.request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await asyncio.Event().wait()

    timings = SpeakerTimings(
        connect=CONNECT,
        speech=SpeechTimings(first_byte_s=5.0, groups_in_flight_max=1),
        send_timeout_s=0.1,
        close_s=0.1,
        tick_s=0.01,
    )
    async with calling(deaf, timings=timings) as (call, _):
        call.speaker.say(1, "x" * 6_000_000)
        await until(lambda: call.ended == [("failed", 1)])
        assert call.events[-1][2] == "send failed: TimeoutError"


async def test_a_fault_of_the_session_fails_what_is_left() -> None:
    failed: list[int] = []

    def broken(audio: bytes, token: int) -> None:
        raise RuntimeError("session")

    async with serving(speak) as server, aiohttp.ClientSession() as session:
        speaker: DeepgramSpeaker[int] = DeepgramSpeaker(
            session,
            server.url,
            "k3y",
            "v",
            broken,
            failed.append,
            lambda token, reason: failed.append(token),
            time.monotonic,
            timings=TIMINGS,
        )
        speaker.say(1, "One.")
        speaker.say(2, "Two.")
        await until(lambda: failed == [1, 2])
        await speaker.close()
