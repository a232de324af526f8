"""The listener against a scripted server: words, clocks, losses, and ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
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
from voicecore.net.listen import DeepgramListener, ListenerTimings
from voicecore.net.listen_link import HeardMessage, LinkTimings
from voicecore.net.listener_state import ListenerPhase, ListenerState
from voicecore.wire.deepgram_listen import ListenOptions, Results, SpeechStarted, UtteranceEnd

CONNECT = ConnectPolicy(delays_s=(0.0, 0.02, 0.04), budget_s=0.5, attempt_timeout_s=0.3)
LINK = LinkTimings(keep_alive_s=0.1, deaf_s=0.15, send_timeout_s=0.2, tick_s=0.02)
TIMINGS = ListenerTimings(connect=CONNECT, link=LINK, close_s=0.3)
FRAME = bytes(range(160))
OPEN, LOST, RESTORED, FATAL = (
    ListenerPhase.OPEN,
    ListenerPhase.LOST,
    ListenerPhase.RESTORED,
    ListenerPhase.FATAL,
)


class Call:
    """What a session would see of its listener."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        timings: ListenerTimings,
        clock: Callable[[], float],
    ) -> None:
        self.heard: list[HeardMessage] = []
        self.states: list[ListenerState] = []
        self.listener = DeepgramListener(
            session,
            url,
            "k3y",
            ListenOptions(),
            self.heard.append,
            self.states.append,
            clock,
            timings=timings,
        )

    @property
    def phases(self) -> list[ListenerPhase]:
        return [state.phase for state in self.states]


@asynccontextmanager
async def calling(
    *scripts: Script | int, timings: ListenerTimings = TIMINGS
) -> AsyncIterator[tuple[Call, ScriptedServer]]:
    """A listener with its server; nothing may be left running at the end."""
    before = asyncio.all_tasks()
    async with serving(*scripts) as server, aiohttp.ClientSession() as session:
        call = Call(session, server.url, timings, time.monotonic)
        try:
            yield call, server
        finally:
            await call.listener.close()
            assert asyncio.all_tasks() - before <= {
                task for task in asyncio.all_tasks() if "listener" not in task.get_name()
            }


def results(start: float, duration: float, text: str, **flags: bool) -> dict[str, object]:
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": start,
        "duration": duration,
        "is_final": flags.get("is_final", True),
        "speech_final": flags.get("speech_final", False),
        "from_finalize": flags.get("from_finalize", False),
        "channel": {
            "alternatives": [
                {
                    "transcript": text,
                    "confidence": 0.9,
                    "words": [
                        {"word": text, "start": start, "end": start + duration, "confidence": 0.9}
                    ],
                }
            ]
        },
        "metadata": {"request_id": "r", "model_uuid": "m", "model_info": {}},
    }


async def listen(connection: Connection) -> None:
    """Take everything; end the way Deepgram does."""
    await connection.until_text("CloseStream")
    await connection.send(type="Metadata", request_id="r", duration=1.0)
    await connection.ws.close()


async def test_audio_goes_out_and_words_come_back() -> None:
    async def script(connection: Connection) -> None:
        await connection.until_audio(3 * 160)
        await connection.send(**results(0.02, 0.03, "hello", speech_final=True))
        await connection.send(type="SpeechStarted", channel=[0, 1], timestamp=0.03)
        await connection.send(type="UtteranceEnd", channel=[0, 1], last_word_end=0.04)
        await connection.send(type="UtteranceEnd", channel=[0, 1], last_word_end=-1)
        await connection.send(type="Error", variant="SchemaError", description="d", message="m")
        await connection.send(type="ConfigureSuccess", request_id="r")
        await listen(connection)

    async with calling(script) as (call, server):
        assert await call.listener.open()
        assert call.listener.is_open
        await until(lambda: call.phases == [OPEN])
        call.listener.send(FRAME)
        call.listener.send(b"")
        call.listener.send(FRAME)
        await until(lambda: len(call.heard) == 4)
        first = call.heard[0]
        assert isinstance(first, Results)
        # 20 ms of silence went out ahead of the call's own audio.
        assert first.transcript == "hello"
        assert first.start_s == pytest.approx(0.0)
        assert first.words[0].start_s == pytest.approx(0.0)
        assert first.words[0].end_s == pytest.approx(0.03)
        assert call.heard[1] == SpeechStarted(pytest.approx(0.01))
        assert call.heard[2] == UtteranceEnd(pytest.approx(0.02))
        assert call.heard[3] == UtteranceEnd(-1)
        await call.listener.close()
        (connection,) = server.connections
        assert connection.audio == b"\xff" * 160 + FRAME * 2
        assert b"" not in connection.messages
        assert connection.types == ["CloseStream"]
        assert connection.request.query["encoding"] == "mulaw"
    assert call.phases == [OPEN]


