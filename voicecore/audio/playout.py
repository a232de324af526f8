"""Paced playout of one call: the agent's audio in, frames and marks for the wire out.

Theory of operation. Audio of a reply waits in a ring until the caller's ear has passed it. `pump`
sends whole 160-byte frames, a bundle of them in one message, never more than the lead ahead of the
modelled ear (`position.py`), and each mark right behind the audio it closes (`marks.py`). A pause
rewinds sending to the ear; a clear forgets. Time is an argument; deadlines are absolute, so a late
tick catches up by itself.

Frames of a reply join without a seam: a remainder shorter than a frame waits for more audio. It
is padded with silence when `finish` says that nothing follows for now, or when a segment is
complete and the buffer at Twilio has run dry anyway, so that the mark is not held up.

Mark names on the wire: `<turn>:<segment>` at the end of a segment, `<turn>:<segment>.<n>` inside
one, `~<k>` behind either once the reply has been cut `k` times by a pause.
"""

from __future__ import annotations

from dataclasses import dataclass

from voicecore.audio.marks import MarkBook
from voicecore.audio.mulaw import BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SILENCE_BYTE
from voicecore.audio.position import PlayPosition
from voicecore.audio.ring import ByteRing
from voicecore.errors import AudioFormatError

MARK_OVERDUE_S = 0.5
"""A mark that is not back by then does not keep a reply from counting as heard."""

_FRAME_S = FRAME_MS / 1000
_ROUNDING_S = 1e-6
_SILENCE = bytes([SILENCE_BYTE])


