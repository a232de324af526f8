"""What the request handlers of the server share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from voicecore.call_info import CallInfo
from voicecore.net.live_calls import LiveCalls
from voicecore.net.prepared_calls import PreparedCalls
from voicecore.net.session import CallSession
from voicecore.wire.twilio_signature import SignatureValidator

STREAM_PATH = "/media-stream"


@dataclass(slots=True, kw_only=True)
class ServerParts:
    """One worker's state: settings that handlers need, and the calls it has.

    `public_base_url` has no slash at its end; `draining` refuses new calls; a media socket has
    `start_timeout_s` to send its `start`.
    """

    public_base_url: str
    transfer_number: str
    max_calls: int
    signatures: SignatureValidator
    live: LiveCalls
    prepared: PreparedCalls
    new_session: Callable[[CallInfo], CallSession]
    draining: bool = False
    start_timeout_s: float = 5.0

    @property
    def is_full(self) -> bool:
        """Whether another call would be one too many."""
        return self.draining or len(self.live) + len(self.prepared) >= self.max_calls

    @property
    def stream_url(self) -> str:
        """The address of the media stream as the TwiML names it and Twilio signs it."""
        scheme, _, rest = self.public_base_url.partition("://")
        return f"{'ws' if scheme == 'http' else 'wss'}://{rest}{STREAM_PATH}"


PARTS = web.AppKey("parts", ServerParts)
