"""The network between the booking processes and PostgreSQL, which can be cut.

A cut strikes where it hurts most: each link falls silent at the answer to its next commit, which is
done while nobody is told. When enough commits went unheard, every connection is reset, and none can
be made for a while.
"""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import urlsplit, urlunsplit

from voicecore.net.tasks import TaskSet

HOST = "127.0.0.1"
POSTGRES_PORT = 5432
# A cut that no commit runs into would try nothing, so it waits for some; on a slow machine longer.
UNHEARD_COMMITS = 8
LISTEN_S = 0.15
LISTEN_STEPS = 20
DOWN_S = 0.3
# The tag of the message by which the server says that a commit is done.
# Source: PostgreSQL 18, Message Formats, CommandComplete.
COMMITTED = b"COMMIT\x00"


class Network:
    """A relay to the server of `dsn`; use as `async with`, and connect to `network.dsn`."""

    def __init__(self, dsn: str) -> None:
        self._parts = urlsplit(dsn)
        self._address = (self._parts.hostname or HOST, self._parts.port or POSTGRES_PORT)
        self._tasks = TaskSet()
        self._server: asyncio.Server | None = None
        self._port = 0
        self.links: set[_Near] = set()
        self.is_cutting = False
        self.is_down = False
        self.unheard_commits = 0

    async def __aenter__(self) -> Network:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(self), HOST, 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self._reset()
        await self._tasks.close()

    @property
    def dsn(self) -> str:
        """The server's address as it is seen through this network."""
        account = f"{self._parts.username}@" if self._parts.username else ""
        return urlunsplit(self._parts._replace(netloc=f"{account}{HOST}:{self._port}"))

    async def cut(self) -> None:
        """Swallow answers to commits, then reset all connections, then allow them again."""
        enough = self.unheard_commits + UNHEARD_COMMITS
        self.is_cutting = True
        for _ in range(LISTEN_STEPS):
            await asyncio.sleep(LISTEN_S)
            if self.unheard_commits >= enough:
                break
        self.is_down = True
        self._reset()
        self.is_cutting = False
        await asyncio.sleep(DOWN_S)
        self.is_down = False

    def connect(self, near: _Near) -> None:
        """Connect a new link to the server."""
        self.links.add(near)
        if self.is_down:
            near.reset()
        else:
            self._tasks.spawn(self._connect(near), name="link")

    async def _connect(self, near: _Near) -> None:
        loop = asyncio.get_running_loop()
        try:
            far, _ = await loop.create_connection(lambda: _Far(self, near), *self._address)
        except OSError:
            near.reset()
        else:
            near.connected(far)

    def _reset(self) -> None:
        for near in tuple(self.links):
            near.reset()


class _Near(asyncio.Protocol):
    """The side of a link that a booking process sees."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._far: asyncio.Transport | None = None
        # What was said before the server was reached.
        self._early = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of what they implement.
        self.transport = cast(asyncio.Transport, transport)
        self._network.connect(self)

    def connected(self, far: asyncio.Transport) -> None:
        self._far = far
        if self.transport is None or self.transport.is_closing():
            far.abort()
        else:
            far.write(self._early)
            self._early = b""

    def data_received(self, data: bytes) -> None:
        if self._far is None:
            self._early += data
        else:
            self._far.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._network.links.discard(self)
        if self._far is not None:
            self._far.abort()

    def reset(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _Far(asyncio.Protocol):
    """The side of a link that the server sees."""

    def __init__(self, network: Network, near: _Near) -> None:
        self._network = network
        self._near = near
        self._is_silent = False

    def data_received(self, data: bytes) -> None:
        if self._network.is_cutting and COMMITTED in data:
            self._network.unheard_commits += not self._is_silent
            self._is_silent = True
        if not self._is_silent and self._near.transport is not None:
            self._near.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._near.reset()
