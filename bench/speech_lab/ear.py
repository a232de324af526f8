"""The caller's end of the line: what Twilio plays to them, sample by sample, and what marks say.

A message that leaves us at `t` is at Twilio at `t + delay_s`. Audio plays behind what is queued, a
`clear` empties the queue at once, and a mark comes back when everything before it was played or
thrown away.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from bench.speech_lab.sound import Signal, from_wire
from voicecore.audio.mulaw import SAMPLE_RATE_HZ

_BLOCK = SAMPLE_RATE_HZ * 60


@dataclass(frozen=True, slots=True)
class Stretch:
    """Audio of a reply that plays without a break: place in the reply, time at the ear."""

    turn: int
    first_byte: int
    start_s: float
    payload: bytes

    @property
    def end_s(self) -> float:
        """When it has been played."""
        return self.start_s + len(self.payload) / SAMPLE_RATE_HZ


class Ear:
    """Plays what arrives; `played` is the sound at the ear from second 0 on."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self.dry_at_s = 0.0
        """When the queue runs dry."""
        self._queue: deque[Stretch] = deque()
        self._marks: deque[tuple[float, str]] = deque()
        self._sound = np.zeros(_BLOCK)
        self.cleared_s: list[float] = []
        """When each clear was at work."""
        self.heard: list[Stretch] = []
        """What was played, in order."""

    def media(self, turn: int, first_byte: int, payload: bytes, size: int, now_s: float) -> None:
        """Take audio that is sent now; behind its first `size` bytes it is padding."""
        start_s = max(self.dry_at_s, now_s + self._delay_s)
        self.dry_at_s = start_s + len(payload) / SAMPLE_RATE_HZ
        self._queue.append(Stretch(turn, first_byte, start_s, payload[:size]))
        self._write(start_s, from_wire(payload))

    def mark(self, name: str, now_s: float) -> float:
        """Take a mark that is sent now; return when its echo is back with us."""
        return max(self.dry_at_s, now_s + self._delay_s) + self._delay_s

    def clear(self, now_s: float) -> None:
        """Take a `clear` that is sent now."""
        at_s = now_s + self._delay_s
        self.cleared_s.append(at_s)
        self._settle(at_s)
        while self._queue:
            self._cut(self._queue.popleft(), at_s)
        if self.dry_at_s > at_s:
            self._write(at_s, np.zeros(round((self.dry_at_s - at_s) * SAMPLE_RATE_HZ)))
        self.dry_at_s = min(self.dry_at_s, at_s)

    def sound(self, first: int, count: int) -> Signal:
        """Return the sound at the ear; samples before the beginning are silence."""
        self._reach(first + count)
        if first >= 0:
            return self._sound[first : first + count]
        return np.concatenate([np.zeros(-first), self._sound[: max(0, first + count)]])

    def finish(self, now_s: float) -> None:
        """Let everything play that is due by now."""
        self._settle(now_s)

    def heard_bytes(self, turn: int) -> int:
        """Return how far into a reply's audio anything was heard."""
        ends = [part.first_byte + len(part.payload) for part in self.heard if part.turn == turn]
        return max(ends, default=0)

    def _settle(self, now_s: float) -> None:
        while self._queue and self._queue[0].end_s <= now_s + 1e-9:
            self.heard.append(self._queue.popleft())

    def _cut(self, stretch: Stretch, at_s: float) -> None:
        played = int((at_s - stretch.start_s) * SAMPLE_RATE_HZ + 1e-6)
        if played > 0:
            payload = stretch.payload[:played]
            self.heard.append(Stretch(stretch.turn, stretch.first_byte, stretch.start_s, payload))

    def _write(self, start_s: float, signal: Signal) -> None:
        first = round(start_s * SAMPLE_RATE_HZ)
        self._reach(first + len(signal))
        self._sound[first : first + len(signal)] = signal

    def _reach(self, end: int) -> None:
        while end > len(self._sound):
            self._sound = np.concatenate([self._sound, np.zeros(max(_BLOCK, len(self._sound)))])
