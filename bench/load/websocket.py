"""A WebSocket endpoint that costs next to nothing, for load generators and stand-ins.

Hundreds of sockets live on one core beside the server under test, so a message must cost
microseconds: no tasks, no queues, no extensions; frames are cut out of what the transport delivers
and handed to `on_message` in place. A client masks with zeros, which the standard allows and which
leaves the payload as it is.

Source: RFC 6455, section 5.2 (framing) and section 4 (handshake).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_NO_MASK = bytes(4)


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one masked frame; the mask is zero."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, 0x80 | size)) + _NO_MASK + payload
    if size < 65_536:
        return bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big") + _NO_MASK + payload
    return bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8, "big") + _NO_MASK + payload


def server_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one frame without a mask."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


class WebSocketPeer(asyncio.Protocol, ABC):
    """One connection after its handshake; subclasses override `on_message` and `on_closed`."""

    _frame: Callable[[bytes, int], bytes] = staticmethod(server_frame)

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._rest = b""
        self._open = False

    def on_message(self, opcode: int, payload: bytes) -> None:
        """Take one text or binary message."""

    def on_open(self, head: bytes) -> None:
        """Take it that the handshake is done; `head` is the other side's."""

    def on_closed(self) -> None:
        """Take it that the connection is over."""

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send one message; dropped when the connection is gone."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(self._frame(payload, opcode))

    def close(self) -> None:
        """Say goodbye and disconnect."""
        self.send(b"\x03\xe8", CLOSE)
        if self.transport is not None:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end on."""
        self.on_closed()

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames."""
        data = self._rest + data if self._rest else data
        if not self._open:
            head, mark, data = data.partition(b"\r\n\r\n")
            if not mark:
                self._rest = head
                return
            self._open = self._accept(head)
            if not self._open:
                return
            self.on_open(head)
        self._rest = b""
        start, end = 0, len(data)
        while end - start >= 2:
            size = data[start + 1] & 0x7F
            at = start + 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                size = int.from_bytes(data[at : at + wide], "big")
                at += wide
            masked = data[start + 1] & 0x80
            at += 4 if masked else 0
            if at + size > end:
                break
            payload = data[at : at + size]
            if masked:
                payload = _unmask(payload, data[at - 4 : at])
            self._take(data[start] & 0x0F, payload)
            start = at + size
        self._rest = data[start:] if start < end else b""

    @abstractmethod
    def _accept(self, head: bytes) -> bool:
        """Take the other side's half of the handshake; False refuses it."""

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode in (TEXT, BINARY):
            self.on_message(opcode, payload)
        elif opcode == PING:
            self.send(payload, PONG)
        elif opcode == CLOSE and self.transport is not None:
            self.close()


class WebSocketClient(WebSocketPeer):
    """The side that asked for the upgrade."""

    _frame = staticmethod(client_frame)

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        super().__init__()
        self._path = path
        self._headers = headers
        self.refused = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        super().connection_made(transport)
        host, port = transport.get_extra_info("peername")[:2]
        lines = [
            f"GET {self._path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in self._headers.items()),
        ]
        assert self.transport is not None
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    def _accept(self, head: bytes) -> bool:
        status = head.partition(b"\r\n")[0]
        if b" 101" not in status:
            self.refused = status.decode(errors="replace")
            assert self.transport is not None
            self.transport.close()
            return False
        return True


class WebSocketServer(WebSocketPeer):
    """The side that grants the upgrade."""

    def _accept(self, head: bytes) -> bool:
        assert self.transport is not None
        key = _header(head, b"sec-websocket-key")
        if not key:
            self.transport.close()
            return False
        token = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n"
        )
        return True


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.strip().lower() == name:
            return value.strip()
    return b""


def _unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    if mask == _NO_MASK or not size:
        return payload
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(
        size, "little"
    )
