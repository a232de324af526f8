"""Twilio's requests made by hand, right or wrong: signed webhooks and a bare media socket."""

from __future__ import annotations

import base64
import html
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.net.rig import AUTH_TOKEN, PUBLIC_URL, SHOP_NUMBER, Rig
from tests.net.shop import MARIA
from voicecore.sandbox.twilio_signature import sign

STREAM_URL = "wss://agent.example.com/media-stream"
STREAM_SID = "MZ" + "1" * 32
ACCOUNT_SID = "AC" + "5a" * 16


def new_call_sid() -> str:
    """A call that nobody knows yet."""
    return "CA" + secrets.token_hex(16)


def voice_form(call_sid: str, **fields: str) -> dict[str, str]:
    """What Twilio posts about a call."""
    form = {
        "CallSid": call_sid,
        "AccountSid": ACCOUNT_SID,
        "From": MARIA,
        "To": SHOP_NUMBER,
        "CallStatus": "ringing",
    }
    return form | fields


async def post(
    rig: Rig, path: str, form: dict[str, str], *, token: str = AUTH_TOKEN
) -> tuple[int, str]:
    """Post a signed form; returns status and body."""
    signature = sign(token, f"{PUBLIC_URL}{path}", form)
    async with rig.http.post(
        f"{rig.url}{path}", data=form, headers={"X-Twilio-Signature": signature}
    ) as response:
        return response.status, await response.text()


async def prepared_call(rig: Rig) -> tuple[str, str]:
    """Announce a call; returns its SID and its ticket."""
    call_sid = new_call_sid()
    status, body = await post(rig, "/incoming-call", voice_form(call_sid))
    assert status == 200
    return call_sid, ticket_in(body)


def ticket_in(body: str) -> str:
    """The ticket in the TwiML of a voice webhook."""
    found = re.search(r'<Parameter name="ticket" value="([^"]+)"/>', body)
    assert found is not None, body
    return html.unescape(found.group(1))


class MediaClient:
    """A media socket that sends what it is told."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.sequence = 0
        self.chunk = 0

    async def event(self, event: str, *, stream_sid: str = STREAM_SID, **fields: Any) -> None:
        """Send one event of the stream."""
        self.sequence += 1
        message = {
            "event": event,
            "sequenceNumber": str(self.sequence),
            "streamSid": stream_sid,
            **fields,
        }
        await self.ws.send_str(json.dumps(message))

    async def connected(self) -> None:
        """Send the first message."""
        await self.ws.send_str('{"event":"connected","protocol":"Call","version":"1.0.0"}')

    async def start(self, call_sid: str, ticket: str | None) -> None:
        """Send `start`, with the ticket where there is one."""
        start = {
            "accountSid": ACCOUNT_SID,
            "streamSid": STREAM_SID,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {} if ticket is None else {"ticket": ticket},
        }
        await self.event("start", start=start)

    async def media(self, payload: bytes = b"\xff" * 160, **fields: Any) -> None:
        """Send the next frame."""
        self.chunk += 1
        media = {
            "track": "inbound",
            "chunk": str(self.chunk),
            "timestamp": str(20 * (self.chunk - 1)),
            "payload": base64.b64encode(payload).decode(),
        }
        await self.event("media", media=media | fields)

    async def stop(self, call_sid: str) -> None:
        """Send `stop`."""
        await self.event("stop", stop={"accountSid": ACCOUNT_SID, "callSid": call_sid})

    async def closed(self, timeout_s: float = 3.0) -> int | None:
        """Read on to the end; returns the server's close code, None where it never closed."""
        while True:
            message = await self.ws.receive(timeout=timeout_s)
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return self.ws.close_code

    def cut(self) -> None:
        """Cut the connection without a word."""
        transport = self.ws.get_extra_info("socket")
        assert transport is not None
        self.ws._response.connection.transport.abort()  # type: ignore[union-attr]


@asynccontextmanager
async def media_socket(rig: Rig, *, signature: str | None = None) -> AsyncIterator[MediaClient]:
    """Open a signed media socket."""
    right = sign(AUTH_TOKEN, STREAM_URL, None)
    headers = {"X-Twilio-Signature": right if signature is None else signature}
    address = rig.url.replace("http", "ws") + "/media-stream"
    async with rig.http.ws_connect(address, headers=headers) as ws:
        yield MediaClient(ws)


@asynccontextmanager
async def started_stream(rig: Rig) -> AsyncIterator[tuple[MediaClient, str]]:
    """A call whose stream has begun; yields the socket and the CallSid."""
    call_sid, ticket = await prepared_call(rig)
    async with media_socket(rig) as client:
        await client.connected()
        await client.start(call_sid, ticket)
        yield client, call_sid
