"""The marks of one call: which are to be sent, which are on their way, what an echo means.

Theory of operation. Twilio echoes a mark when the audio before it was played, and also when a
clear threw that audio away; the echo looks the same. So the wire name of a mark carries, besides
the contract's prefix, the number of clears its reply has seen: `3:1`, after one clear `3:1~1`,
after two `3:1~2`. A clear forgets the names whose audio was not played; their echoes are unknown
from then on, while the re-sent mark has a name of its own. Names whose audio had been played
before the clear stay known: their echo may be on its way and is true.

Source: Twilio, Media Streams - WebSocket messages (mark, clear).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from voicecore.audio.mulaw import BYTES_PER_MS

POSITION_MARK_MS = 200
"""Audio between two marks inside a segment: enough to hold the position model, cheap to carry."""

_MOST_IN_FLIGHT = 512
"""A peer that echoes nothing must not make the book grow without end."""


@dataclass(frozen=True, slots=True)
class MarkInFlight:
    """A mark that was sent and not echoed yet.

    `end_bytes` is where its audio ends, `sent_bytes` what had been sent before it (both count the
    call's audio); `reply` tells replies apart that share a turn. `ends_segment` is False for a
    position mark. `proves_position` is False once a clear was sent: its echo then says what, but
    no longer when.
    """

    reply: int
    turn: int
    segment: int
    end_bytes: int
    sent_bytes: int
    ends_segment: bool
    proves_position: bool = True


class MarkBook:
    """Names, sends and recognises the marks of one call."""

    __slots__ = (
        "_clears",
        "_ends",
        "_flights",
        "_highest_turn",
        "_last_bytes",
        "_nth",
        "_reply",
        "_segment",
        "_turn",
    )

    def __init__(self) -> None:
        self._reply = 0
        self._turn = 0
        self._highest_turn = -1
        self._clears = 0
        self._segment = 0
        self._nth = 0
        self._last_bytes = 0
        self._ends: deque[tuple[int, int]] = deque()  # (segment, end_bytes), not sent yet
        self._flights: dict[str, MarkInFlight] = {}

    def begin(self, turn: int, position_bytes: int) -> None:
        """Start a reply at `position_bytes`; what was sent for earlier ones stays valid."""
        # A turn that starts over must not reuse the names of its first try.
        self._clears = 0 if turn > self._highest_turn else self._clears + 1
        self._highest_turn = max(turn, self._highest_turn)
        self._turn = turn
        self._reply += 1
        self._segment = 0
        self._nth = 0
        self._last_bytes = position_bytes
        self._ends.clear()

    def end_segment(self, segment: int, end_bytes: int) -> None:
        """Queue the mark of a segment that ends at `end_bytes`."""
        self._ends.append((segment, end_bytes))

    @property
    def is_waiting(self) -> bool:
        """Whether a segment's mark is still to be sent."""
        return bool(self._ends)

    @property
    def is_in_flight(self) -> bool:
        """Whether an echo is still to come."""
        return bool(self._flights)

    def ends_at(self, position_bytes: int) -> bool:
        """Whether the last queued segment ends exactly here."""
        return bool(self._ends) and self._ends[-1][1] == position_bytes

    def is_due(self, sent_bytes: int) -> bool:
        """Whether a segment's mark can be sent without more audio."""
        return bool(self._ends) and self._ends[0][1] <= sent_bytes

    def next_stop_bytes(self) -> int:
        """Return the position behind which the next mark belongs."""
        stop = self._last_bytes + POSITION_MARK_MS * BYTES_PER_MS
        return min(stop, self._ends[0][1]) if self._ends else stop

    def take_due(self, sent_bytes: int) -> list[str]:
        """Return the names that belong behind the first `sent_bytes`; they count as sent."""
        names: list[str] = []
        while self.is_due(sent_bytes):
            segment, end_bytes = self._ends.popleft()
            names.append(self._depart(f"{self._turn}:{segment}", segment, end_bytes, sent_bytes))
            self._segment = segment + 1
            self._nth = 0
        if not names and sent_bytes - self._last_bytes >= POSITION_MARK_MS * BYTES_PER_MS:
            segment = self._ends[0][0] if self._ends else self._segment
            self._nth += 1
            names.append(
                self._depart(f"{self._turn}:{segment}.{self._nth}", segment, -1, sent_bytes)
            )
        return names

    def take_echo(self, name: str) -> MarkInFlight | None:
        """Return what the echoed mark stands for; None when it is unknown or was cleared."""
        return self._flights.pop(name, None)

    def recall(self, heard_bytes: int, resume_bytes: int) -> None:
        """Note a clear at `heard_bytes` after which audio goes on at `resume_bytes`.

        Marks of this reply whose audio was not heard are queued again. The two positions differ
        when the clear cut the tail of an earlier reply.
        """
        again: list[tuple[int, int]] = []
        kept: dict[str, MarkInFlight] = {}
        for name, flight in self._flights.items():
            if not flight.ends_segment:
                continue
            if flight.end_bytes <= heard_bytes:
                kept[name] = replace(flight, proves_position=False)
            elif flight.reply == self._reply:
                again.append((flight.segment, flight.end_bytes))
        self._flights = kept
        self._ends.extendleft(reversed(again))
        self._last_bytes = resume_bytes
        self._clears += 1

    def drop(self) -> None:
        """Note a clear after which nothing goes on: no mark of the past means anything."""
        self._ends.clear()
        self._flights.clear()
        self._clears += 1

    def _depart(self, prefix: str, segment: int, end_bytes: int, sent_bytes: int) -> str:
        name = f"{prefix}~{self._clears}" if self._clears else prefix
        if len(self._flights) >= _MOST_IN_FLIGHT:
            del self._flights[next(iter(self._flights))]
        self._flights[name] = MarkInFlight(
            self._reply, self._turn, segment, end_bytes, sent_bytes, end_bytes >= 0
        )
        self._last_bytes = sent_bytes
        return name
