"""Both ends of one media WebSocket, for the parts that write and read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from voicecore.net.media_socket import MediaSocket


@asynccontextmanager
async def socket_pair() -> AsyncIterator[tuple[MediaSocket, aiohttp.ClientWebSocketResponse]]:
    """The server's end, and a client's."""
    accepted: asyncio.Future[MediaSocket] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await MediaSocket.accept(request)
        accepted.set_result(socket)
        await leave.wait()
        return socket.response

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"ws://{host}:{port}/", timeout=aiohttp.ClientWSTimeout(ws_close=0.3)
            ) as client,
        ):
            yield await accepted, client
            leave.set()
    finally:
        leave.set()
        await runner.cleanup()
