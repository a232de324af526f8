"""What can be wrong with a call on Twilio's side: the line, and Twilio itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voicecore.audio.mulaw import FRAME_BYTES


class Signing(StrEnum):
    """What stands in a signature header."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing reaches the server from `at_ms` on for `hold_ms`; then all of it at once."""

    at_ms: float
    hold_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineConditions:
    """The network between Twilio and the server; times run from the start of the stream.

    TCP keeps the order: a late message makes those behind it late as well.
    """

    delay_in_ms: float = 0.0
    """One way, Twilio to server."""
    delay_out_ms: float = 0.0
    """One way, server to the playout buffer."""
    jitter_ms: float = 0.0
    """Each message to the server is up to this much later, evenly distributed."""
    stalls: tuple[Stall, ...] = ()
    missing_frames: frozenset[int] = frozenset()
    """Frames of the caller, counted from 0, that never arrive."""
    loss: float = 0.0
    """Share of further frames that never arrive, 0 to 1."""
    payload_bytes: tuple[int, ...] = (FRAME_BYTES,)
    """Sizes of the payloads, in turn."""
    seed: int = 1
    """Of the jitter and the loss."""

    def __post_init__(self) -> None:
        if not self.payload_bytes or min(self.payload_bytes) < 1:
            raise ValueError("a payload has at least one byte")
        if not 0 <= self.loss <= 1:
            raise ValueError("the loss is a share between 0 and 1")
        if min(self.delay_in_ms, self.delay_out_ms, self.jitter_ms) < 0:
            raise ValueError("a delay cannot be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFaults:
    """What Twilio, or somebody who pretends to be Twilio, does wrong on a call."""

    webhook_signing: Signing = Signing.RIGHT
    stream_signing: Signing = Signing.RIGHT
    no_start: bool = False
    """The stream stays at `connected`."""
    garbage: tuple[str | bytes, ...] = ()
    """Frames that are sent as they are, at `garbage_at_ms`: text as text, bytes as binary."""
    garbage_at_ms: float = 200.0
    drop_at_ms: float | None = None
    """The socket dies without `stop` or close (1006) at this time of the stream."""
