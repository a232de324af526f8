"""Messages that leave a stand-in's socket later than they were decided, in their order."""

from __future__ import annotations

import asyncio

from aiohttp import web


class Outbox:
    """A queue of texts, each with the least time before it leaves; order is never changed."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[float, str | tuple[int, str]]] = asyncio.Queue()

    def put(self, text: str, *, delay_ms: int = 0) -> None:
        """Send `text` after the delay, and after everything put before it."""
        due = asyncio.get_running_loop().time() + delay_ms / 1000
        self._queue.put_nowait((due, text))

    def close(self, code: int, reason: str = "") -> None:
        """Close the socket after everything put before; nothing leaves after that."""
        self._queue.put_nowait((0.0, (code, reason)))

    async def run(self, ws: web.WebSocketResponse) -> None:
        """Send until the socket is closed, by us or by the peer."""
        clock = asyncio.get_running_loop().time
        while True:
            due, item = await self._queue.get()
            if due > clock():
                await asyncio.sleep(due - clock())
            if isinstance(item, tuple):
                code, reason = item
                await ws.close(code=code, message=reason.encode())
                return
            try:
                await ws.send_str(item)
            except ConnectionError:
                return
