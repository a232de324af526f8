"""A sample-exact model of the buffer between a media stream and the ear of the caller.

Theory of operation. Everything happens on the grid of the samples: sample `n` is heard from
`n / 8000` s on. What the server sends (audio, marks, clear) becomes an arrival, `out_delay_s` after
it left. `advance` walks through the arrivals in order, plays what lies between them, and notes
for every byte whether and when it was heard. Audio starts the moment it meets an empty queue; an
empty queue is silence. A mark is echoed when all audio before it is gone, played or cleared.

Source: Twilio, Media Streams - WebSocket messages (media, mark and clear sent to Twilio).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from voicecore.audio.mulaw import SAMPLE_RATE_HZ, SILENCE_BYTE

CAPACITY_S = 600.0
"""Audio that Twilio keeps; what comes on top is dropped (warning 31931)."""

_GRID_TOLERANCE_SAMPLES = 1e-6


class GapCause(StrEnum):
    """Why the caller heard silence between two pieces of audio."""

    DRAINED = "drained"
    """Everything queued had been played: an underrun, or the end of a reply."""
    CLEARED = "cleared"
    """A clear emptied the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoedMark:
    """A mark on its way back: due at the buffer at `at_s`, at the server at `delivered_at_s`."""

    name: str
    at_s: float
    delivered_at_s: float
    cleared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteSpan:
    """Bytes `first` to `end` (exclusive), counted in order of arrival; their fate began at `at_s`.

    For played bytes `at_s` is when the first one sounded and the others follow without a gap.
    """

    first: int
    end: int
    at_s: float

    @property
    def size_bytes(self) -> int:
        """Number of bytes."""
        return self.end - self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Silence between two pieces of audio."""

    start_s: float
    end_s: float
    cause: GapCause

    @property
    def length_ms(self) -> float:
        """Length of the silence."""
        return (self.end_s - self.start_s) * 1000


@dataclass(frozen=True, slots=True)
class _Audio:
    payload: bytes
    first: int


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str


@dataclass(frozen=True, slots=True)
class _Clear:
    pass


class PlayoutModel:
    """What Twilio does with the audio, marks and clears of one stream.

    All times are seconds on the call's clock and must not run backwards. The stream begins at
    `start_s`, and so does `timeline`.
    """

    def __init__(
        self,
        *,
        start_s: float = 0.0,
        out_delay_s: float = 0.0,
        in_delay_s: float = 0.0,
        capacity_s: float = CAPACITY_S,
    ) -> None:
        if out_delay_s < 0 or in_delay_s < 0:
            raise ValueError("a delay cannot be negative")
        self.start_sample = _sample_at(start_s)
        self.timeline = bytearray()
        """What the caller heard: one µ-law byte a sample, up to the last `advance`."""
        self.played: list[ByteSpan] = []
        self.cleared: list[ByteSpan] = []
        self.discarded: list[ByteSpan] = []
        """Bytes that were still queued when the stream ended."""
        self.overflowed: list[ByteSpan] = []
        """Bytes that did not fit the buffer."""
        self.gaps: list[Gap] = []
        self.clears_s: list[float] = []
        """When each clear took effect."""
        self.fed_bytes = 0
        self._out_delay_s = out_delay_s
        self._in_delay_s = in_delay_s
        self._capacity_bytes = int(capacity_s * SAMPLE_RATE_HZ)
        self._latest_s = start_s
        self._arrivals: deque[tuple[int, _Audio | _Mark | _Clear]] = deque()
        self._queue: deque[_Audio] = deque()
        self._marks: deque[tuple[int, str]] = deque()
        self._entered_bytes = 0
        self._left_bytes = 0
        self._silent_from: int | None = None
        self._silence_cause = GapCause.DRAINED
        self._echoes: list[EchoedMark] = []

    @property
    def now_sample(self) -> int:
        """The sample that is heard next."""
        return self.start_sample + len(self.timeline)

    @property
    def queued_bytes(self) -> int:
        """Audio that has arrived and has not been heard yet."""
        return self._entered_bytes - self._left_bytes

    @property
    def underruns(self) -> list[Gap]:
        """The gaps that came from an empty queue; how long one may be is the reader's choice."""
        return [gap for gap in self.gaps if gap.cause is GapCause.DRAINED]

    def feed(self, at_s: float, payload: bytes) -> None:
        """Queue µ-law audio of any length, sent at `at_s`."""
        if not payload:
            return
        self._arrive(at_s, _Audio(bytes(payload), self.fed_bytes))
        self.fed_bytes += len(payload)

    def mark(self, at_s: float, name: str) -> None:
        """Queue a mark behind all audio sent before it."""
        self._arrive(at_s, _Mark(name))

    def clear(self, at_s: float) -> None:
        """Drop all queued audio; the pending marks are echoed at once, in order."""
        self._arrive(at_s, _Clear())

    def advance(self, at_s: float) -> tuple[EchoedMark, ...]:
        """Let time pass until `at_s`; return the marks echoed since the last call, in order."""
        self._move_clock(at_s)
        target = _sample_at(at_s)
        while self._arrivals and self._arrivals[0][0] <= target:
            sample, arrival = self._arrivals.popleft()
            self._play_until(sample)
            self._take(arrival)
        self._play_until(target)
        echoes = tuple(self._echoes)
        self._echoes.clear()
        return echoes

    def close(self, at_s: float) -> tuple[EchoedMark, ...]:
        """End the stream: play until `at_s`, then discard the rest; its marks are never echoed."""
        echoes = self.advance(at_s)
        waiting = [a for _, a in self._arrivals if isinstance(a, _Audio)]
        ended_s = self.now_sample / SAMPLE_RATE_HZ
        for audio in (*self._queue, *waiting):
            _extend(self.discarded, audio.first, len(audio.payload), ended_s)
        self._arrivals.clear()
        self._queue.clear()
        self._marks.clear()
        self._left_bytes = self._entered_bytes
        return echoes

    def next_deadline_s(self) -> float | None:
        """Return when `advance` next has something to tell; None: not before more is sent."""
        deadlines = []
        if self._echoes:
            deadlines.append(self.now_sample)
        if self._arrivals:
            deadlines.append(self._arrivals[0][0])
        if self._marks:
            deadlines.append(self.now_sample + self._marks[0][0] - self._left_bytes)
        return min(deadlines) / SAMPLE_RATE_HZ if deadlines else None

    def _move_clock(self, at_s: float) -> None:
        if at_s < self._latest_s - 1e-9:
            raise ValueError(f"time runs backwards: {at_s} after {self._latest_s}")
        self._latest_s = max(self._latest_s, at_s)

    def _arrive(self, at_s: float, arrival: _Audio | _Mark | _Clear) -> None:
        self._move_clock(at_s)
        sample = max(_sample_at(at_s + self._out_delay_s), self.now_sample)
        self._arrivals.append((sample, arrival))

    def _take(self, arrival: _Audio | _Mark | _Clear) -> None:
        match arrival:
            case _Audio():
                self._enqueue(arrival)
            case _Mark(name):
                self._marks.append((self._entered_bytes, name))
                self._echo_due(self.now_sample, self._left_bytes, cleared=False)
            case _Clear():
                self._empty()

    def _enqueue(self, audio: _Audio) -> None:
        now_s = self.now_sample / SAMPLE_RATE_HZ
        room = self._capacity_bytes - self.queued_bytes
        kept = audio.payload[:room]
        lost = len(audio.payload) - len(kept)
        if lost:
            _extend(self.overflowed, audio.first + len(kept), lost, now_s)
        if not kept:
            return
        if self._silent_from is not None and not self.queued_bytes:
            start_s = self._silent_from / SAMPLE_RATE_HZ
            if now_s > start_s:
                self.gaps.append(Gap(start_s=start_s, end_s=now_s, cause=self._silence_cause))
            self._silent_from = None
        self._queue.append(_Audio(kept, audio.first))
        self._entered_bytes += len(kept)

    def _empty(self) -> None:
        now_s = self.now_sample / SAMPLE_RATE_HZ
        self.clears_s.append(now_s)
        if self._queue:
            self._silent_from = self.now_sample
            self._silence_cause = GapCause.CLEARED
        for audio in self._queue:
            _extend(self.cleared, audio.first, len(audio.payload), now_s)
        self._queue.clear()
        self._left_bytes = self._entered_bytes
        self._echo_due(self.now_sample, self._left_bytes, cleared=True)

    def _play_until(self, target: int) -> None:
        while self.now_sample < target and self._queue:
            audio = self._queue.popleft()
            size = min(len(audio.payload), target - self.now_sample)
            heard_s = self.now_sample / SAMPLE_RATE_HZ
            self._echo_due(self.now_sample, self._left_bytes + size, cleared=False)
            self.timeline += audio.payload[:size]
            _extend(self.played, audio.first, size, heard_s)
            self._left_bytes += size
            if size < len(audio.payload):
                self._queue.appendleft(_Audio(audio.payload[size:], audio.first + size))
            elif not self._queue:
                self._silent_from = self.now_sample
                self._silence_cause = GapCause.DRAINED
        missing = target - self.now_sample
        if missing > 0:
            self.timeline += bytes((SILENCE_BYTE,)) * missing

    def _echo_due(self, now_sample: int, left_bytes: int, *, cleared: bool) -> None:
        """Echo the marks that at most `left_bytes` of audio precede; `now_sample` is heard next."""
        while self._marks and self._marks[0][0] <= left_bytes:
            position, name = self._marks.popleft()
            sample = now_sample + max(0, position - self._left_bytes)
            at_s = sample / SAMPLE_RATE_HZ
            self._echoes.append(
                EchoedMark(
                    name=name,
                    at_s=at_s,
                    delivered_at_s=at_s + self._in_delay_s,
                    cleared=cleared,
                )
            )


def _sample_at(at_s: float) -> int:
    return math.ceil(at_s * SAMPLE_RATE_HZ - _GRID_TOLERANCE_SAMPLES)


def _extend(spans: list[ByteSpan], first: int, size: int, at_s: float) -> None:
    """Append a span, or lengthen the last one when the bytes follow it without a gap in time."""
    if spans:
        last = spans[-1]
        follows_s = last.at_s + last.size_bytes / SAMPLE_RATE_HZ
        if last.end == first and (abs(follows_s - at_s) < 1e-6 or last.at_s == at_s):
            spans[-1] = ByteSpan(first=last.first, end=first + size, at_s=last.at_s)
            return
    spans.append(ByteSpan(first=first, end=first + size, at_s=at_s))
