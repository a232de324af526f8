"""A WebSocket server on loopback that does what a test tells it, connection by connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import orjson
from aiohttp import web

from voicecore.wire.json_object import JsonObject


class Connection:
    """One accepted WebSocket and everything that came over it."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.request = request
        self.ws = ws
        self.messages: list[bytes | str] = []
        self.ended = asyncio.Event()

    @property
    def audio(self) -> bytes:
        return b"".join(message for message in self.messages if isinstance(message, bytes))

    @property
    def texts(self) -> list[str]:
        return [message for message in self.messages if isinstance(message, str)]

    @property
    def types(self) -> list[str]:
        return [JsonObject.parse(text, AssertionError).string("type") for text in self.texts]

    async def receive(self) -> bytes | str | None:
        """The next message; None when the client is gone."""
        message = await self.ws.receive()
        if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            return None
        self.messages.append(message.data)
        return message.data

    async def until_text(self, kind: str) -> None:
        """Take messages up to a text message of this type."""
        while (message := await self.receive()) is not None:
            if isinstance(message, str) and orjson.loads(message)["type"] == kind:
                return
        raise ConnectionError(f"the client went away before {kind}")

    async def until_audio(self, size_bytes: int) -> None:
        """Take messages until so much audio has come."""
        while len(self.audio) < size_bytes and await self.receive() is not None:
            pass

    async def until_gone(self) -> None:
        """Take messages until the client is gone."""
        while await self.receive() is not None:
            pass

    async def send(self, **fields: object) -> None:
        await self.ws.send_str(orjson.dumps(fields).decode())


Script = Callable[[Connection], Awaitable[None]]


class ScriptedServer:
    """Plays one script per connection, the last one again and again; an int refuses the upgrade."""

    def __init__(self, scripts: tuple[Script | int | web.Response, ...]) -> None:
        self.scripts = list(scripts)
        self.connections: list[Connection] = []
        self.requests: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
        self.requests.append(request)
        if isinstance(script, int):
            return web.Response(status=script, headers={"dg-error": "refused by script"})
        if isinstance(script, web.Response):
            return script
        ws = web.WebSocketResponse(compress=False, timeout=0.2)
        await ws.prepare(request)
        connection = Connection(request, ws)
        self.connections.append(connection)
        try:
            await script(connection)
        except ConnectionError:
            pass
        finally:
            connection.ended.set()
        return ws


@asynccontextmanager
async def serving(*scripts: Script | int | web.Response) -> AsyncIterator[ScriptedServer]:
    """Run a scripted server; leaving closes what is still open."""
    server = ScriptedServer(scripts)
    app = web.Application()
    app.router.add_get("/v1/test", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"ws://{host}:{port}/v1/test"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """Run a TCP server that speaks no HTTP: it sends `answer` to a request, or nothing at all."""
    connected: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.add(writer)
        await reader.readline()
        writer.write(answer)
        if not answer:
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        connected.remove(writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/test"
        await until(lambda: not connected)


async def until(condition: Callable[[], bool], timeout_s: float = 3.0) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


def drop(connection: Connection) -> None:
    """Cut the TCP connection without any farewell."""
    transport = connection.request.transport
    assert transport is not None
    transport.abort()
