"""The media socket against peers that are not Twilio, or not Twilio at its best."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.net.media_client import (
    STREAM_SID,
    media_socket,
    new_call_sid,
    post,
    prepared_call,
    started_stream,
    voice_form,
)
from tests.net.rig import CUT_OFF, PUBLIC_URL, heard_sound, running, until
from voicecore.sandbox.twilio import SilentCaller
from voicecore.sandbox.twilio_faults import CallFaults, Signing
from voicecore.sandbox.twilio_signature import sign

START = {
    "event": "start",
    "sequenceNumber": "9",
    "streamSid": STREAM_SID,
    "start": {
        "accountSid": "AC" + "5a" * 16,
        "streamSid": STREAM_SID,
        "callSid": "CA" + "0" * 32,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}
MEDIA = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "/////w=="}
OTHER = "MZ" + "2" * 32


def message(event: str, **fields: object) -> str:
    return json.dumps({"event": event, "sequenceNumber": "3", "streamSid": STREAM_SID} | fields)


BAD_MESSAGES: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("garbage", "not JSON"),
    "half a JSON": ('{"event":"media"', "not JSON"),
    "no object": ("[1, 2]", "not a JSON object"),
    "no event": ("{}", "event"),
    "an unknown event": (message("nonsense"), "the event is unknown"),
    "a number for an event": ('{"event": 7}', "event"),
    "media without audio": (message("media", media={}), "track"),
    "audio that is no base64": (message("media", media=MEDIA | {"payload": "%%"}), "base64"),
    "a track that is none": (message("media", media=MEDIA | {"track": "both"}), "track"),
    "a negative chunk": (message("media", media=MEDIA | {"chunk": "-1"}), "chunk"),
    "another stream's audio": (message("media", media=MEDIA, streamSid=OTHER), "another stream"),
    "another stream's stop": (
        message("stop", stop={"accountSid": "AC1", "callSid": "CA1"}, streamSid=OTHER),
        "another stream",
    ),
    "a key that is none": (message("dtmf", dtmf={"digit": "x"}), "digit"),
    "a second start": (json.dumps(START), "a second start"),
    "a second connected": (
        '{"event":"connected","protocol":"Call","version":"1.0.0"}',
        "a second connected",
    ),
    "a binary frame": (b"\x00\x01\x02", "a binary frame"),
    "an empty binary frame": (b"", "a binary frame"),
    "an empty text": ("", "not JSON"),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
async def test_a_bad_message_is_logged_once_and_skipped(redis_url: str, name: str) -> None:
    """Twice the same, and the call goes on: a good message behind it is still obeyed."""
    sent, reason = BAD_MESSAGES[name]
    async with running(redis_url, clips=False) as rig:
        async with started_stream(rig) as (client, call_sid):
            for _ in range(2):
                if isinstance(sent, bytes):
                    await client.ws.send_bytes(sent)
                else:
                    await client.ws.send_str(sent)
            await client.media()
            await client.stop(call_sid)
            assert await client.closed() in (1000, 1005)
        await rig.nothing_left()
        assert rig.ending() == ("caller", "stop")
        (line,) = rig.events("media_message_rejected")
        assert reason in line["reason"]
        assert rig.events("call_ended", rejected_messages=2)


async def test_all_bad_messages_together_do_not_disturb_the_conversation(redis_url: str) -> None:
    async with running(redis_url) as rig:
        garbage = tuple(sent for sent, _ in BAD_MESSAGES.values())
        caller = rig.caller()
        call = await rig.ring(caller, faults=CallFaults(garbage=garbage, garbage_at_ms=200))
        await caller.hears_agent(3)
        await caller.wait(300)
        await caller.press("5#", gap_ms=20)
        await until(lambda: rig.model.heard == ["5"])
        await until(lambda: any(speech.text == "We open at eight." for speech in rig.spoken()))
        await caller.hang_up()
        await rig.over(call)
        assert rig.ending() == ("caller", "stop")
        reasons = [line["reason"] for line in rig.events("media_message_rejected")]
        assert len(reasons) == len(set(reasons)) >= 8
        assert call.said == []


@pytest.mark.parametrize("sent", ["garbage", b"\x00", '{"event":"media"}'])
async def test_a_flood_of_bad_messages_ends_in_a_spoken_reason(
    redis_url: str, sent: str | bytes
) -> None:
    async with running(redis_url) as rig:
        call = await rig.ring(faults=CallFaults(garbage=(sent,) * 101, garbage_at_ms=200))
        await rig.over(call)
        assert call.said[0] == CUT_OFF
        assert heard_sound(call)
        assert rig.ending() == ("socket_lost", "too many messages that are not Twilio's")
        assert len(rig.events("media_message_rejected")) == 1


async def test_a_hundred_bad_messages_are_borne(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        async with started_stream(rig) as (client, call_sid):
            for _ in range(100):
                await client.ws.send_str("garbage")
            await client.stop(call_sid)
            await client.closed()
        await rig.nothing_left()
        assert rig.ending() == ("caller", "stop")


@pytest.mark.parametrize("sent", ["x" * 1_000_000, b"\x00" * 1_000_000])
async def test_a_frame_of_a_megabyte_ends_in_a_spoken_reason(
    redis_url: str, sent: str | bytes
) -> None:
    async with running(redis_url) as rig:
        call = await rig.ring(faults=CallFaults(garbage=(sent,), garbage_at_ms=200))
        await rig.over(call)
        assert call.streams[0].close_code in (1006, aiohttp.WSCloseCode.MESSAGE_TOO_BIG)
        assert call.said[0] == CUT_OFF
        cause, reason = rig.ending()
        assert cause == "socket_lost" and "too large" in reason


@pytest.mark.parametrize(
    ("chunk", "timestamp"),
    [(10**12, 0), (1, 10**12), (2**63, 2**63), (0, 0), (1, 0), (3, 5)],
)
async def test_absurd_counters_do_not_break_a_call(
    redis_url: str, chunk: int, timestamp: int
) -> None:
    async with running(redis_url, clips=False) as rig:
        async with started_stream(rig) as (client, call_sid):
            await client.media()
            await client.media(chunk=str(chunk), timestamp=str(timestamp))
            await client.media(payload=b"\x7f" * 40_000)
            await client.media(payload=b"")
            await client.media()
            await client.stop(call_sid)
            await client.closed()
        await rig.nothing_left()
        assert rig.ending() == ("caller", "stop")


async def test_the_other_track_is_not_taken_for_the_caller(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        async with started_stream(rig) as (client, call_sid):
            await until(lambda: bool(rig.deepgram.listen_connections))
            link = rig.deepgram.listen_connections[0]
            await client.media(track="outbound")
            await client.media(payload=b"\xff" * 320)
            await until(lambda: link.audio_bytes >= 320)
            # 20 ms of silence open every connection.
            assert link.audio_bytes in (320, 480)
            await client.stop(call_sid)
            await client.closed()
        await rig.nothing_left()


# --- before the call ----------------------------------------------------------------------------


async def test_a_stream_without_start_is_closed_and_hears_why(redis_url: str) -> None:
    async with running(redis_url) as rig:
        opened = rig.deepgram.opened_total
        call = await rig.ring(SilentCaller(), faults=CallFaults(no_start=True))
        await rig.over(call)
        stream = call.streams[0]
        assert stream.close_code == 1008
        assert stream.started_s is not None and stream.ended_s is not None
        assert 0.3 < stream.ended_s - stream.started_s < 1.0
        assert call.said[0] == CUT_OFF
        # Both sockets of the prepared call, and nothing for the stream.
        assert rig.deepgram.opened_total - opened <= 2
        assert not rig.openai.requests
        assert [line["reason"] for line in rig.events("media_stream_refused")] == ["no start"]


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (message("media", media=MEDIA), "media before start"),
        (message("mark", mark={"name": "0:0"}), "mark before start"),
        (message("stop", stop={"accountSid": "AC1", "callSid": "CA1"}), "stop before start"),
        (b"\x00", "binary before start"),
        ("garbage", ""),
        ("x" * 100_000, "error before start"),
        (json.dumps(START | {"streamSid": OTHER}), "start names two streams"),
    ],
)
async def test_something_else_than_start_is_refused(
    redis_url: str, first: str | bytes, reason: str
) -> None:
    async with running(redis_url, clips=False) as rig:
        async with media_socket(rig) as client:
            await client.connected()
            if isinstance(first, bytes):
                await client.ws.send_bytes(first)
            else:
                await client.ws.send_str(first)
            assert await client.closed() in (1008, 1009)
        await rig.nothing_left()
        (line,) = rig.events("media_stream_refused")
        assert reason in line["reason"]
        assert rig.deepgram.opened_total == 0


async def test_a_peer_that_goes_before_start_leaves_only_the_prepared_call(redis_url: str) -> None:
    async with running(redis_url, clips=False, ticket_ttl_s=0.4) as rig:
        await prepared_call(rig)
        async with media_socket(rig) as client:
            await client.connected()
            client.cut()
        await until(lambda: bool(rig.events("media_stream_refused")))
        assert len(rig.parts.prepared) == 1
        await rig.nothing_left()
        assert len(rig.events("stream_never_came")) == 1


@pytest.mark.parametrize("which", ["none", "wrong", "foreign", "used"])
async def test_a_ticket_opens_one_stream_of_its_own_call(redis_url: str, which: str) -> None:
    async with running(redis_url, clips=False) as rig:
        call_sid, ticket = await prepared_call(rig)
        await until(lambda: rig.deepgram.opened_total == 2)
        async with media_socket(rig) as first, media_socket(rig) as second:
            if which == "used":
                await first.start(call_sid, ticket)
                await until(lambda: call_sid in rig.parts.live)
            bad = {"none": None, "wrong": ticket[:-1] + "?", "foreign": ticket, "used": ticket}
            theirs = new_call_sid() if which == "foreign" else call_sid
            await second.start(theirs, bad[which])
            assert await second.closed() == 1008
            assert rig.deepgram.opened_total == 2
            assert len(rig.parts.live) == (which == "used")
            if which != "used":
                # The right call is not harmed by the attempt.
                await first.start(call_sid, ticket)
                await until(lambda: call_sid in rig.parts.live)
            await first.stop(call_sid)
            await first.closed()
        await rig.nothing_left()
        assert [line["reason"] for line in rig.events("media_stream_refused")] == ["ticket"]


@pytest.mark.parametrize("signature", ["", "wrong", "x" * 4_000])
async def test_an_upgrade_without_twilios_signature_is_forbidden(
    redis_url: str, signature: str
) -> None:
    async with running(redis_url, clips=False) as rig:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with media_socket(rig, signature=signature):
                pass
        assert refused.value.status == 403
        assert len(rig.events("media_stream_refused")) == 1
        assert rig.deepgram.opened_total == 0


async def test_the_signature_of_the_webhook_does_not_open_a_socket(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        for url in (f"{PUBLIC_URL}/media-stream", f"{PUBLIC_URL}/incoming-call"):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with media_socket(rig, signature=sign("0123456789abcdef" * 2, url, None)):
                    pass


async def test_a_signed_request_that_is_no_upgrade_is_a_bad_request(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        headers = {
            "X-Twilio-Signature": sign(
                "0123456789abcdef" * 2, "wss://agent.example.com/media-stream", None
            )
        }
        async with rig.http.get(f"{rig.url}/media-stream", headers=headers) as response:
            assert response.status == 400


async def test_a_line_signed_wrongly_hears_why(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        call = await rig.ring(faults=CallFaults(stream_signing=Signing.WRONG))
        await rig.over(call)
        assert call.said[0] == CUT_OFF


async def test_fifty_peers_that_say_nothing_are_closed_in_time(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:

        async def loris() -> int | None:
            async with media_socket(rig) as client:
                await client.connected()
                return await client.closed()

        async with asyncio.timeout(3):
            codes = await asyncio.gather(*(loris() for _ in range(50)))
        assert codes == [1008] * 50
        assert rig.deepgram.opened_total == 0
        assert len(rig.events("media_stream_refused", reason="no start")) == 50


async def test_repeated_connected_messages_do_not_buy_time(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig, media_socket(rig) as client:

        async def chatter() -> None:
            while not client.ws.closed:
                await client.connected()
                await asyncio.sleep(0.02)

        async with asyncio.timeout(3):
            closed, _ = await asyncio.gather(client.closed(), chatter())
        assert closed == 1008


async def test_a_webhook_alone_is_given_back(redis_url: str) -> None:
    """The caller hung up while it rang: Twilio never opens the stream."""
    async with running(redis_url, clips=False, ticket_ttl_s=0.3) as rig:
        call_sid, ticket = await prepared_call(rig)
        await until(lambda: rig.deepgram.opened_total == 2)
        await rig.nothing_left()
        assert len(rig.events("stream_never_came", call_sid=call_sid)) == 1
        async with media_socket(rig) as client:
            await client.start(call_sid, ticket)
            assert await client.closed() == 1008
        status, _ = await post(rig, "/incoming-call", voice_form(call_sid))
        assert status == 200
