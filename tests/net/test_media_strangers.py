"""Two hundred strangers, each as slow as can be: cut off, and nothing is paid for them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.net.media_client import (
    STREAM_URL,
    MediaClient,
    media_socket,
    new_call_sid,
    post,
    prepared_call,
    voice_form,
)
from tests.net.rig import AUTH_TOKEN, PUBLIC_URL, Rig, running, until
from voicecore.sandbox.twilio_signature import sign

STRANGERS = 200
UPGRADE = (
    "GET /media-stream HTTP/1.1\r\nHost: agent.example.com\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
)


def signed_upgrade() -> str:
    return f"{UPGRADE}X-Twilio-Signature: {sign(AUTH_TOKEN, STREAM_URL, None)}\r\n\r\n"


async def connect(rig: Rig) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(rig.url.rpartition(":")[2]))


async def trickle(rig: Rig, text: str, limit_s: float) -> bytes:
    """Send a text letter by letter until the server hangs up; return what it said."""
    reader, writer = await connect(rig)
    got = b""
    try:
        async with asyncio.timeout(limit_s):
            for letter in text.encode():
                writer.write(bytes((letter,)))
                await asyncio.sleep(0.05)
                if reader.at_eof() or writer.is_closing():
                    break
            got = await reader.read()
    except ConnectionError:
        pass
    finally:
        writer.close()
    return got


def nothing_was_opened(rig: Rig) -> bool:
    return rig.deepgram.opened_total == 0 and not rig.openai.requests and not len(rig.parts.live)


async def test_slow_heads_of_requests_are_cut(redis_url: str) -> None:
    """The head never ends: a keep-alive limit that starts with the connection."""
    async with running(redis_url, clips=False, idle_s=0.5) as rig:
        told = await asyncio.gather(*(trickle(rig, UPGRADE * 40, 20) for _ in range(STRANGERS)))
        assert not any(b" 101 " in answer for answer in told)
        assert nothing_was_opened(rig)
        status, _ = await post(rig, "/incoming-call", voice_form(new_call_sid()))
        assert status == 200


SILENCES = {
    "nothing": b"",
    "a frame of 60 KiB that never ends": b"\x81\xfe\xee\x00" + b"\x00" * 40,
    "half a head of a frame": b"\x81",
    "pings": b"\x89\x80\x00\x00\x00\x00",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "nothing" else pytest.mark.slow) for name in SILENCES],
)
async def test_signed_sockets_that_never_start_are_closed(redis_url: str, name: str) -> None:
    async with running(redis_url, clips=False) as rig:

        async def one() -> bytes:
            reader, writer = await connect(rig)
            try:
                async with asyncio.timeout(20):
                    writer.write(signed_upgrade().encode())
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert b" 101 " in head
                    writer.write(SILENCES[name])
                    return await reader.read()
            finally:
                writer.close()

        closes = await asyncio.gather(*(one() for _ in range(STRANGERS)))
        # A close frame with the code 1008.
        assert all(b"\x88\x0a\x03\xf0" in close for close in closes), closes[:3]
        assert nothing_was_opened(rig)


@pytest.mark.parametrize("paths", [("/incoming-call",), ("/sms-incoming", "/call-status")])
async def test_slow_bodies_of_forms_are_cut(
    redis_url: str, paths: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicecore.net.signed_form.BODY_S", 0.3)
    async with running(redis_url, clips=False) as rig:

        async def one(path: str) -> bytes:
            reader, writer = await connect(rig)
            head = (
                f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: x\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\nA="
            )
            writer.write(head.encode())
            try:
                async with asyncio.timeout(20):
                    return await reader.readline()
            finally:
                writer.close()

        answers = await asyncio.gather(*(one(path) for path in paths for _ in range(50)))
        assert all(b" 408 " in answer for answer in answers)
        assert nothing_was_opened(rig)


async def test_wrong_used_and_foreign_tickets_open_nothing_more(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        call_sid, ticket = await prepared_call(rig)
        other_sid, other_ticket = await prepared_call(rig)
        await until(lambda: rig.deepgram.opened_total == 4)

        async def shown(sid: str, shown_ticket: str | None) -> int | None:
            async with media_socket(rig) as client:
                await client.connected()
                await client.start(sid, shown_ticket)
                return await client.closed()

        for wrong in (None, "", "x", "x" * 22, ticket.swapcase(), other_ticket, f"{ticket}\n"):
            assert await shown(call_sid, wrong) == 1008, wrong
        assert await shown(new_call_sid(), ticket) == 1008
        async with media_socket(rig) as client:
            await client.start(call_sid, ticket)
            await until(lambda: call_sid in rig.parts.live)
            assert await shown(call_sid, ticket) == 1008
            await client.stop(call_sid)
            await client.closed()
        assert await shown(call_sid, ticket) == 1008
        assert rig.deepgram.opened_total == 4
        rig.parts.prepared.drop(other_sid)
        assert await shown(other_sid, other_ticket) == 1008
        assert rig.deepgram.opened_total == 4


async def test_a_stranger_without_a_signature_gets_no_socket(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        wrong = {
            "none": "",
            "https": sign(AUTH_TOKEN, f"{PUBLIC_URL}/media-stream", None),
            "another token": sign("another", STREAM_URL, None),
            "a query": sign(AUTH_TOKEN, f"{STREAM_URL}?ticket=1", None),
        }
        for name, signature in wrong.items():
            headers = {"X-Twilio-Signature": signature} if signature else {}
            address = f"{rig.url.replace('http', 'ws')}/media-stream"
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await rig.http.ws_connect(address, headers=headers)
            assert nothing_was_opened(rig), name
        async with rig.http.get(f"{rig.url}/media-stream") as response:
            assert response.status == 403


async def test_a_frame_beyond_the_limit_closes_the_socket(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig, media_socket(rig) as client:
        assert isinstance(client, MediaClient)
        await client.ws.send_str("x" * 70_000)
        assert await client.closed() == 1009
        assert nothing_was_opened(rig)
