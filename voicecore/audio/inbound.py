"""The caller's audio of one call: repair, framing and voice edges, from message to listener.

Theory of operation. A message is put in order and its gaps are filled (`jitter.py`); the result
goes to the listener at once and, cut into 20 ms, through the voice detector (`vad.py`), raised by
the echo guard (`echo.py`). Bursts after a stall are judged frame by frame in media time, but a
voice is announced only while it is news: a start found in audio that is more than `STALE_MS`
behind is held back, announced when the audio has caught up and the voice still goes on, and
forgotten together with its stop otherwise. So every start that leaves here may barge in, and
every start is followed by one stop.

How far audio is behind is measured against the earliest arrivals of the last 10 to 20 seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicecore.audio.echo import EchoGuard
from voicecore.audio.jitter import JitterBuffer
from voicecore.audio.mulaw import BYTES_PER_MS, FRAME_BYTES
from voicecore.audio.silero import SpeechModels
from voicecore.audio.vad import VoiceDetector, VoiceEdge, VoicePolicy, VoiceStarted, VoiceStopped

STALE_MS = 200.0
"""Audio that is further behind than this starts no voice."""
IDLE_MS = 300.0
"""With no media for this long an open voice is closed."""

_WINDOW_MS = 10_000.0


@dataclass(frozen=True, slots=True)
class Inbound:
    """What one message gave: audio for the listener, edges of the voice, silence filled in."""

    audio: bytes
    edges: tuple[VoiceEdge, ...]
    filled_ms: int = 0


class _MediaClock:
    """Maps media time to the caller's clock by the arrivals that were least late."""

    __slots__ = ("_before_ms", "_now_ms", "_since_ms", "offset_ms")

    def __init__(self) -> None:
        self._before_ms = math.inf
        self._now_ms = math.inf
        self._since_ms = -math.inf
        self.offset_ms = 0.0

    def arrived(self, media_ms: float, now_ms: float) -> None:
        """Note that audio up to `media_ms` is here now."""
        if now_ms - self._since_ms >= _WINDOW_MS:
            self._before_ms, self._now_ms, self._since_ms = self._now_ms, math.inf, now_ms
        self._now_ms = min(self._now_ms, now_ms - media_ms)
        self.offset_ms = min(self._before_ms, self._now_ms)


class InboundChain:
    """The inbound half of one call. `close` gives a borrowed speech model back."""

    __slots__ = (
        "_clock",
        "_detector",
        "_echo",
        "_jitter",
        "_last_arrival_ms",
        "_rest",
        "_withheld",
    )

    def __init__(
        self, models: SpeechModels | None = None, policy: VoicePolicy | None = None
    ) -> None:
        """Judge voices by energy and a model out of `models`; by energy alone without."""
        self._jitter = JitterBuffer()
        self._echo = EchoGuard()
        self._detector = VoiceDetector(models, policy, self._echo)
        self._clock = _MediaClock()
        self._rest = bytearray()
        self._withheld: VoiceStarted | None = None
        self._last_arrival_ms: float | None = None

    @property
    def jitter(self) -> JitterBuffer:
        """The repair stage, for its counters."""
        return self._jitter

    @property
    def detector(self) -> VoiceDetector:
        """The voice detector, for its levels."""
        return self._detector

    def push(self, chunk: int, timestamp_ms: int, payload: bytes, now_s: float) -> Inbound:
        """Take one media message that arrived now.

        Args:
            chunk: Twilio `media.chunk`.
            timestamp_ms: Twilio `media.timestamp`.
            payload: µ-law of any size.
            now_s: the caller's monotonic clock.
        """
        now_ms = now_s * 1000
        filled_ms = self._jitter.filled_ms
        audio = self._jitter.expire(now_ms)
        audio += self._jitter.push(chunk, timestamp_ms, payload, now_ms)
        self._last_arrival_ms = now_ms
        if not audio:
            return Inbound(audio, ())
        self._clock.arrived(self._jitter.media_ms, now_ms)
        edges = self._judge(audio, now_ms)
        return Inbound(audio, edges, round(self._jitter.filled_ms - filled_ms))

    def idle(self, now_s: float) -> tuple[VoiceEdge, ...]:
        """Let time pass without media: close a voice that nothing feeds any more."""
        if self._last_arrival_ms is None or now_s * 1000 - self._last_arrival_ms < IDLE_MS:
            return ()
        return self.close()

    def close(self) -> tuple[VoiceEdge, ...]:
        """Close an open voice and give its speech model back; more media may follow."""
        stopped = self._detector.stop()
        return () if stopped is None else self._announce(stopped, is_fresh=True)

    def heard_from_us(self, audio: bytes, now_s: float) -> None:
        """Note agent audio that goes to the wire now, so that its echo is recognised."""
        self._echo.sent(audio, now_s)

    def cleared(self, now_s: float) -> None:
        """Note that a clear goes to the wire now: nothing of the agent plays from here on."""
        self._echo.cleared(now_s)

    def clock_s(self, media_ms: float) -> float:
        """Return when media time `media_ms` was, on the caller's clock, at the fastest arrival."""
        return (media_ms + self._clock.offset_ms) / 1000

    def _judge(self, audio: bytes, now_ms: float) -> tuple[VoiceEdge, ...]:
        self._rest += audio
        media_ms = self._jitter.media_ms - len(self._rest) / BYTES_PER_MS
        whole_bytes = len(self._rest) // FRAME_BYTES * FRAME_BYTES
        edges: tuple[VoiceEdge, ...] = ()
        frames = bytes(self._rest[:whole_bytes])
        del self._rest[:whole_bytes]
        for start in range(0, whole_bytes, FRAME_BYTES):
            end_ms = media_ms + (start + FRAME_BYTES) / BYTES_PER_MS
            edge = self._frame(frames[start : start + FRAME_BYTES], end_ms)
            is_fresh = now_ms - end_ms - self._clock.offset_ms <= STALE_MS
            if edge is not None:
                edges += self._announce(edge, is_fresh=is_fresh)
            elif self._withheld is not None and is_fresh:
                edges += (VoiceStarted(self._withheld.onset_ms, end_ms),)
                self._withheld = None
        return edges

    def _frame(self, frame: bytes, end_ms: float) -> VoiceEdge | None:
        at_s = self.clock_s(end_ms)
        edge = self._detector.frame(frame, end_ms, at_s)
        if not self._detector.is_voiced:
            self._echo.learn(self._detector.level_db, at_s)
        return edge

    def _announce(self, edge: VoiceEdge, *, is_fresh: bool) -> tuple[VoiceEdge, ...]:
        if isinstance(edge, VoiceStopped):
            was_withheld, self._withheld = self._withheld is not None, None
            return () if was_withheld else (edge,)
        if is_fresh:
            return (edge,)
        self._withheld = edge
        return ()