@dataclass(frozen=True, slots=True)
class Media:
    """Audio for the wire: one or more whole frames. Drop it when `generation` is not current."""

    payload: bytes
    generation: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark for the wire, right behind the media before it."""

    name: str
    generation: int


Outgoing = Media | Mark


@dataclass(frozen=True, slots=True)
class Span:
    """Where a segment lies in the reply's own audio."""

    start_ms: int
    audio_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A segment that was played to its end."""

    turn: int
    segment: int


class Playout:
    """Plays the replies of one call, one after the other.

    Positions are bytes of the reply's own audio, 8 to the millisecond, without padding.
    """

    __slots__ = (
        "_base",
        "_bundle_frames",
        "_echo_due_s",
        "_finished",
        "_generation",
        "_lead_s",
        "_marks",
        "_origin",
        "_paused",
        "_played_last",
        "_position",
        "_ring",
        "_segment_start",
        "_started",
        "_turn",
        "_written",
    )

    def __init__(
        self, *, lead_ms: int = 160, bundle_ms: int = FRAME_MS, capacity_ms: int = 60_000
    ) -> None:
        """Reserve room for `capacity_ms` of audio that is not played yet.

        Args:
            lead_ms: most audio at Twilio; a network stall shorter than this is not heard.
            bundle_ms: audio that goes out together once the lead is there: fewer, larger
                messages, for which the lead falls by as much before it is filled up again.
            capacity_ms: audio beyond it is refused by `write`.

        Raises:
            AudioFormatError: the lead is shorter than a bundle, a bundle than a frame, or there
                is no room for the lead.
        """
        if not FRAME_MS <= bundle_ms <= lead_ms <= capacity_ms:
            raise AudioFormatError(
                f"bundles of {bundle_ms} ms and a lead of {lead_ms} ms do not suit {capacity_ms} ms"
            )
        self._lead_s = lead_ms // FRAME_MS * FRAME_MS / 1000
        self._bundle_frames = bundle_ms // FRAME_MS
        self._ring = ByteRing(capacity_ms * BYTES_PER_MS)
        self._position = PlayPosition()
        self._marks = MarkBook()
        self._generation = 0
        self._turn: int | None = None
        # Call-wide audio positions: oldest byte in the ring, reply's first byte, end of what was
        # written, start of the open segment.
        self._base = 0
        self._origin = 0
        self._written = 0
        self._segment_start = 0
        self._played_last = 0
        self._echo_due_s = 0.0
        self._finished = False
        self._paused = False
        self._started = False

    @property
    def generation(self) -> int:
        """Number of the current audio; raised by `begin` and `clear`."""
        return self._generation

    @property
    def turn(self) -> int | None:
        """The reply being played; None before the first and after a clear."""
        return self._turn

    @property
    def paused(self) -> bool:
        """Whether a pause holds the reply."""
        return self._paused

    @property
    def started(self) -> bool:
        """Whether audio of this reply has gone to the wire."""
        return self._started

    @property
    def dropped_bytes(self) -> int:
        """Audio refused because there was no room, since the call began."""
        return self._ring.dropped_bytes

    def begin(self, turn: int) -> int:
        """Start a reply, dropping all unsent audio of the one before; return its generation.

        Nothing is sent to Twilio: audio of the old reply that is already there plays on before
        the new one, and its marks stay true. Where it must not be heard, `clear` comes first.
        """
        self._ring.clear()
        self._origin = self._base = self._written = self._position.sent_bytes
        self._segment_start = self._origin
        self._marks.begin(turn, self._origin)
        self._turn = turn
        self._finished = self._paused = self._started = False
        self._generation += 1
        return self._generation

    def write(self, audio: bytes, generation: int) -> int:
        """Append audio of any size; return the bytes taken: fewer when full, 0 when stale."""
        if not self._is_current(generation):
            return 0
        accepted = self._ring.write(audio)
        self._written += accepted
        if accepted:
            self._finished = False
        return accepted

    def end_segment(self, segment: int, generation: int) -> Span | None:
        """Close the audio since the last segment under this number and queue its mark.

        Returns None when `generation` is stale.
        """
        if not self._is_current(generation):
            return None
        start_ms = (self._segment_start - self._origin) // BYTES_PER_MS
        end_ms = (self._written - self._origin) // BYTES_PER_MS
        self._segment_start = self._written
        self._marks.end_segment(segment, self._written)
        return Span(start_ms, end_ms - start_ms)

    def finish(self, generation: int) -> None:
        """Say that no audio follows for now, so that the last frame is padded and sent.

        Audio that follows all the same is played behind the padding.
        """
        if self._is_current(generation):
            self._finished = True

    def pump(self, now_s: float) -> list[Outgoing]:
        """Return what must go to the wire now, in this order."""
        out: list[Outgoing] = []
        if self._turn is None or self._paused:
            return out
        self._forget_played(now_s)
        room = self._room_frames(now_s)
        if room < self._bundle_now:
            room = 0
        while True:
            for name in self._marks.take_due(self._position.sent_bytes):
                out.append(Mark(name, self._generation))
                self._echo_due_s = max(now_s, self._position.dry_at_s) + MARK_OVERDUE_S
            payload = self._next_payload(room, now_s)
            if not payload:
                return out
            room -= len(payload) // FRAME_BYTES
            out.append(Media(payload, self._generation))
            self._started = True

    def next_due_s(self, now_s: float) -> float | None:
        """Return when to `pump` next, or when `is_drained` may change; None when idle."""
        if self._turn is None or self._paused:
            return None
        unsent = self._unsent_bytes
        dry_at_s = self._position.dry_at_s
        if self._marks.is_due(self._position.sent_bytes):
            return now_s
        if unsent >= FRAME_BYTES or (unsent and self._finished):
            return max(now_s, dry_at_s - self._lead_s + self._bundle_now * _FRAME_S)
        if unsent and self._marks.ends_at(self._written):
            return max(now_s, dry_at_s)
        if now_s < dry_at_s:
            return dry_at_s
        if self._marks.is_in_flight and now_s < self._echo_due_s:
            return self._echo_due_s
        return None

    def pause(self, now_s: float) -> int:
        """Stop sending and go back to the ear; return the played bytes of the reply.

        The caller sends `clear`. Unplayed audio is kept, and more may be written meanwhile.
        """
        if self._turn is None or self._paused:
            return self.played_bytes(now_s)
        ear = self._position.played_bytes(now_s)
        resume = max(self._origin, ear)
        self._position.cut(resume, now_s)
        self._marks.recall(ear, resume)
        self._paused = True
        return resume - self._origin

    def resume(self, now_s: float) -> None:
        """Let the next `pump` go on at the first unplayed sample."""
        self._paused = False

    def clear(self, now_s: float) -> int:
        """Drop all audio of the reply; return the bytes of it that were played.

        The caller sends `clear`. Nothing can be written until the next `begin`.
        """
        played = self.played_bytes(now_s)
        self._position.cut(self._origin + played, now_s)
        self._marks.drop()
        self._ring.clear()
        self._played_last = played
        self._turn = None
        self._paused = self._finished = False
        self._generation += 1
        return played

    def on_mark(self, name: str, now_s: float) -> Heard | None:
        """Take an echoed mark; return the segment that it proves to be heard to its end.

        None for a mark inside a segment, an unknown one, and one whose audio was cleared.
        """
        flight = self._marks.take_echo(name)
        if flight is None:
            return None
        if flight.proves_position:
            self._position.confirm(flight.sent_bytes, now_s)
        return Heard(flight.turn, flight.segment) if flight.ends_segment else None

    def played_bytes(self, now_s: float) -> int:
        """Return how much of the reply was heard; after a clear, of the cleared reply."""
        if self._turn is None:
            return self._played_last
        return max(0, self._position.played_bytes(now_s) - self._origin)

    def is_drained(self, now_s: float) -> bool:
        """Whether all that was written has been heard, its marks back or overdue."""
        if self._turn is None:
            return True
        if self._unsent_bytes or self._marks.is_waiting:
            return False
        if now_s + _ROUNDING_S < self._position.dry_at_s:
            return False
        return not self._marks.is_in_flight or now_s + _ROUNDING_S >= self._echo_due_s

    @property
    def _unsent_bytes(self) -> int:
        return self._written - self._position.sent_bytes

    @property
    def _bundle_now(self) -> int:
        """Frames that must have room before any goes out."""
        return min(self._bundle_frames, max(1, self._unsent_bytes // FRAME_BYTES))

    def _is_current(self, generation: int) -> bool:
        return self._turn is not None and generation == self._generation

    def _forget_played(self, now_s: float) -> None:
        passed = self._position.played_bytes(now_s) - self._base
        if passed > 0:
            self._base += self._ring.discard(passed)

    def _room_frames(self, now_s: float) -> int:
        ahead_s = max(0.0, self._position.dry_at_s - now_s)
        return int((self._lead_s - ahead_s + _ROUNDING_S) / _FRAME_S)

    def _next_payload(self, room_frames: int, now_s: float) -> bytes:
        """Take the frames up to the next mark, or a padded remainder; empty when nothing is due."""
        if room_frames <= 0:
            return b""
        sent = self._position.sent_bytes
        frames = min(self._unsent_bytes // FRAME_BYTES, room_frames)
        if frames:
            to_mark = -(-(self._marks.next_stop_bytes() - sent) // FRAME_BYTES)
            size = min(frames, to_mark) * FRAME_BYTES
            self._position.send(size, 0, now_s)
            return self._ring.peek(size, sent - self._base)
        remainder = self._unsent_bytes
        if not remainder or not self._may_pad(now_s):
            return b""
        padding = FRAME_BYTES - remainder
        self._position.send(remainder, padding, now_s)
        return self._ring.peek(remainder, sent - self._base) + _SILENCE * padding

    def _may_pad(self, now_s: float) -> bool:
        if self._finished:
            return True
        return self._marks.ends_at(self._written) and self._position.dry_at_s <= now_s + _ROUNDING_S
