"""What the caller's ear gets, in virtual time: the audio of one reply after the other.

Words are spread evenly over a segment by their letters; a word counts as heard when its end was
played.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

MS_PER_CHARACTER = 62
MS_PER_SEGMENT = 140


@dataclass(frozen=True, slots=True)
class HeardSegment:
    """A segment as far as it was heard, from `at` on; `turn` is the reply's."""

    turn: int
    at: float
    text: str
    complete: bool


@dataclass(slots=True)
class Segment:
    """One piece of audio of a reply."""

    index: int
    text: str
    start_ms: float
    end_ms: float
    marked: bool = False


@dataclass(slots=True)
class Reply:
    """The playout of one reply; `since` is when it last began to sound, None while it does not."""

    turn: int
    segments: list[Segment] = field(default_factory=list)
    played_ms: float = 0.0
    since: float | None = None
    paused: bool = False
    drained_ms: float = 0.0

    @property
    def total_ms(self) -> float:
        """How much audio there is."""
        return self.segments[-1].end_ms if self.segments else 0.0


class VirtualPlayout:
    """Plays replies; `heard` is the truth about what reached the ear."""

    def __init__(self) -> None:
        self.heard: list[HeardSegment] = []
        self.stretch_at: float | None = None
        """Since when the agent has been sounding, None while it is silent."""
        self.silent_at: float | None = None
        """When its last sound ended."""
        self._reply: Reply | None = None

    def add(self, turn: int, index: int, text: str, now: float) -> tuple[int, int, bool]:
        """Queue a segment; returns its start and length in the reply, and whether it is the first.

        It follows what is queued of the same reply, and takes the place of an earlier one.
        """
        if self._reply is None or self._reply.turn != turn:
            self.clear(now)
            self._reply = Reply(turn)
        reply = self._reply
        first = not reply.segments
        start_ms = reply.total_ms
        end_ms = start_ms + MS_PER_SEGMENT + MS_PER_CHARACTER * len(text)
        self._advance(now)
        reply.segments.append(Segment(index, text, start_ms, end_ms))
        if not reply.paused and reply.since is None:
            self._sound(now)
        return int(start_ms), int(end_ms - start_ms), first

    def turn_of(self) -> int | None:
        """Return the reply that is played."""
        return None if self._reply is None else self._reply.turn

    def pause(self, turn: int, now: float) -> int | None:
        """Fall silent; returns the position, None where another reply is played."""
        reply = self._of(turn)
        if reply is None:
            return None
        self._advance(now)
        reply.paused, reply.since = True, None
        self._silence(now)
        return int(reply.played_ms)

    def resume(self, turn: int, now: float) -> None:
        """Go on where it stopped."""
        reply = self._of(turn)
        if reply is not None and reply.paused:
            reply.paused = False
            if reply.played_ms < reply.total_ms:
                self._sound(now)

    def clear(self, now: float, turn: int | None = None) -> int | None:
        """Drop the reply; returns how much of it was played."""
        reply = self._reply
        if reply is None or (turn is not None and reply.turn != turn):
            return None
        self._advance(now)
        for segment in reply.segments:
            if not segment.marked:
                self._keep(reply, segment, now)
        self._reply = None
        self._silence(now)
        return int(reply.played_ms)

    def next_at(self) -> float:
        """Return when the next mark is due, or the end of all audio."""
        reply = self._reply
        if reply is None or reply.since is None:
            return float("inf")
        due = next((entry for entry in reply.segments if not entry.marked), None)
        if due is not None:
            return reply.since + max(0.0, due.end_ms - reply.played_ms) / 1000
        return reply.since if reply.drained_ms < reply.total_ms else float("inf")

    def tick(self, now: float) -> tuple[int, int | None]:
        """Take the mark that is due: (turn, segment); the segment is None where all is drained."""
        reply = self._reply
        assert reply is not None, "a mark is due only while something is played"
        self._advance(now)
        due = next((entry for entry in reply.segments if not entry.marked), None)
        if due is not None:
            reply.played_ms = max(reply.played_ms, due.end_ms)
            due.marked = True
            self._keep(reply, due, now)
            return reply.turn, due.index
        reply.drained_ms = reply.total_ms
        reply.since = None
        self._silence(now)
        return reply.turn, None

    def _of(self, turn: int) -> Reply | None:
        return self._reply if self._reply is not None and self._reply.turn == turn else None

    def _advance(self, now: float) -> None:
        reply = self._reply
        if reply is not None and reply.since is not None:
            played_ms = reply.played_ms + (now - reply.since) * 1000
            reply.played_ms = min(reply.total_ms, played_ms)
            reply.since = now

    def _sound(self, now: float) -> None:
        assert self._reply is not None
        self._reply.since = now
        if self.stretch_at is None:
            self.stretch_at = now

    def _silence(self, now: float) -> None:
        if self.stretch_at is not None:
            self.stretch_at, self.silent_at = None, now

    def _keep(self, reply: Reply, segment: Segment, now: float) -> None:
        words = _heard_words(segment, reply.played_ms)
        if words:
            whole = reply.played_ms >= segment.end_ms
            self.heard.append(HeardSegment(reply.turn, now, " ".join(words), whole))


def _heard_words(segment: Segment, played_ms: float) -> list[str]:
    words = segment.text.split()
    letters = [len(word) for word in words]
    total, length = max(1, sum(letters)), segment.end_ms - segment.start_ms
    ends = (segment.start_ms + length * done / total for done in itertools.accumulate(letters))
    return [word for word, end in zip(words, ends, strict=True) if end <= played_ms + 1]
