"""The other side of `wss://api.deepgram.com/v1/listen`: accepts, refuses and scripts connections.

Source: Deepgram, Live Streaming Audio reference (asyncapi of 2026-07-22); Errors.
"""

from __future__ import annotations

from multidict import MultiMapping

from voicecore.sandbox.deepgram_door import DeepgramDoor
from voicecore.sandbox.deepgram_knobs import ListenKnobs
from voicecore.sandbox.deepgram_query import parse_listen
from voicecore.sandbox.listen_connection import ListenConnection
from voicecore.sandbox.utterances import UtteranceBook


class ListenServer(DeepgramDoor[ListenKnobs, ListenConnection]):
    """Accepts or refuses listen connections and keeps those that are open.

    Args:
        idle_timeout_s: silence on the socket before NET-0001; the vendor's 10 s, less in tests.
    """

    def __init__(self, book: UtteranceBook, *, api_key: str, idle_timeout_s: float = 10.0) -> None:
        super().__init__(ListenKnobs(), api_key=api_key)
        self._book = book
        self._idle_timeout_s = idle_timeout_s

    def _connect(self, query: MultiMapping[str], knobs: ListenKnobs) -> ListenConnection:
        return ListenConnection(
            query=parse_listen(query),
            knobs=knobs,
            book=self._book,
            idle_timeout_s=self._idle_timeout_s,
        )
