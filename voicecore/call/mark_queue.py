"""The segments of one reply in order, each with how far it got on its way to the caller's ear.

A mark closes every segment. Twilio plays in order, so a mark that came back proves the segments
before it as well; what was only sent proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from voicecore.call.heard import SpokenSegment


class SegmentState(Enum):
    """How far a segment got."""

    HELD = "held"
    """Ready, but not given to the speaker while the caller may be talking."""
    QUEUED = "queued"
    """Given to the speaker."""
    SYNTHESIZED = "synthesized"
    """All its audio is in the playout."""
    HEARD = "heard"
    FAILED = "failed"
    """No audio could be had, or it was passed over."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a reply.

    `tool_round` counts the tool calls before it within the reply; `is_reply` is False for words
    that only fill time and stay out of the history.
    """

    index: int
    text: str
    tool_round: int
    is_reply: bool
    state: SegmentState
    start_ms: int | None = None
    audio_ms: int | None = None
    sounds: tuple[tuple[int, int], ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.state in (SegmentState.HEARD, SegmentState.FAILED)

    @property
    def is_on_its_way(self) -> bool:
        """Whether the caller may hear it any moment."""
        return self.state in (SegmentState.QUEUED, SegmentState.SYNTHESIZED)


@dataclass(frozen=True, slots=True)
class MarkQueue:
    """The segments of one reply; every method returns the changed queue."""

    segments: tuple[Segment, ...] = ()

    def added(self, text: str, *, tool_round: int, is_reply: bool, held: bool) -> MarkQueue:
        """Append a segment under the next number."""
        state = SegmentState.HELD if held else SegmentState.QUEUED
        segment = Segment(len(self.segments), text, tool_round, is_reply, state)
        return MarkQueue((*self.segments, segment))

    def released(self) -> MarkQueue:
        """Turn every held segment into a queued one."""
        return self._changed(
            lambda segment: segment.state is SegmentState.HELD,
            lambda segment: replace(segment, state=SegmentState.QUEUED),
        )

    def synthesized(
        self, index: int, start_ms: int, audio_ms: int, sounds: tuple[tuple[int, int], ...] = ()
    ) -> MarkQueue:
        """Note the place of a segment in the reply's audio; a segment that was heard stays so."""

        def place(segment: Segment) -> Segment:
            state = segment.state if segment.is_settled else SegmentState.SYNTHESIZED
            return replace(
                segment, state=state, start_ms=start_ms, audio_ms=audio_ms, sounds=sounds
            )

        return self._changed(lambda segment: segment.index == index, place)

    def heard(self, index: int) -> MarkQueue:
        """Take an echoed mark: this segment was heard, and so was all audio before it.

        A segment before it that still has no audio was passed over.
        """

        def settle(segment: Segment) -> Segment:
            had_audio = segment.index == index or segment.state is SegmentState.SYNTHESIZED
            return replace(segment, state=SegmentState.HEARD if had_audio else SegmentState.FAILED)

        return self._changed(
            lambda segment: segment.index <= index and segment.is_on_its_way, settle
        )

    def heard_up_to(self, played_ms: int) -> MarkQueue:
        """Take a position of the playout: segments that end before it were heard."""
        return self._changed(
            lambda segment: (
                segment.state is SegmentState.SYNTHESIZED and _end_ms(segment) <= played_ms
            ),
            _as_heard,
        )

    def drained(self) -> MarkQueue:
        """All audio that was synthesised so far was heard."""
        return self._changed(lambda segment: segment.state is SegmentState.SYNTHESIZED, _as_heard)

    def failed(self, index: int) -> MarkQueue:
        """No audio for this segment."""
        return self._changed(
            lambda segment: segment.index == index and not segment.is_settled,
            lambda segment: replace(segment, state=SegmentState.FAILED),
        )

    @property
    def is_settled(self) -> bool:
        """Whether no segment is held or on its way."""
        return all(segment.is_settled for segment in self.segments)

    @property
    def is_audible(self) -> bool:
        """Whether a segment is on its way to the caller's ear."""
        return any(segment.is_on_its_way for segment in self.segments)

    @property
    def was_heard(self) -> bool:
        """Whether a whole segment was heard."""
        return any(segment.state is SegmentState.HEARD for segment in self.segments)

    @property
    def audio_left_ms(self) -> int:
        """Audio in the playout that is not known to be heard, at most."""
        return sum(
            segment.audio_ms or 0
            for segment in self.segments
            if segment.state is SegmentState.SYNTHESIZED
        )

    def spoken(self) -> tuple[SpokenSegment, ...]:
        """Return the segments as `heard_text` takes them.

        A segment that is still being synthesised begins where the audio known so far ends; one
        that was passed over has no place.
        """
        placed = [segment.index for segment in self.segments if segment.audio_ms is not None]
        last_placed = max(placed, default=-1)
        spoken: list[SpokenSegment] = []
        next_start_ms: int | None = 0
        for segment in self.segments:
            start_ms = next_start_ms if segment.start_ms is None else segment.start_ms
            is_passed_over = segment.audio_ms is None and segment.index < last_placed
            if is_passed_over or segment.state in (SegmentState.HELD, SegmentState.FAILED):
                start_ms = None
            spoken.append(
                SpokenSegment(
                    segment.text,
                    start_ms,
                    segment.audio_ms,
                    segment.state is SegmentState.HEARD,
                    segment.sounds,
                )
            )
            next_start_ms = None if segment.audio_ms is None else _end_ms(segment)
        return tuple(spoken)

    def _changed(
        self, wanted: Callable[[Segment], bool], change: Callable[[Segment], Segment]
    ) -> MarkQueue:
        return MarkQueue(
            tuple(change(segment) if wanted(segment) else segment for segment in self.segments)
        )


def _as_heard(segment: Segment) -> Segment:
    return replace(segment, state=SegmentState.HEARD)


def _end_ms(segment: Segment) -> int:
    return (segment.start_ms or 0) + (segment.audio_ms or 0)
