"""A small server in the place of the product: answers the webhook, talks on the media stream."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from voicecore.sandbox.twilio import SilentCaller, TwilioSandbox
from voicecore.sandbox.twilio_call import PlacedCall
from voicecore.sandbox.twilio_line import LineCaller

PUBLIC = "https://agent.example.com"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
STREAM = '<Stream url="wss://agent.example.com/media"><Parameter name="token" value="t1"/></Stream>'
TONE = bytes((0x10, 0x90)) * 80
"""20 ms of a loud 4 kHz tone."""
CONNECT = f"{HEAD}<Response><Connect>{STREAM}</Connect></Response>"


@dataclass
class Socket:
    """One media stream as the server sees it."""

    ws: web.WebSocketResponse
    received: list[dict[str, Any]] = field(default_factory=list)
    sid: str = ""

    async def send(self, event: str, **body: str) -> None:
        message: dict[str, object] = {"event": event, "streamSid": self.sid}
        if body:
            message[event] = body
        await self.ws.send_str(json.dumps(message))

    async def play(self, audio: bytes, mark: str | None = None) -> None:
        await self.send("media", payload=base64.b64encode(audio).decode())
        if mark is not None:
            await self.send("mark", name=mark)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [message for message in self.received if message["event"] == name]


Talk = Callable[[Socket, dict[str, Any]], Awaitable[None]]


@dataclass
class Agent:
    """The server: `talk` is called for every message that arrives on a media stream."""

    talk: Talk
    documents: Mapping[str, str]
    url: str = ""
    content_type: str = "text/xml"
    refuse_with: int | None = None
    answer_s: float = 0.0
    requests: list[tuple[str, str, dict[str, str], Mapping[str, str]]] = field(default_factory=list)
    upgrades: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)
    close_codes: list[int | None] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.requests]

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        params = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append((request.method, request.path_qs, params, request.headers))
        await asyncio.sleep(self.answer_s)
        document = self.documents.get(request.path)
        if document is None:
            return web.Response(status=404)
        return web.Response(text=document, content_type=self.content_type)

    async def media(self, request: web.Request) -> web.StreamResponse:
        self.upgrades.append(list(request.raw_headers))
        if self.refuse_with is not None:
            return web.Response(status=self.refuse_with)
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        socket = Socket(ws)
        self.sockets.append(socket)
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                content = json.loads(message.data)
            except ValueError:
                continue
            socket.received.append(content)
            socket.sid = content.get("streamSid", socket.sid)
            await self.talk(socket, content)
        self.close_codes.append(ws.close_code)
        self.closed.set()
        return ws


@asynccontextmanager
async def serve(agent: Agent) -> AsyncIterator[Agent]:
    """Let the agent listen on loopback."""
    application = web.Application()
    application.router.add_get("/media", agent.media)
    application.router.add_route("*", "/{path:.*}", agent.webhook)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    agent.url = f"http://{host}:{port}"
    try:
        yield agent
    finally:
        await runner.cleanup()


def documents(first: str = CONNECT, **others: str) -> dict[str, str]:
    """Return documents by path; `resume=…` is `/resume`."""
    return {"/incoming-call": first} | {f"/{name}": text for name, text in others.items()}


def response(verbs: str) -> str:
    """Return a TwiML document."""
    return f"{HEAD}<Response>{verbs}</Response>"


async def listen_only(socket: Socket, message: dict[str, Any]) -> None:
    """Say nothing."""


async def place(
    twilio: TwilioSandbox, agent: Agent, caller: LineCaller | None = None, **more: Any
) -> PlacedCall:
    return await twilio.place_call(
        f"{agent.url}/incoming-call",
        public_url=PUBLIC,
        from_="+15550100",
        to="+15550199",
        caller=caller or SilentCaller(),
        **more,
    )


def codes(call: PlacedCall) -> list[int]:
    return [problem.code for problem in call.problems]


async def eventually(fact: Any, timeout_s: float = 3) -> None:
    async with asyncio.timeout(timeout_s):
        while not fact():
            await asyncio.sleep(0.005)


async def hang_up_after(call: PlacedCall, seconds: float) -> None:
    await asyncio.sleep(seconds)
    call.line.hang_up()
    await call.ended(5)
