"""One media stream over a real socket: clock, playout, violations, faults.

Source: Twilio, Media Streams - WebSocket messages; error and warning dictionary 319xx.
"""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from tests.sandbox.agents import (
    PUBLIC,
    STREAM,
    TONE,
    Agent,
    Socket,
    codes,
    documents,
    eventually,
    hang_up_after,
    listen_only,
    place,
    response,
    serve,
)
from voicecore.sandbox.twilio import TwilioSandbox
from voicecore.sandbox.twilio_call import CallStatus
from voicecore.sandbox.twilio_faults import CallFaults, LineConditions, Signing, Stall
from voicecore.sandbox.twilio_stream import StreamEnd


async def test_frames_keep_to_an_absolute_clock(twilio: TwilioSandbox) -> None:
    arrivals = []

    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "media":
            arrivals.append(asyncio.get_running_loop().time())

    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent)
        await hang_up_after(call, 0.7)
        media = agent.sockets[0].events("media")
    assert [int(m["media"]["timestamp"]) for m in media] == [20 * n for n in range(len(media))]
    assert [int(m["media"]["chunk"]) for m in media] == list(range(1, len(media) + 1))
    assert {len(m["media"]["payload"]) for m in media} == {216}
    assert arrivals[-1] - arrivals[0] == pytest.approx(0.02 * (len(arrivals) - 1), abs=0.08)


async def test_marks_come_back_when_their_audio_has_played(twilio: TwilioSandbox) -> None:
    echoed = {}

    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        now_s = asyncio.get_running_loop().time()
        if message["event"] == "start":
            echoed["sent"] = now_s
            await socket.play(TONE * 10, "0:0")
            await socket.play(TONE * 5, "0:1")
        elif message["event"] == "mark":
            echoed[message["mark"]["name"]] = now_s

    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent)
        await hang_up_after(call, 0.5)
    assert echoed["0:0"] - echoed["sent"] == pytest.approx(0.2, abs=0.08)
    assert echoed["0:1"] - echoed["sent"] == pytest.approx(0.3, abs=0.08)
    first, second = call.record.echoes
    assert second.at_s - first.at_s == pytest.approx(0.1, abs=1e-9)
    assert bytes(call.record.heard()).count(TONE * 15) == 1


async def test_clear_stops_the_audio_and_returns_its_marks(twilio: TwilioSandbox) -> None:
    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            await socket.play(TONE * 100, "0:0")
        elif message["event"] == "media" and message["media"]["timestamp"] == "100":
            await socket.send("clear")

    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent)
        await hang_up_after(call, 0.4)
        assert [m["mark"]["name"] for m in agent.sockets[0].events("mark")] == ["0:0"]
    (clear_s,) = call.record.clears_s()
    heard = call.record.heard()
    assert set(heard[round(clear_s * 8000) :]) == {0xFF}
    assert 0.1 < clear_s < 0.2
    assert call.record.echoes[0].cleared
    assert len(heard) == len(call.record.said)


async def test_what_the_vendor_rejects_is_recorded_and_not_obeyed(twilio: TwilioSandbox) -> None:
    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            await socket.ws.send_str("no json")
            await socket.ws.send_bytes(b"\xff" * 160)
            await socket.ws.send_str(
                json.dumps({"event": "clear", "streamSid": socket.sid, "mark": {}})
            )
            await socket.ws.send_str(json.dumps({"event": "clear", "streamSid": "MZother"}))

    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent)
        await hang_up_after(call, 0.2)
    assert codes(call) == [31951, 31950, 31951, 31951]
    assert call.record.clears_s() == ()


async def test_a_refused_upgrade_is_31920_and_goes_on(twilio: TwilioSandbox) -> None:
    first = response(f"<Connect>{STREAM}</Connect><Say>Sorry.</Say>")
    async with serve(Agent(listen_only, documents(first), refuse_with=403)) as agent:
        call = await place(twilio, agent)
        await call.ended(5)
    assert codes(call) == [31920]
    assert call.said == ["Sorry."]


async def test_wrong_and_missing_signatures_are_sent_when_asked_for(twilio: TwilioSandbox) -> None:
    faults = CallFaults(webhook_signing=Signing.WRONG, stream_signing=Signing.MISSING)
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent, faults=faults)
        await hang_up_after(call, 0.1)
    _, path, params, headers = agent.requests[0]
    validator = RequestValidator(twilio.auth_token)
    assert not validator.validate(PUBLIC + path, params, headers["X-Twilio-Signature"])
    assert b"x-twilio-signature" not in dict(agent.upgrades[0])


async def test_a_stream_can_lack_its_start(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent, faults=CallFaults(no_start=True))
        await asyncio.sleep(0.1)
        assert [m["event"] for m in agent.sockets[0].received] == ["connected"]
        await hang_up_after(call, 0)


async def test_garbage_is_sent_as_it_is(twilio: TwilioSandbox) -> None:
    faults = CallFaults(garbage=('{"event":"dance"}', b"\x00\x01", "{"), garbage_at_ms=50)
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent, faults=faults)
        await hang_up_after(call, 0.2)
        assert {"event": "dance"} in agent.sockets[0].received


