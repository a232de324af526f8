"""The server's end of one media WebSocket, with a deadline on everything that can block.

aiohttp waits without limit for a peer that stops reading, also while it closes; a dead line must
not keep a call, so that here nothing is sent to it without end and a close ends with an abort.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

MAX_MESSAGE_BYTES = 65_536
SEND_TIMEOUT_S = 2.0
"""A socket that is blocked longer than this has a peer that is gone (its TCP window stays full)."""
UNSENT_BYTES_MAX = 4_096
"""With more than this waiting for the kernel the socket is blocked: 300 ms of audio."""
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
        self._blocked_since: float | None = None

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

    async def receive(self, timeout_s: float | None = None) -> WSMessage:
        """Return the next message; a connection that broke is one of type ERROR or CLOSED.

        Raises:
            TimeoutError: nothing came.
        """
        try:
            return await self.response.receive(timeout=timeout_s)
        except ConnectionError as error:
            # Answering the peer's ping failed.
            return WSMessage(WSMsgType.ERROR, error, None)

    def send(self, text: str) -> None:
        """Send one text message, without waiting: look at `is_blocked` before sending much.

        Raises:
            ConnectionError: the socket is gone.
        """
        transport = self._transport
        if transport is None or self.response.closed or transport.is_closing():
            raise ConnectionResetError("the media socket is closed")
        # Written past aiohttp, whose way costs a coroutine and a drain for each message. It writes
        # whole frames too, and this socket has no compression, so that frames never mix.
        payload = text.encode()
        transport.write(_frame_head(len(payload)) + payload)

    def is_blocked(self) -> bool:
        """Whether the peer is slow in taking what was sent.

        Raises:
            TimeoutError: it has taken too little for too long; the connection has been cut.
        """
        if self._transport is None or self._transport.get_write_buffer_size() < UNSENT_BYTES_MAX:
            self._blocked_since = None
            return False
        now_s = asyncio.get_running_loop().time()
        if self._blocked_since is None:
            self._blocked_since = now_s
        elif now_s - self._blocked_since > SEND_TIMEOUT_S:
            # aiohttp's wait for the same full buffer would end in a CancelledError that nobody
            # asked for, so that there is no polite way left.
            self._stuck = True
            self._abort()
            raise TimeoutError("the peer takes no more bytes")
        return True

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


def _frame_head(size_bytes: int) -> bytes:
    """The head of an unmasked text frame.

    Source: RFC 6455, section 5.2.
    """
    if size_bytes < 126:
        return bytes((0x81, size_bytes))
    if size_bytes < 65_536:
        return b"\x81\x7e" + size_bytes.to_bytes(2, "big")
    return b"\x81\x7f" + size_bytes.to_bytes(8, "big")
