"""The other side of `wss://api.deepgram.com/v1/speak`: accepts, refuses and scripts connections.

It speaks µ-law at 8 kHz only; other formats of the vendor are refused with 400.

Source: Deepgram, Text to Speech Streaming reference (asyncapi of 2026-07-22).
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import web

from voicecore.audio import mulaw
from voicecore.sandbox.deepgram_knobs import SpeakKnobs
from voicecore.sandbox.deepgram_query import (
    QueryError,
    SpeakQuery,
    is_authorized,
    parse_speak,
    refusal,
)
from voicecore.sandbox.speak_connection import SpeakConnection, SpeakLimits
from voicecore.sandbox.voice import EspeakVoice

_CLOSE_WAIT_S = 2.0


class SpeakServer:
    """Accepts or refuses speak connections and keeps those that are open."""

    def __init__(
        self, voice: EspeakVoice, *, api_key: str, limits: SpeakLimits | None = None
    ) -> None:
        self.knobs = SpeakKnobs()
        self.limits = limits or SpeakLimits()
        self.connections: list[SpeakConnection] = []
        """Open now, oldest first."""
        self.history: list[SpeakConnection] = []
        """All that were ever opened: their segments are the truth of what was spoken."""
        self.refused = 0
        self._voice = voice
        self._api_key = api_key
        self._scripts: deque[SpeakKnobs] = deque()

    def script_next(self, knobs: SpeakKnobs) -> None:
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
        connection = SpeakConnection(
            query=answer, knobs=knobs, voice=self._voice, limits=self.limits
        )
        ws = web.WebSocketResponse(compress=False, timeout=_CLOSE_WAIT_S)
        ws.headers["dg-request-id"] = connection.request_id
        await ws.prepare(request)
        self.history.append(connection)
        self.connections.append(connection)
        try:
            await connection.run(ws, request.transport)
        finally:
            self.connections.remove(connection)
        return ws

    def _refuse(self, request: web.Request, knobs: SpeakKnobs) -> web.Response | SpeakQuery:
        if not is_authorized(request.headers.get("Authorization"), self._api_key):
            return refusal(401)
        if knobs.refuse_next > 0:
            knobs.refuse_next -= 1
            return refusal(knobs.refuse_status)
        try:
            query = parse_speak(request.query)
        except QueryError as exc:
            return refusal(400, str(exc))
        if (query.encoding, query.sample_rate_hz) != ("mulaw", mulaw.SAMPLE_RATE_HZ):
            return refusal(400, "This stand-in speaks mulaw at 8000 Hz only")
        return query
