"""Sequence and gap repair of the caller's audio, with no delay of its own.

Theory of operation. What arrives in order is released at once: a listener is not an ear, so a
buffer would only make every answer later. `chunk` says whether a frame is next, early, late or a
duplicate; `timestamp` says where it lies in media time, and what is missing there is filled with
silence, so that a word's time at the listener stays the time in the call. Only after frames were
seen out of order does a frame that came too early wait for the missing one, 40 ms at most.

One absurd value must not cost the call: a chunk or timestamp that is out of all proportion is
believed only when the following frames agree with it.

Source: Twilio, Media Streams - WebSocket messages (media.chunk, media.timestamp).
"""

from __future__ import annotations

from collections import OrderedDict

from voicecore.audio.mulaw import BYTES_PER_MS, SILENCE_BYTE

HOLD_MS = 40
"""Longest wait for a missing frame, once reordering was seen."""

MAX_FILL_MS = 2_000
"""Longest silence put into one gap; the rest only moves `offset_ms`."""

_HOLD_FOR_FRAMES = 500
_MOST_HELD = 8
_MOST_MISSING = 64
_TOLERANCE_BYTES = 10 * BYTES_PER_MS
"""Timestamps are whole, sometimes uneven milliseconds; half a frame of it is no gap."""
_PLAUSIBLE_CHUNKS = 256
_PLAUSIBLE_BYTES = 60_000 * BYTES_PER_MS
_WITNESSES = 3
_LAST_MS = 2**50
_SILENCE = bytes([SILENCE_BYTE])


