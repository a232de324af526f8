"""The server's end of one media WebSocket, with a deadline on everything that can block.

aiohttp waits without limit for a peer that stops reading, also while it closes; a dead line must
not keep a call, so that here every send has a deadline and a close ends with an abort.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

MAX_MESSAGE_BYTES = 65_536
SEND_TIMEOUT_S = 2.0
"""A send that blocks longer than this means that the peer is gone (its TCP window stays full)."""
CLOSE_TIMEOUT_S = 2.0
"""How long the peer may take to answer our close."""
SEND_BUFFER_BYTES = 16_384
"""Little may wait in the kernel: whatever is there plays before a `clear` is read."""


class MediaSocket:
    """One accepted WebSocket; `accept` makes it."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.response = ws
        self._transport = transport
        self._closing = asyncio.Lock()
        self._stuck = False

    @classmethod
    async def accept(cls, request: web.Request) -> MediaSocket:
        """Answer an upgrade.

        Raises:
            web.HTTPBadRequest: the request is no upgrade.
        """
        ws = web.WebSocketResponse(
            compress=False, max_msg_size=MAX_MESSAGE_BYTES, timeout=CLOSE_TIMEOUT_S
        )
        if not ws.can_prepare(request).ok:
            raise web.HTTPBadRequest(text="a WebSocket is expected")
        await ws.prepare(request)
        _keep_send_buffer_small(request.transport)
        return cls(ws, request.transport)

    async def receive(self, timeout_s: float) -> WSMessage:
        """Return the next message; a connection that broke is one of type ERROR or CLOSED.

        Raises:
            TimeoutError: nothing came.
        """
        try:
            return await self.response.receive(timeout=timeout_s)
        except ConnectionError as error:
            # Answering the peer's ping failed.
            return WSMessage(WSMsgType.ERROR, error, None)

    async def send(self, text: str) -> None:
        """Send one text message.

        Raises:
            TimeoutError: the peer takes no more bytes; the connection has been cut.
            ConnectionError: the socket is gone.
        """
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.response.send_str(text)
        except TimeoutError:
            # aiohttp's next wait for the same full buffer would end in a CancelledError that
            # nobody asked for, so that there is no polite way left.
            self._stuck = True
            self._abort()
            raise

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        """Close, politely for a while, then by force; all callers wait for the same close."""
        async with self._closing:
            if self._stuck or self.response.closed:
                return
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
                        await self.response.close(code=code, message=reason.encode())
            finally:
                self._abort()

    def _abort(self) -> None:
        """Cut the connection if bytes are left that the peer does not take."""
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()


def _keep_send_buffer_small(transport: asyncio.Transport | None) -> None:
    plain = None if transport is None else transport.get_extra_info("socket")
    if plain is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
