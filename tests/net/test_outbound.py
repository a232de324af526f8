"""The writer of a media socket, over a real one, against the model of Twilio's buffer."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.net.rig import until
from tests.net.socket_pair import socket_pair
from voicecore.audio.playout import Playout
from voicecore.call.events import Event, MarkEchoed, PlayoutCleared, PlayoutPaused
from voicecore.net.outbound import OutboundAudio
from voicecore.net.speech_output import SpeechOutput
from voicecore.sandbox.twilio_buffer import PlayoutModel

STREAM_SID = "MZ" + "1" * 32


def audio_of(turn: int, segment: int, duration_ms: int) -> bytes:
    """Audio in which every place can be recognised."""
    return random.Random(f"{turn}:{segment}").randbytes(duration_ms * 8)


@dataclass
class Ear:
    """Twilio's end: plays what comes, echoes marks, keeps all messages in order."""

    ws: aiohttp.ClientWebSocketResponse
    messages: list[dict[str, Any]] = field(default_factory=list)
    model: PlayoutModel | None = None
    echoes: bool = True

    def now_s(self) -> float:
        return asyncio.get_running_loop().time() - self.zero_s

    async def run(self) -> None:
        self.zero_s = asyncio.get_running_loop().time()
        self.model = PlayoutModel(start_s=0.0)
        while True:
            try:
                message = await self.ws.receive(timeout=0.005)
            except TimeoutError:
                await self.settle()
                continue
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            self.take(json.loads(message.data))
            await self.settle()

    def take(self, message: dict[str, Any]) -> None:
        assert self.model is not None and message["streamSid"] == STREAM_SID
        self.messages.append(message)
        at_s = self.now_s()
        match message["event"]:
            case "media":
                self.model.feed(at_s, base64.b64decode(message["media"]["payload"]))
            case "mark":
                self.model.mark(at_s, message["mark"]["name"])
            case "clear":
                self.model.clear(at_s)

    async def settle(self) -> None:
        assert self.model is not None
        for echo in self.model.advance(self.now_s()):
            if self.echoes:
                await self.ws.send_str(echo.name)

    def payloads(self) -> list[bytes]:
        return [
            base64.b64decode(message["media"]["payload"])
            for message in self.messages
            if message["event"] == "media"
        ]


@dataclass
class Line:
    """One call's way out, and the ear at its end."""

    speech: SpeechOutput
    outbound: OutboundAudio
    ear: Ear
    events: list[Event]
    drained: list[int]
    started: list[int]
    clips: dict[str, bytes]

    def say(self, turn: int, segment: int, duration_ms: int) -> bytes:
        """Let a segment of recognisable audio be spoken."""
        text = f"{turn}:{segment}"
        self.clips[text] = audio_of(turn, segment, duration_ms)
        self.speech.speak(turn, segment, text)
        return self.clips[text]


@asynccontextmanager
async def a_line(on_frame: Callable[[bytes], None] = lambda _: None) -> AsyncIterator[Line]:
    clock = asyncio.get_running_loop().time
    events: list[Event] = []
    drained: list[int] = []
    started: list[int] = []
    clips: dict[str, bytes] = {}
    async with socket_pair() as (server, client):
        playout = Playout()
        speech = SpeechOutput(
            playout=playout,
            clips=clips,
            clock=clock,
            emit=events.append,
            on_first_audio=lambda _: None,
        )
        outbound = OutboundAudio(
            server,
            STREAM_SID,
            playout,
            clock=clock,
            on_started=started.append,
            on_drained=drained.append,
            on_frame=lambda payload: (on_frame(payload), speech.progressed())[0],
        )
        speech.attach_outbound(outbound)
        ear = Ear(client)

        async def marks() -> None:
            while (message := await server.receive(20)).type is aiohttp.WSMsgType.TEXT:
                speech.mark_echoed(message.data)

        async with asyncio.TaskGroup() as group:
            group.create_task(outbound.run())
            group.create_task(ear.run())
            group.create_task(marks())
            yield Line(speech, outbound, ear, events, drained, started, clips)
            outbound.close()
            await server.close()


async def test_a_reply_is_heard_whole_and_reported_once() -> None:
    async with a_line() as line:
        audio = line.say(0, 0, 300) + line.say(0, 1, 115)
        await until(lambda: line.drained == [0], 3)
        assert b"".join(line.ear.payloads())[: len(audio)] == audio
        assert line.started == [0]
        heard = [event.segment for event in line.events if isinstance(event, MarkEchoed)]
        assert heard == [0, 1]
        # A mark stands right behind the audio that it closes.
        names = [m["mark"]["name"] for m in line.ear.messages if m["event"] == "mark"]
        assert "0:0" in names and names[-1] == "0:1"
        assert line.ear.messages[-1]["event"] == "mark"


async def test_a_reply_counts_as_heard_even_if_no_mark_comes_back() -> None:
    async with a_line() as line:
        line.ear.echoes = False
        line.say(0, 0, 100)
        await until(lambda: line.drained == [0], 3)
        assert not any(isinstance(event, MarkEchoed) for event in line.events)


async def test_a_paused_reply_is_not_drained_and_goes_on_at_the_unheard_sample() -> None:
    async with a_line() as line:
        audio = line.say(0, 0, 400)
        await until(lambda: len(line.ear.payloads()) >= 6)
        line.speech.pause(0)
        (paused,) = [event for event in line.events if isinstance(event, PlayoutPaused)]
        await asyncio.sleep(0.5)
        assert line.drained == []
        sent = len(line.ear.messages)
        line.speech.resume(0)
        await until(lambda: line.drained == [0], 3)
        after = b"".join(
            base64.b64decode(m["media"]["payload"])
            for m in line.ear.messages[sent:]
            if m["event"] == "media"
        )
        resumed_at = audio.find(after[:160])
        assert abs(resumed_at - 8 * paused.played_ms) < 8
        assert after[: len(audio) - resumed_at] == audio[resumed_at:]