async def test_audio_that_comes_before_the_connection_is_kept() -> None:
    async with calling(listen) as (call, server):
        call.listener.send(FRAME * 20)
        await call.listener.open()
        await until(lambda: bool(server.connections) and bool(call.phases))
        await call.listener.close()
        assert server.connections[0].audio == FRAME * 20
        sizes = [len(message) for message in server.connections[0].messages[:2]]
        assert sizes == [2000, 1200], "a message holds at most 250 ms"


async def test_an_open_line_without_audio_is_kept_alive() -> None:
    """Deepgram, NET-0001: first real audio, then a KeepAlive every few seconds."""
    async with calling(listen) as (call, server):
        await call.listener.open()
        await until(lambda: len(server.connections) == 1)
        connection = server.connections[0]
        await until(lambda: connection.types.count("KeepAlive") >= 2)
        assert connection.messages[0] == b"\xff" * 160
        call.listener.send(FRAME)
        await until(lambda: len(connection.audio) == 320)


async def test_last_words_arrive_while_closing() -> None:
    async def script(connection: Connection) -> None:
        await connection.until_text("CloseStream")
        await connection.send(**results(0.02, 0.1, "goodbye"))
        await connection.ws.close()

    async with calling(script) as (call, _):
        await call.listener.open()
        call.listener.send(FRAME)
        await call.listener.close()
        await call.listener.close()
        assert [type(message) for message in call.heard] == [Results]
        assert not call.listener.is_open
        call.listener.send(FRAME)
        assert FATAL not in call.phases


async def test_closing_does_not_wait_for_a_server_that_ignores_it() -> None:
    async def script(connection: Connection) -> None:
        await connection.until_gone()

    async with calling(script) as (call, server):
        await call.listener.open()
        started_at = time.monotonic()
        await call.listener.close()
        assert time.monotonic() - started_at < 1.0
        await until(server.connections[0].ended.is_set)


async def test_a_listener_that_was_never_opened_closes_and_stays_closed() -> None:
    async with calling(listen) as (call, server):
        call.listener.finalize()
        call.listener.voice(True)
        await call.listener.close()
        assert not await call.listener.open()
        assert server.requests == []


async def test_closing_during_the_connect_leaves_nothing() -> None:
    async with answering(b"") as url, aiohttp.ClientSession() as session:
        call = Call(session, url, TIMINGS, time.monotonic)
        opening = asyncio.get_running_loop().create_task(call.listener.open())
        await asyncio.sleep(0.05)
        await call.listener.close()
        assert await opening is False
        assert call.states == []


async def test_an_opener_that_is_cancelled_leaves_the_call_its_ears() -> None:
    async with calling(listen) as (call, _):
        opening = asyncio.get_running_loop().create_task(call.listener.open())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await until(lambda: call.phases == [OPEN])
        assert await call.listener.open()


@pytest.mark.parametrize("status", [400, 401, 402, 403])
async def test_a_refusal_is_fatal_at_once(status: int) -> None:
    async with calling(status) as (call, server):
        assert not await call.listener.open()
        assert not await call.listener.open()
        assert call.states == [ListenerState(FATAL, "upgrade refused: refused by script", status)]
        assert len(server.requests) == 1
        assert not call.listener.is_open
        call.listener.send(FRAME)


async def test_a_busy_server_is_tried_again_and_then_given_up() -> None:
    async with calling(429, 503, listen) as (call, server):
        assert await call.listener.open()
        assert len(server.requests) == 3
    async with calling(503) as (call, server):
        assert not await call.listener.open()
        assert call.phases == [FATAL]
        assert len(server.requests) == 3


async def test_a_dropped_connection_loses_no_audio_and_no_clock() -> None:
    """The frames that no final result covered are sent again, once; times go on."""

    async def first(connection: Connection) -> None:
        await connection.until_audio(160 + 50 * 160)
        # Silence of 20 ms, then frames: the first 30 frames end at 0.62 s of this connection.
        await connection.send(**results(0.02, 0.6, "before"))
        await connection.send(**results(0.62, 0.2, "guess", is_final=False))
        await asyncio.sleep(0.05)
        drop(connection)

    async def second(connection: Connection) -> None:
        await connection.until_audio(20 * 160)
        await connection.send(**results(0.1, 0.2, "after"))
        await listen(connection)

    async with calling(first, second) as (call, server):
        await call.listener.open()
        frames = [bytes([index]) * 160 for index in range(60)]
        for frame in frames[:50]:
            call.listener.send(frame)
        await until(lambda: LOST in call.phases)
        for frame in frames[50:]:
            call.listener.send(frame)
        await until(lambda: len(call.heard) == 3)
        assert call.phases == [OPEN, LOST, RESTORED]
        await until(lambda: len(server.connections[1].audio) == 30 * 160)
        assert server.connections[1].audio == b"".join(frames[30:])
        before, guess, after = call.heard
        assert isinstance(before, Results)
        assert isinstance(guess, Results)
        assert isinstance(after, Results)
        assert before.start_s == pytest.approx(0.0)
        assert guess.start_s == pytest.approx(0.6)
        assert after.start_s == pytest.approx(0.6 + 0.1)
        assert after.words[0].end_s == pytest.approx(0.6 + 0.3)


