"""The other side of `wss://api.deepgram.com/v1/speak`: accepts, refuses and scripts connections.

It speaks µ-law at 8 kHz only; other formats of the vendor are refused with 400.

Source: Deepgram, Text to Speech Streaming reference (asyncapi of 2026-07-22).
"""

from __future__ import annotations

from multidict import MultiMapping

from voicecore.audio import mulaw
from voicecore.sandbox.deepgram_door import DeepgramDoor
from voicecore.sandbox.deepgram_knobs import SpeakKnobs
from voicecore.sandbox.deepgram_query import QueryError, parse_speak
from voicecore.sandbox.speak_connection import SpeakConnection, SpeakLimits
from voicecore.sandbox.voice import EspeakVoice


class SpeakServer(DeepgramDoor[SpeakKnobs, SpeakConnection]):
    """Accepts or refuses speak connections and keeps those that are open."""

    def __init__(
        self, voice: EspeakVoice, *, api_key: str, limits: SpeakLimits | None = None
    ) -> None:
        super().__init__(SpeakKnobs(), api_key=api_key)
        self.limits = limits or SpeakLimits()
        self.history: list[SpeakConnection] = []
        """All that were ever let in: their segments are the truth of what was spoken."""
        self._voice = voice

    def _connect(self, query: MultiMapping[str], knobs: SpeakKnobs) -> SpeakConnection:
        wanted = parse_speak(query)
        if (wanted.encoding, wanted.sample_rate_hz) != ("mulaw", mulaw.SAMPLE_RATE_HZ):
            raise QueryError("This stand-in speaks mulaw at 8000 Hz only")
        connection = SpeakConnection(
            query=wanted, knobs=knobs, voice=self._voice, limits=self.limits
        )
        self.history.append(connection)
        return connection
