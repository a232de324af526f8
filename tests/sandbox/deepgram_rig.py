"""A running Deepgram stand-in and a bare WebSocket client, for the tests of both services."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import WSMsgType

from voicecore.sandbox.deepgram import DeepgramSandbox
from voicecore.sandbox.speak_connection import SpeakLimits
from voicecore.sandbox.utterances import UtteranceBook
from voicecore.sandbox.voice import EspeakVoice

VOICE = EspeakVoice()
BOOKING = VOICE.synthesize("Hi, this is Maria Lopez. I'd like to book an oil change.")
YES = VOICE.synthesize("Yes, please.")
STRANGER = VOICE.synthesize("Nobody registered this.", voice="en-gb+m3")
LISTEN = {
    "model": "nova-3",
    "encoding": "mulaw",
    "sample_rate": "8000",
    "interim_results": "true",
    "endpointing": "300",
    "utterance_end_ms": "1000",
    "vad_events": "true",
    "smart_format": "true",
}
SPEAK = {"model": "aura-2-thalia-en", "encoding": "mulaw", "sample_rate": "8000"}
DEADLINE_S = 5.0
Message = dict[str, Any]


def silence(duration_ms: int) -> bytes:
    """µ-law of a quiet line."""
    return b"\xff" * (8 * duration_ms)


@asynccontextmanager
async def sandbox(
    *, idle_timeout_s: float = 10.0, limits: SpeakLimits | None = None
) -> AsyncIterator[DeepgramSandbox]:
    """A stand-in that knows BOOKING and YES, answers at once and works as fast as it can."""
    book = UtteranceBook()
    book.register(BOOKING)
    book.register(YES)
    server = DeepgramSandbox(book, VOICE, idle_timeout_s=idle_timeout_s, limits=limits)
    for name, value in (("final_delay_ms", 0), ("interim_delay_ms", 0), ("throttle_speed", 0.0)):
        setattr(server.listen.knobs, name, value)
    server.speak.knobs.speed = 0.0
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Client:
    """A WebSocket client that knows nothing of the protocol."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def control(self, kind: str, **fields: Any) -> None:
        """Send a JSON text message."""
        await self.ws.send_str(json.dumps({"type": kind, **fields}))

    async def audio(self, data: bytes, *, chunk_bytes: int = 800) -> None:
        """Send audio in messages of that size."""
        for at in range(0, len(data), chunk_bytes):
            await self.ws.send_bytes(data[at : at + chunk_bytes])

    async def next(self) -> Any:
        """The next message: parsed JSON, audio, or `{"type": "closed", "code": ...}`."""
        message = await self.ws.receive(timeout=DEADLINE_S)
        if message.type is WSMsgType.TEXT:
            try:
                parsed: Message = json.loads(message.data)
            except ValueError:
                return {"type": "garbage", "text": message.data}
            return parsed
        if message.type is WSMsgType.BINARY:
            data: bytes = message.data
            return data
        return {"type": "closed", "code": self.ws.close_code, "reason": message.extra}

    async def until(self, kind: str, **fields: Any) -> list[Any]:
        """All messages up to the first of that type with those fields, or up to the close."""
        seen: list[Any] = []
        while True:
            seen.append(last := await self.next())
            if isinstance(last, dict):
                if last["type"] == kind and fields.items() <= last.items():
                    return seen
                assert last["type"] != "closed", (seen, "closed before", kind, fields)

    async def nothing(self, wait_s: float = 0.1) -> bool:
        """Whether no message comes for that long."""
        try:
            await self.ws.receive(timeout=wait_s)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def connected(
    url: str, query: dict[str, str], *, key: str = "sandbox-deepgram-key"
) -> AsyncIterator[Client]:
    """An open connection."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            url, params=query, headers={"Authorization": f"Token {key}"}, timeout=ws_timeout()
        ) as ws,
    ):
        yield Client(ws)


def ws_timeout() -> aiohttp.ClientWSTimeout:
    """A short wait for the close handshake."""
    return aiohttp.ClientWSTimeout(ws_close=2.0)


async def refused(
    url: str, query: dict[str, str], authorization: str | None = "Token sandbox-deepgram-key"
) -> tuple[int, Message, dict[str, str]]:
    """Status, JSON body and headers of an upgrade that is refused."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    if authorization is not None:
        headers["Authorization"] = authorization
    http_url = url.replace("ws://", "http://", 1)
    async with (
        aiohttp.ClientSession() as session,
        session.get(http_url, params=query, headers=headers) as answer,
    ):
        return answer.status, await answer.json(), dict(answer.headers)


def words_of(messages: list[Any], *, only_final: bool = True) -> list[str]:
    """The words of the results, in order."""
    return [
        word["punctuated_word"]
        for message in results_of(messages)
        if message["is_final"] or not only_final
        for word in message["channel"]["alternatives"][0]["words"]
    ]


def results_of(messages: list[Any]) -> list[Message]:
    """The Results among the messages."""
    return [m for m in messages if isinstance(m, dict) and m["type"] == "Results"]


def types_of(messages: list[Any]) -> list[str]:
    """The type of each message; audio is "audio"."""
    return [m["type"] if isinstance(m, dict) else "audio" for m in messages]