async def test_no_more_than_five_seconds_are_replayed() -> None:
    async def first(connection: Connection) -> None:
        await connection.until_audio(160 + 8 * 8000)
        drop(connection)

    async def second(connection: Connection) -> None:
        await connection.until_audio(40_000)
        await connection.send(**results(0.0, 1.0, "after"))
        await listen(connection)

    async with calling(first, second) as (call, server):
        await call.listener.open()
        for second_s in range(8):
            call.listener.send(bytes([second_s]) * 8000)
            await asyncio.sleep(0.005)
        await until(lambda: len(call.heard) == 1)
        assert server.connections[1].audio == b"".join(bytes([s]) * 8000 for s in range(3, 8))
        heard = call.heard[0]
        assert isinstance(heard, Results)
        assert heard.start_s == pytest.approx(3.0)


async def test_finalize_follows_the_audio_it_is_about() -> None:
    async def script(connection: Connection) -> None:
        await connection.until_text("Finalize")
        await connection.send(**results(0.0, 0.06, "done", from_finalize=True))
        await listen(connection)

    async with calling(script) as (call, server):
        await call.listener.open()
        call.listener.send(FRAME)
        call.listener.finalize()
        call.listener.send(FRAME)
        await until(lambda: len(call.heard) == 1)
        kinds = [type(message) for message in server.connections[0].messages]
        assert kinds.index(str) >= 2, "silence and the frame come first"


async def test_a_finalize_that_was_lost_is_asked_again() -> None:
    async def first(connection: Connection) -> None:
        await connection.until_text("Finalize")
        drop(connection)

    async with calling(first, listen) as (call, server):
        await call.listener.open()
        call.listener.send(FRAME)
        call.listener.finalize()
        await until(lambda: len(server.connections) == 2)
        await until(lambda: "Finalize" in server.connections[1].types)
        assert server.connections[1].messages[0] == FRAME


async def test_an_answered_finalize_is_not_asked_again() -> None:
    async def first(connection: Connection) -> None:
        await connection.until_text("Finalize")
        await connection.send(**results(0.0, 0.04, "done"))
        await asyncio.sleep(0.02)
        drop(connection)

    async with calling(first, listen) as (call, server):
        await call.listener.open()
        call.listener.send(FRAME)
        call.listener.finalize()
        await until(lambda: call.phases == [OPEN, LOST, RESTORED])
        await call.listener.close()
        assert server.connections[1].types == ["CloseStream"]


async def test_a_listener_that_ignores_the_callers_voice_is_replaced() -> None:
    async def deaf(connection: Connection) -> None:
        await connection.until_gone()

    async with calling(deaf, listen) as (call, server):
        await call.listener.open()
        await until(lambda: call.phases == [OPEN])
        call.listener.send(FRAME)
        call.listener.voice(True)
        call.listener.voice(True)
        await until(lambda: call.phases == [OPEN, LOST, RESTORED])
        assert call.states[1].reason == "no answer to the caller's voice"
        await until(lambda: server.connections[1].audio == FRAME)


async def test_short_calls_for_attention_add_up() -> None:
    """Someone who says "hello?" again and again is never heard for three seconds in a row."""

    async def deaf(connection: Connection) -> None:
        await connection.until_gone()

    async with calling(deaf, listen) as (call, _):
        await call.listener.open()
        await until(lambda: call.phases == [OPEN])
        for _ in range(40):
            call.listener.voice(True)
            await asyncio.sleep(0.02)
            call.listener.voice(False)
            call.listener.voice(False)
            if LOST in call.phases:
                break
        await until(lambda: RESTORED in call.phases)


async def test_silence_from_deepgram_is_fine_while_the_caller_is_silent_or_answered() -> None:
    async def answers(connection: Connection) -> None:
        for _ in range(30):
            await connection.send(**results(0.0, 0.0, "", is_final=False))
            await asyncio.sleep(0.02)
        await listen(connection)

    async with calling(answers) as (call, _):
        await call.listener.open()
        call.listener.voice(True)
        await until(lambda: len(call.heard) == 30)
        call.listener.voice(False)
        await asyncio.sleep(0.3)
        assert call.phases == [OPEN]