class JitterBuffer:
    """Puts the frames of one stream in order; counts what it had to do."""

    __slots__ = (
        "_doubt_bytes",
        "_doubts",
        "_filled_bytes",
        "_held",
        "_held_since_ms",
        "_hold_frames",
        "_missing",
        "_next_bytes",
        "_next_chunk",
        "_released_bytes",
        "_stray_chunk",
        "_strays",
        "duplicate",
        "late",
        "received",
        "reordered",
        "stray",
    )

    def __init__(self) -> None:
        self.received = 0
        """Frames pushed."""
        self.duplicate = 0
        """Frames dropped because their chunk had been taken."""
        self.late = 0
        """Frames dropped because their place had been filled."""
        self.reordered = 0
        """Frames that came after a later one, late ones included."""
        self.stray = 0
        """Frames dropped because of an absurd chunk number."""
        self._next_chunk: int | None = None
        self._next_bytes = 0
        self._released_bytes = 0
        self._filled_bytes = 0
        self._missing: OrderedDict[int, None] = OrderedDict()
        self._held: dict[int, tuple[int, bytes]] = {}
        self._held_since_ms = 0.0
        self._hold_frames = 0
        self._stray_chunk = 0
        self._strays = 0
        self._doubt_bytes = 0
        self._doubts = 0

    @property
    def media_ms(self) -> float:
        """Media time at the end of what was released."""
        return self._next_bytes / BYTES_PER_MS

    @property
    def offset_ms(self) -> float:
        """Add it to a time counted in released audio to get media time."""
        return (self._next_bytes - self._released_bytes) / BYTES_PER_MS

    @property
    def filled_ms(self) -> float:
        """Silence put into gaps so far."""
        return self._filled_bytes / BYTES_PER_MS

    @property
    def expires_at_ms(self) -> float | None:
        """When `expire` releases something; None when nothing waits."""
        return self._held_since_ms + HOLD_MS if self._held else None

    def push(self, chunk: int, timestamp_ms: int, payload: bytes, now_ms: float) -> bytes:
        """Take one frame; return the audio that is in order now, gaps filled.

        Args:
            chunk: Twilio `media.chunk`, counts the media messages of the stream.
            timestamp_ms: Twilio `media.timestamp`, media time of the payload's first sample.
            payload: µ-law of any size.
            now_ms: arrival on the caller's clock, for `expire`.
        """
        self.received += 1
        timestamp_ms = max(-_LAST_MS, min(timestamp_ms, _LAST_MS))
        self._hold_frames = max(0, self._hold_frames - 1)
        if self._next_chunk is None:
            self._next_chunk = chunk
            self._next_bytes = max(0, timestamp_ms) * BYTES_PER_MS
        out = b""
        step = chunk - self._next_chunk
        if abs(step) > _PLAUSIBLE_CHUNKS:
            if not self._is_new_count(chunk):
                self.stray += 1
                return b""
            out = self._release_held()
            self._missing.clear()
            self._next_chunk, step = chunk, 0
        self._strays = 0
        if step < 0 or chunk in self._held:
            self._refuse(chunk)
            return out
        if step == 0:
            self._note_order()
            return out + self._place(chunk, timestamp_ms, payload) + self._release_next()
        if self._hold_frames:
            return out + self._hold(chunk, timestamp_ms, payload, now_ms)
        return out + self._place(chunk, timestamp_ms, payload)

    def expire(self, now_ms: float) -> bytes:
        """Return the frames that have waited long enough for a missing one."""
        if not self._held or now_ms < self._held_since_ms + HOLD_MS:
            return b""
        return self._release_held()

    def _refuse(self, chunk: int) -> None:
        if chunk in self._missing:
            del self._missing[chunk]
            self.late += 1
            self.reordered += 1
            self._hold_frames = _HOLD_FOR_FRAMES
        else:
            self.duplicate += 1

    def _note_order(self) -> None:
        if self._held:
            self.reordered += 1
            self._hold_frames = _HOLD_FOR_FRAMES

    def _hold(self, chunk: int, timestamp_ms: int, payload: bytes, now_ms: float) -> bytes:
        if not self._held:
            self._held_since_ms = now_ms
        self._held[chunk] = (timestamp_ms, payload)
        held_bytes = sum(len(audio) for _, audio in self._held.values())
        if held_bytes > HOLD_MS * BYTES_PER_MS or len(self._held) > _MOST_HELD:
            return self._release_held()
        return self.expire(now_ms)

    def _release_next(self) -> bytes:
        out = b""
        while self._next_chunk in self._held:
            timestamp_ms, payload = self._held.pop(self._next_chunk)
            out += self._place(self._next_chunk, timestamp_ms, payload)
        return out

    def _release_held(self) -> bytes:
        out = b""
        for chunk in sorted(self._held):
            timestamp_ms, payload = self._held.pop(chunk)
            out += self._place(chunk, timestamp_ms, payload)
        return out

    def _place(self, chunk: int, timestamp_ms: int, payload: bytes) -> bytes:
        """Put one frame behind what was released; it becomes the last one."""
        assert self._next_chunk is not None
        for missing in range(max(self._next_chunk, chunk - _MOST_MISSING), chunk):
            self._missing[missing] = None
        while len(self._missing) > _MOST_MISSING:
            self._missing.popitem(last=False)
        self._next_chunk = chunk + 1
        fill = self._fill_bytes(timestamp_ms * BYTES_PER_MS - self._next_bytes)
        self._next_bytes += fill + len(payload)
        self._released_bytes += fill + len(payload)
        self._filled_bytes += fill
        return _SILENCE * fill + payload if fill else payload

    def _fill_bytes(self, ahead_bytes: int) -> int:
        """Return the silence to insert before a frame that lies this far ahead of its turn."""
        if abs(ahead_bytes) < _TOLERANCE_BYTES:
            self._doubts = 0
            return 0
        if not 0 < ahead_bytes <= _PLAUSIBLE_BYTES and not self._is_new_time(ahead_bytes):
            return 0
        self._doubts = 0
        fill = max(0, min(ahead_bytes, MAX_FILL_MS * BYTES_PER_MS))
        self._next_bytes += ahead_bytes - fill
        return fill

    def _is_new_time(self, ahead_bytes: int) -> bool:
        """Whether enough frames in a row lie in the same wrong place."""
        agrees = abs(ahead_bytes - self._doubt_bytes) < _TOLERANCE_BYTES
        self._doubts = self._doubts + 1 if agrees else 1
        self._doubt_bytes = ahead_bytes
        return self._doubts >= _WITNESSES

    def _is_new_count(self, chunk: int) -> bool:
        """Whether enough frames in a row count on from the same absurd number."""
        self._strays = self._strays + 1 if chunk == self._stray_chunk + 1 else 1
        self._stray_chunk = chunk
        return self._strays >= _WITNESSES