async def test_a_dropped_stream_is_1006_on_both_sides(twilio: TwilioSandbox) -> None:
    first = response(f"<Connect>{STREAM}</Connect><Say>Back.</Say>")
    async with serve(Agent(listen_only, documents(first))) as agent:
        call = await place(twilio, agent, faults=CallFaults(drop_at_ms=100))
        await call.ended(5)
        await agent.closed.wait()
        assert agent.sockets[0].events("stop") == []
    assert agent.close_codes == [1006]
    assert codes(call) == [31903]
    assert call.streams[0].end is StreamEnd.SERVER_LOST
    assert call.said == ["Back."]


async def test_missing_frames_leave_a_gap_in_the_timestamps(twilio: TwilioSandbox) -> None:
    line = LineConditions(missing_frames=frozenset({2, 3}))
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent, line=line)
        await hang_up_after(call, 0.25)
        media = [message["media"] for message in agent.sockets[0].events("media")][:4]
    assert [frame["timestamp"] for frame in media] == ["0", "20", "80", "100"]
    assert [frame["chunk"] for frame in media] == ["1", "2", "3", "4"]


async def test_odd_payload_sizes_carry_the_same_bytes(twilio: TwilioSandbox) -> None:
    line = LineConditions(payload_bytes=(100, 37, 400))
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent, line=line)
        await hang_up_after(call, 0.3)
        media = [message["media"] for message in agent.sockets[0].events("media")]
    sizes = [len(frame["payload"]) * 3 // 4 - frame["payload"].count("=") for frame in media[:3]]
    assert sizes == [100, 37, 400]
    assert [frame["timestamp"] for frame in media[:4]] == ["0", "12", "17", "67"]


async def test_a_stall_bunches_the_frames(twilio: TwilioSandbox) -> None:
    arrivals = {}

    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "media":
            now_s = asyncio.get_running_loop().time()
            arrivals[int(message["media"]["timestamp"])] = now_s

    line = LineConditions(stalls=(Stall(at_ms=100, hold_ms=200),), delay_in_ms=10, jitter_ms=5)
    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent, line=line)
        await hang_up_after(call, 0.5)
    steps = [arrivals[later] - arrivals[earlier] for earlier, later in pairwise(arrivals)]
    assert max(steps) > 0.15
    assert sum(step < 0.005 for step in steps) >= 6
    assert list(arrivals) == sorted(arrivals)


async def test_the_outward_delay_moves_what_the_caller_hears(twilio: TwilioSandbox) -> None:
    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            await socket.play(TONE, "0:0")

    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent, line=LineConditions(delay_out_ms=150))
        await hang_up_after(call, 0.3)
        assert agent.sockets[0].events("mark")
    stream = call.streams[0]
    assert stream.playout is not None and stream.started_s is not None
    assert stream.playout.played[0].at_s - stream.started_s == pytest.approx(0.15, abs=0.08)


async def test_keys_arrive_as_dtmf(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: agent.sockets and agent.sockets[0].events("media"))
        call.line.press("7")
        await eventually(lambda: agent.sockets[0].events("dtmf"))
        assert agent.sockets[0].events("dtmf")[0]["dtmf"] == {
            "track": "inbound_track",
            "digit": "7",
        }
        await hang_up_after(call, 0)


async def test_a_server_that_never_reads_the_close_cannot_hold_the_call(
    twilio: TwilioSandbox,
) -> None:
    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "media":
            await asyncio.sleep(30)

    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: agent.sockets and agent.sockets[0].events("media"))
        call.line.hang_up()
        assert await call.ended(5) is CallStatus.COMPLETED


async def test_nobody_at_the_streams_address_is_31902(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, documents(), answer_s=0.1)) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: agent.requests)
        call.reroute("http://127.0.0.1:1")
        await call.ended(5)
    assert codes(call) == [31902]
    assert call.streams[0].end is StreamEnd.REFUSED


async def test_more_than_ten_minutes_of_audio_is_dropped(twilio: TwilioSandbox) -> None:
    async def talk(socket: Socket, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            await socket.play(TONE * (600 * 50))
            await socket.play(TONE * 50)

    async with serve(Agent(talk, documents())) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: 31931 in codes(call))
        await hang_up_after(call, 0)
    playout = call.streams[0].playout
    assert playout is not None
    assert playout.overflowed[0].end == 601 * 8000


async def test_hanging_up_during_the_handshake_still_ends_the_call(twilio: TwilioSandbox) -> None:
    async with serve(Agent(listen_only, documents())) as agent:
        call = await place(twilio, agent)
        await eventually(lambda: call.streams)
        await hang_up_after(call, 0)
        await agent.closed.wait()
    assert call.streams[0].end is StreamEnd.STOPPED
    assert agent.sockets[0].received[-1]["event"] == "stop"


async def test_lost_frames_are_the_same_for_the_same_seed(twilio: TwilioSandbox) -> None:
    line = LineConditions(loss=0.5, seed=7)
    timestamps = []
    for _ in range(2):
        async with serve(Agent(listen_only, documents())) as agent:
            call = await place(twilio, agent, line=line)
            await hang_up_after(call, 0.3)
            media = agent.sockets[0].events("media")
            timestamps.append([int(message["media"]["timestamp"]) for message in media])
    shorter = min(map(len, timestamps))
    assert timestamps[0][:shorter] == timestamps[1][:shorter] != [20 * n for n in range(shorter)]