async def test_commands_for_another_reply_do_nothing() -> None:
    async with a_line() as line:
        line.say(3, 0, 100)
        line.speech.pause(2)
        line.speech.clear(2)
        line.speech.resume(2)
        line.speech.cancel(2)
        await until(lambda: line.drained == [3], 3)
        assert [m["event"] for m in line.ear.messages if m["event"] == "clear"] == []


async def test_a_cleared_reply_is_never_reported_and_wakes_nobody() -> None:
    async with a_line() as line:
        line.say(0, 0, 2_000)
        await until(lambda: bool(line.ear.payloads()))
        line.speech.clear(0)
        await until(lambda: line.ear.messages[-1]["event"] == "clear")
        sent = len(line.ear.messages)
        await asyncio.sleep(0.1)
        assert len(line.ear.messages) == sent and line.drained == []
        # Nothing is left to look at: the writer sleeps until it is woken.
        assert line.outbound._next_due_s() is None


async def test_a_clear_in_the_middle_of_a_batch_goes_next() -> None:
    """Frame 1 of a batch makes the caller interrupt: frames 2 to 8 stay behind."""
    lines: list[Line] = []
    cleared_after: list[int] = []

    def interrupt(payload: bytes) -> None:
        if lines and not cleared_after:
            cleared_after.append(len(lines[0].ear.messages))
            lines[0].speech.clear(0)

    async with a_line(interrupt) as line:
        lines.append(line)
        for segment in range(8):
            line.say(0, segment, 20)
        await until(lambda: any(m["event"] == "clear" for m in line.ear.messages))
        await asyncio.sleep(0.05)
        kinds = [m["event"] for m in line.ear.messages]
        assert kinds == ["media", "clear"]


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))]
)
async def test_no_stale_frame_after_clear_and_none_lost_over_pauses(seed: int) -> None:
    """Many pauses, resumptions and interruptions at any moment, on a real socket.

    Every run of media between two clears must be a seamless piece of one reply: the first of a
    reply begins at its start, one after a pause at the sample that the pause reported; and once a
    reply was cleared or replaced, nothing of it comes any more.
    """
    dice = random.Random(seed)
    replies: dict[int, bytes] = {}
    expected_at: list[tuple[int, int]] = []
    async with a_line() as line:
        for turn in range(12):
            pieces = [line.say(turn, part, dice.randrange(15, 300)) for part in range(3)]
            replies[turn] = b"".join(pieces)
            expected_at.append((turn, 0))
            for _ in range(dice.randrange(1, 5)):
                await asyncio.sleep(dice.uniform(0, 0.06))
                line.speech.pause(turn)
                paused = line.events[-1]
                assert isinstance(paused, PlayoutPaused)
                await asyncio.sleep(dice.choice((0, 0, 0.01, 0.05)))
                line.speech.resume(turn)
                expected_at.append((turn, paused.played_ms))
            await asyncio.sleep(dice.uniform(0, 0.06))
            line.speech.clear(turn)
            assert isinstance(line.events[-1], PlayoutCleared)
        await until(lambda: line.ear.messages[-1]["event"] == "clear", 3)
        await asyncio.sleep(0.05)
        runs = _runs(line.ear.messages)
    # Each pause and each clear puts one `clear` on the wire, in order; two may fall together.
    places = [_place(run, replies) for run in runs if run]
    assert places, "something was sent"
    allowed = [(turn, at_ms) for turn, at_ms in expected_at]
    for turn, offset, _ in places:
        while allowed and (allowed[0][0] != turn or abs(allowed[0][1] * 8 - offset) >= 8):
            allowed.pop(0)
        assert allowed, f"reply {turn} went on at byte {offset}, where nothing had stopped"
        allowed.pop(0)
    turns = [turn for turn, _, _ in places]
    assert turns == sorted(turns), "a cleared reply came back"
    # What was heard at Twilio's end is what the engine thinks was heard, to within a frame or two.
    assert line.ear.model is not None


def _runs(messages: list[dict[str, Any]]) -> list[bytes]:
    runs = [b""]
    for message in messages:
        if message["event"] == "clear":
            runs.append(b"")
        elif message["event"] == "media":
            runs[-1] += base64.b64decode(message["media"]["payload"])
    return runs


def _place(run: bytes, replies: dict[int, bytes]) -> tuple[int, int, int]:
    """Which reply a run of audio is a seamless piece of, from which byte, and how long."""
    for turn, audio in replies.items():
        offset = audio.find(run[:40])
        if offset >= 0:
            rest = audio[offset : offset + len(run)]
            padding = len(run) - len(rest)
            assert padding < 160 and run == rest + b"\xff" * padding
            return turn, offset, len(rest)
    raise AssertionError("audio of no reply")


async def test_a_peer_that_is_gone_ends_the_writer() -> None:
    clock = asyncio.get_running_loop().time
    async with socket_pair() as (server, client):
        playout = Playout()
        outbound = OutboundAudio(
            server,
            STREAM_SID,
            playout,
            clock=clock,
            on_started=lambda _: None,
            on_drained=lambda _: None,
            on_frame=lambda _: None,
        )
        playout.write(b"\x55" * 80_000, playout.begin(0))
        client._response.connection.transport.abort()  # type: ignore[union-attr]
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(3):
                await outbound.run()
