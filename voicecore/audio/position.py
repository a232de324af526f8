"""Where the caller's ear is in the audio that was sent: the position model of playout.

Theory of operation. Two estimates are kept and the lower one counts.

*By sending*: Twilio plays from the first byte on and never faster than 8,000 bytes a second, so it
still holds what was sent less what time has played since. One number, the moment at which that
buffer runs dry, carries it through underruns (a dry buffer plays nothing) and through the tail of
an earlier reply.

*By marks*: an echoed mark proves that everything before it was played; from there on, time again.

With a one-way delay of `d` the first equals the truth of `now + d` (exactly what a `clear` sent
now will cut) and the second the truth of `now - d`. Going on from the lower one repeats at most
`2 d` and loses nothing.

Positions count the call's audio bytes without padding. Padding takes time at the ear but no place
in the count.

Source: Twilio, Media Streams - WebSocket messages (media, mark, clear sent to Twilio).
"""

from __future__ import annotations

import math
from collections import deque

from voicecore.audio.mulaw import SAMPLE_RATE_HZ

_ROUNDING_BYTES = 1e-3
"""Times are floats: a thousandth of a byte is not a byte."""


class PlayPosition:
    """The position of one call; it survives replies, pauses and clears."""

    __slots__ = (
        "_confirmed_at_s",
        "_confirmed_bytes",
        "_floor_bytes",
        "_padding",
        "_padding_played_bytes",
        "_wire_bytes",
        "dry_at_s",
        "sent_bytes",
    )

    def __init__(self) -> None:
        self.sent_bytes = 0
        """Audio sent so far, without padding."""
        self.dry_at_s = 0.0
        """When Twilio's buffer runs out of what was sent."""
        self._wire_bytes = 0
        self._padding: deque[tuple[int, int]] = deque()  # (first wire byte, size), not played yet
        self._padding_played_bytes = 0
        self._confirmed_bytes = 0
        self._confirmed_at_s = 0.0
        self._floor_bytes = 0

    def send(self, audio_bytes: int, padding_bytes: int, now_s: float) -> None:
        """Note that audio, then padding, went to the wire."""
        if self._by_marks(now_s) >= self.sent_bytes:
            # Whatever was sent is played: the silence since then must not count as playing time.
            self._confirmed_bytes = self.sent_bytes
            self._confirmed_at_s = now_s
        if padding_bytes:
            self._padding.append((self._wire_bytes + audio_bytes, padding_bytes))
        self._wire_bytes += audio_bytes + padding_bytes
        self.sent_bytes += audio_bytes
        self.dry_at_s = max(self.dry_at_s, now_s) + (audio_bytes + padding_bytes) / SAMPLE_RATE_HZ

    def confirm(self, position_bytes: int, now_s: float) -> None:
        """Note that a mark behind `position_bytes` came back, with no clear in between."""
        if position_bytes >= self._confirmed_bytes:
            self._confirmed_bytes = position_bytes
            self._confirmed_at_s = now_s

    def played_bytes(self, now_s: float) -> int:
        """Return the position of the ear; it never goes back."""
        position = min(self._by_sending(now_s), self._by_marks(now_s))
        self._floor_bytes = max(self._floor_bytes, position)
        return self._floor_bytes

    def cut(self, position_bytes: int, now_s: float) -> None:
        """Note that a clear was sent: nothing is at Twilio, sending goes on at `position_bytes`."""
        self.sent_bytes = self._wire_bytes = position_bytes
        self._confirmed_bytes = self._floor_bytes = position_bytes
        self._confirmed_at_s = self.dry_at_s = now_s
        self._padding.clear()
        self._padding_played_bytes = 0

    def _by_sending(self, now_s: float) -> int:
        played = self._wire_bytes
        if now_s < self.dry_at_s:
            left = (self.dry_at_s - now_s) * SAMPLE_RATE_HZ
            played -= math.ceil(left - _ROUNDING_BYTES)
        while self._padding and sum(self._padding[0]) <= played:
            self._padding_played_bytes += self._padding.popleft()[1]
        silent = max(0, played - self._padding[0][0]) if self._padding else 0
        return played - self._padding_played_bytes - silent

    def _by_marks(self, now_s: float) -> int:
        elapsed = int((now_s - self._confirmed_at_s) * SAMPLE_RATE_HZ + _ROUNDING_BYTES)
        return min(self.sent_bytes, self._confirmed_bytes + elapsed)
