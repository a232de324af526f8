"""What the two streaming endpoints of Deepgram have in common: who gets in, and who is in."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from typing import Generic, Protocol, TypeVar

from aiohttp import web
from multidict import MultiMapping

from voicecore.sandbox.deepgram_knobs import ListenKnobs, SpeakKnobs
from voicecore.sandbox.deepgram_query import QueryError, is_authorized, refusal

_CLOSE_WAIT_S = 2.0


class Connection(Protocol):
    """One accepted socket; served until it closes."""

    request_id: str

    async def run(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        """Serve it."""


KnobsT = TypeVar("KnobsT", ListenKnobs, SpeakKnobs)
ConnectionT = TypeVar("ConnectionT", bound=Connection)


class DeepgramDoor(ABC, Generic[KnobsT, ConnectionT]):
    """Accepts or refuses connections and keeps those that are open."""

    def __init__(self, knobs: KnobsT, *, api_key: str) -> None:
        self.knobs: KnobsT = knobs
        self.connections: list[ConnectionT] = []
        """Open now, oldest first."""
        self.opened = 0
        """Upgrades answered with 101 so far."""
        self.refused = 0
        self._api_key = api_key
        self._scripts: deque[KnobsT] = deque()

    def script_next(self, knobs: KnobsT) -> None:
        """Give the next connection knobs of its own; several calls make a queue."""
        self._scripts.append(knobs)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one upgrade and serve the socket."""
        knobs = self._scripts.popleft() if self._scripts else self.knobs
        if knobs.answer_delay_s > 0:
            await asyncio.sleep(knobs.answer_delay_s)
        connection = self._admit(request, knobs)
        if isinstance(connection, web.Response):
            self.refused += 1
            return connection
        ws = web.WebSocketResponse(compress=False, timeout=_CLOSE_WAIT_S)
        ws.headers["dg-request-id"] = connection.request_id
        await ws.prepare(request)
        self.opened += 1
        self.connections.append(connection)
        try:
            await connection.run(ws, request.transport)
        finally:
            self.connections.remove(connection)
        return ws

    @abstractmethod
    def _connect(self, query: MultiMapping[str], knobs: KnobsT) -> ConnectionT:
        """Return the connection that a query string asks for.

        Raises:
            QueryError: the vendor would refuse it with 400.
        """

    def _admit(self, request: web.Request, knobs: KnobsT) -> web.Response | ConnectionT:
        if not is_authorized(request.headers.get("Authorization"), self._api_key):
            return refusal(401)
        if knobs.refuse_next > 0:
            knobs.refuse_next -= 1
            return refusal(knobs.refuse_status)
        try:
            return self._connect(request.query, knobs)
        except QueryError as exc:
            return refusal(400, str(exc))