async def test_rubbish_is_skipped_five_times_and_then_the_line_is_changed() -> None:
    async def rubbish(connection: Connection) -> None:
        for _ in range(4):
            await connection.ws.send_str("{")
        await connection.send(**results(0.0, 0.1, "fine", is_final=False))
        for _ in range(4):
            await connection.ws.send_str('{"type":"Results"}')
        await connection.ws.send_bytes(b"audio?")
        await connection.until_gone()

    async with calling(rubbish, listen) as (call, _):
        await call.listener.open()
        await until(lambda: call.phases == [OPEN, LOST, RESTORED])
        assert call.states[1].reason == "unreadable messages"
        assert len(call.heard) == 1


async def test_a_close_with_a_reason_is_a_loss_with_that_reason() -> None:
    async def closes(connection: Connection) -> None:
        await connection.ws.close(code=1011, message=b"dpgr.am/net0001")

    async with calling(closes, listen) as (call, _):
        await call.listener.open()
        await until(lambda: call.phases == [OPEN, LOST, RESTORED])
        assert call.states[1].reason == "closed 1011: dpgr.am/net0001"


async def test_a_server_that_always_hangs_up_is_given_up() -> None:
    async def closes(connection: Connection) -> None:
        await connection.ws.close(code=1011)

    async with calling(closes) as (call, server):
        await call.listener.open()
        await until(lambda: FATAL in call.phases)
        assert call.phases == [OPEN, LOST, RESTORED, LOST, RESTORED, FATAL]
        assert len(server.requests) == 3


async def test_a_server_that_answers_and_always_hangs_up_is_given_up_too() -> None:
    async def answers_and_closes(connection: Connection) -> None:
        await connection.send(**results(0.0, 0.1, "x"))
        await connection.ws.close(code=1011)

    async with calling(answers_and_closes) as (call, server):
        await call.listener.open()
        await until(lambda: FATAL in call.phases)
        assert len(server.requests) == TIMINGS.losses_max + 1


async def test_losses_that_are_long_ago_do_not_count() -> None:
    timings = ListenerTimings(
        connect=CONNECT, link=LINK, losses_max=1, losses_window_s=0.05, close_s=0.3
    )

    async def answers_and_closes(connection: Connection) -> None:
        await connection.send(**results(0.0, 0.1, "x"))
        await asyncio.sleep(0.1)
        await connection.ws.close(code=1011)

    async with calling(
        answers_and_closes, answers_and_closes, answers_and_closes, listen, timings=timings
    ) as (call, _):
        await call.listener.open()
        await until(lambda: call.phases.count(RESTORED) == 3)


async def test_a_reconnect_that_fails_is_fatal() -> None:
    async def closes(connection: Connection) -> None:
        await connection.ws.close(code=1011)

    async with calling(closes, 503) as (call, server):
        await call.listener.open()
        await until(lambda: call.phases == [OPEN, LOST, FATAL])
        assert call.states[-1].status == 503
        assert len(server.requests) == 4


async def test_a_socket_that_takes_nothing_more_is_replaced() -> None:
    """The peer keeps the connection and reads nothing: sends block, no error ever comes."""

    async def deaf(connection: Connection) -> None:
        transport = connection.request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await asyncio.Event().wait()

    async with calling(deaf, listen) as (call, server):
        await call.listener.open()
        await until(lambda: len(server.connections) == 1)
        while LOST not in call.phases:
            call.listener.send(bytes(20_000))
            await asyncio.sleep(0)
        assert call.states[1].reason in {"send blocked", "audio fell out unsent"}
        await until(lambda: RESTORED in call.phases)


async def test_a_peer_that_answers_no_ping_is_gone() -> None:
    async def frozen(connection: Connection) -> None:
        transport = connection.request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await asyncio.Event().wait()

    connect = ConnectPolicy(
        delays_s=(0.0, 0.02), budget_s=0.5, attempt_timeout_s=0.3, heartbeat_s=0.2
    )
    timings = ListenerTimings(connect=connect, link=LINK, close_s=0.3)
    async with calling(frozen, listen, timings=timings) as (call, _):
        await call.listener.open()
        await until(lambda: call.phases == [OPEN, LOST, RESTORED])


async def test_a_fault_of_the_session_ends_in_fatal_not_in_silence() -> None:
    async def speaks(connection: Connection) -> None:
        await connection.send(**results(0.0, 0.1, "x"))
        await connection.until_gone()

    states: list[ListenerState] = []

    def broken(message: HeardMessage) -> None:
        raise RuntimeError("session")

    async with serving(speaks) as server, aiohttp.ClientSession() as session:
        listener = DeepgramListener(
            session,
            server.url,
            "k3y",
            ListenOptions(),
            broken,
            states.append,
            time.monotonic,
            timings=TIMINGS,
        )
        await listener.open()
        await until(lambda: bool(states) and states[-1].phase is FATAL)
        await listener.close()
