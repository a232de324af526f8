"""The other side of `wss://api.deepgram.com/v1/listen`: accepts, refuses and scripts connections.

Source: Deepgram, Live Streaming Audio reference (asyncapi of 2026-07-22); Errors.
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import web

from voicecore.sandbox.deepgram_knobs import ListenKnobs
from voicecore.sandbox.deepgram_query import (
    ListenQuery,
    QueryError,
    is_authorized,
    parse_listen,
    refusal,
)
from voicecore.sandbox.listen_connection import ListenConnection
from voicecore.sandbox.utterances import UtteranceBook

_CLOSE_WAIT_S = 2.0


class ListenServer:
    """Accepts or refuses listen connections and keeps those that are open.

    Args:
        idle_timeout_s: silence on the socket before NET-0001; the vendor's 10 s, less in tests.
    """

    def __init__(self, book: UtteranceBook, *, api_key: str, idle_timeout_s: float = 10.0) -> None:
        self.knobs = ListenKnobs()
        self.connections: list[ListenConnection] = []
        """Open now, oldest first."""
        self.opened = 0
        """Upgrades answered with 101 so far."""
        self.refused = 0
        self._book = book
        self._api_key = api_key
        self._idle_timeout_s = idle_timeout_s
        self._scripts: deque[ListenKnobs] = deque()

    def script_next(self, knobs: ListenKnobs) -> None:
        """Give the next connection knobs of its own; several calls make a queue."""
        self._scripts.append(knobs)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one upgrade and serve the socket."""
        knobs = self._scripts.popleft() if self._scripts else self.knobs
        if knobs.answer_delay_s > 0:
            await asyncio.sleep(knobs.answer_delay_s)
        answer = self._refuse(request, knobs)
        if isinstance(answer, web.Response):
            self.refused += 1
            return answer
        connection = ListenConnection(
            query=answer, knobs=knobs, book=self._book, idle_timeout_s=self._idle_timeout_s
        )
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

    def _refuse(self, request: web.Request, knobs: ListenKnobs) -> web.Response | ListenQuery:
        if not is_authorized(request.headers.get("Authorization"), self._api_key):
            return refusal(401)
        if knobs.refuse_next > 0:
            knobs.refuse_next -= 1
            return refusal(knobs.refuse_status)
        try:
            return parse_listen(request.query)
        except QueryError as exc:
            return refusal(400, str(exc))
