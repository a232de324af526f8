"""What a speaker has been asked to say, and what of it is on its way: rules without a socket.

A *group* is what one `Flush` ends: one segment, or several when flushes are scarce. Audio between
two `Flushed` belongs to the oldest group in flight; within a joined group it counts for the first
token, and the tokens finish together, in order.

Clearing raises a fence: audio is dropped until Deepgram says `Cleared`. A `Flushed` of a group
from before the fence may still come after it (undocumented); it is recognised by coming before any
audio of the new group.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from voicecore.wire.deepgram_speak import CLEAR, FLUSH, TEXT_CHARS_MAX, speak, split_text

TokenT = TypeVar("TokenT")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTimings:
    """Limits of one connection; times in seconds.

    `flushes_max` per 60 s is Deepgram's limit (counted over a second more here, for the way there);
    the last `flushes_reserved` of them are
    spent on joined groups only. `groups_in_flight_max` keeps long replies from being sent whole:
    an interruption wastes what was sent.
    """

    first_byte_s: float = 1.5
    stall_s: float = 3.0
    clear_s: float = 0.4
    flushes_max: int = 20
    flush_window_s: float = 61.0
    flushes_reserved: int = 6
    flush_wait_s: float = 0.5
    groups_in_flight_max: int = 4
    tries_max: int = 2


@dataclass(slots=True)
class _Segment(Generic[TokenT]):
    token: TokenT
    text: str
    tries: int = 0


@dataclass(slots=True)
class _Group(Generic[TokenT]):
    segments: list[_Segment[TokenT]]
    audio_bytes: int = 0
    tokens: tuple[TokenT, ...] = field(init=False)
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = tuple(segment.token for segment in self.segments)
        # Deepgram joins texts as they are; only a space keeps two sentences apart.
        self.text = " ".join(segment.text for segment in self.segments if segment.text)


class SpeechQueue(Generic[TokenT]):
    """The segments of one speaker; every method takes the time it happens at."""

    def __init__(self, timings: SpeechTimings) -> None:
        self._timings = timings
        self._waiting: deque[_Segment[TokenT]] = deque()
        self._flight: deque[_Group[TokenT]] = deque()
        self._flushes: deque[float] = deque()
        self._clear_wanted = False
        self._clears_unanswered = 0
        self._cleared_since = 0.0
        self._stale_flushes = 0
        # When the oldest group began to be the one that audio is expected of, or last had some.
        self._progress_at = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be said and nothing is expected from Deepgram."""
        return not (self._waiting or self._flight or self._fenced or self._clear_wanted)

    @property
    def is_in_flight(self) -> bool:
        """Whether Deepgram owes audio or a `Cleared`."""
        return bool(self._flight) or self._fenced

    @property
    def _fenced(self) -> bool:
        return self._clears_unanswered > 0

    def add(self, token: TokenT, text: str) -> None:
        """Queue one segment behind the others; one without any text is finished in its turn."""
        sayable = text.encode("utf-8", "ignore").decode("utf-8").strip()
        self._waiting.append(_Segment(token, sayable))

    def clear(self, now_s: float) -> None:
        """Forget every segment; raise the fence where Deepgram may still send audio of them."""
        self._waiting.clear()
        if self._flight:
            self._stale_flushes += sum(1 for group in self._flight if group.text)
            self._flight.clear()
            self._clear_wanted = True
            self._clears_unanswered += 1
            self._cleared_since = now_s

    def outgoing(self, now_s: float, *, may_start: bool = True) -> list[str]:
        """Return the messages to send now, in order; `may_start` allows new groups."""
        messages = []
        if self._clear_wanted:
            self._clear_wanted = False
            messages.append(CLEAR)
        while may_start and (group := self._next_group(now_s)):
            if not self._flight:
                self._progress_at = now_s
            self._flight.append(group)
            if group.text:
                self._flushes.append(now_s)
                messages.extend(speak(piece) for piece in split_text(group.text))
                messages.append(FLUSH)
        return messages

    def finished(self) -> tuple[TokenT, ...]:
        """Return tokens without text whose turn has come; they are finished."""
        tokens: list[TokenT] = []
        while self._flight and not self._flight[0].text:
            tokens.extend(self._flight.popleft().tokens)
        return tuple(tokens)

    def audio(self, size_bytes: int, now_s: float) -> TokenT | None:
        """Attribute audio that arrived; None: it belongs to nothing and is dropped."""
        if self._fenced or not self._flight:
            return None
        group = self._flight[0]
        group.audio_bytes += size_bytes
        self._progress_at = now_s
        self._stale_flushes = 0
        return group.tokens[0]

    def flushed(self, now_s: float) -> tuple[TokenT, ...]:
        """Take a `Flushed`; returns the tokens that are finished by it, in order."""
        group = self._flight[0] if self._flight else None
        if self._fenced or group is None or (self._stale_flushes and not group.audio_bytes):
            self._stale_flushes = max(0, self._stale_flushes - 1)
            return ()
        self._flight.popleft()
        self._progress_at = now_s
        return group.tokens

    def cleared(self, now_s: float) -> None:
        """Take a `Cleared`; the last one that is owed lets audio through again."""
        self._clears_unanswered = max(0, self._clears_unanswered - 1)
        self._progress_at = now_s

    def overdue(self, now_s: float) -> str | None:
        """Say why this connection is of no more use; None: all is well."""
        timings = self._timings
        waited_s = now_s - self._progress_at
        if self._fenced:
            if now_s - self._cleared_since >= timings.clear_s:
                return "clear was not answered"
        elif self._flight:
            if not self._flight[0].audio_bytes and waited_s >= timings.first_byte_s:
                return "no audio"
            if waited_s >= timings.stall_s:
                return "audio stalled"
        elif self._waiting and self._flushes_left(now_s) <= 0:
            # The limit counts per connection: another one may flush at once.
            next_flush_s = self._flushes[0] + timings.flush_window_s - now_s
            if next_flush_s > timings.flush_wait_s:
                return "flush budget used up"
        return None

    def connection_lost(self) -> tuple[TokenT, ...]:
        """Put what was in flight back in front; returns the tokens that cannot be said again.

        The oldest group is said again from its start only if none of its audio was delivered, and
        once. Of a joined group with audio nobody knows which words were said, so all of it fails.
        """
        oldest = self._flight[0] if self._flight else None
        failed: list[TokenT] = []
        again: list[_Segment[TokenT]] = []
        for group in self._flight:
            for segment in group.segments:
                segment.tries += group is oldest and not self._fenced
                spent = segment.tries >= self._timings.tries_max
                if group.audio_bytes or spent:
                    failed.append(segment.token)
                else:
                    again.append(segment)
        self._waiting.extendleft(reversed(again))
        self._flight.clear()
        self._flushes.clear()
        self._clear_wanted = False
        self._clears_unanswered = 0
        self._stale_flushes = 0
        return tuple(failed)

    def give_up(self) -> tuple[TokenT, ...]:
        """Forget everything; returns the tokens that were not finished, in order."""
        tokens = [token for group in self._flight for token in group.tokens]
        tokens.extend(segment.token for segment in self._waiting)
        self._waiting.clear()
        self.connection_lost()
        self._waiting.clear()
        return tuple(tokens)

    def _next_group(self, now_s: float) -> _Group[TokenT] | None:
        left = self._flushes_left(now_s)
        if not self._waiting or left <= 0:
            return None
        if left > self._timings.flushes_reserved:
            if len(self._flight) >= self._timings.groups_in_flight_max:
                return None
            return _Group([self._waiting.popleft()])
        if self._flight:
            return None
        return _Group(self._join_waiting())

    def _join_waiting(self) -> list[_Segment[TokenT]]:
        """Take waiting segments as one group; more than one message of text only for the first."""
        segments = [self._waiting.popleft()]
        size_chars = len(segments[0].text)
        while self._waiting and size_chars + len(self._waiting[0].text) < TEXT_CHARS_MAX:
            segment = self._waiting.popleft()
            size_chars += len(segment.text) + 1
            segments.append(segment)
        return segments

    def _flushes_left(self, now_s: float) -> int:
        while self._flushes and now_s - self._flushes[0] >= self._timings.flush_window_s:
            self._flushes.popleft()
        return self._timings.flushes_max - len(self._flushes)
