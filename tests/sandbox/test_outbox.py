"""Delayed messages keep their order and stop at the close."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import WSMsgType, web

from voicecore.sandbox.outbox import Outbox


async def test_a_quick_message_waits_for_the_slow_one_before_it() -> None:
    outbox = Outbox()

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        outbox.put("slow", delay_ms=100)
        outbox.put("quick")
        outbox.close(1011, "over")
        outbox.put("never")
        await asyncio.gather(outbox.run(ws), ws.receive())
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    begin = asyncio.get_running_loop().time()
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://{host}:{port}/") as ws,
        ):
            seen = [await ws.receive(timeout=5) for _ in range(3)]
    finally:
        await runner.cleanup()
    assert [message.data for message in seen] == ["slow", "quick", 1011]
    assert seen[-1].type is WSMsgType.CLOSE
    assert asyncio.get_running_loop().time() - begin >= 0.1
