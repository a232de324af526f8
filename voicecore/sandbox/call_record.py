"""What happened on a call, as nobody on it can know: both tracks and all events on one clock.

The clock of a call starts when it is answered. Byte `n` of a track is heard, or spoken, from
`n / 8000` s on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from voicecore.audio.mulaw import SILENCE_BYTE
from voicecore.sandbox.twilio_buffer import EchoedMark, PlayoutModel


class Manner(StrEnum):
    """How the caller meant an utterance."""

    SAY = "say"
    INTERRUPT = "interrupt"
    BACKCHANNEL = "backchannel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One thing that the caller said.

    `start_s` is the beginning of its first frame; `onset_s` and `end_s` are those of its sound:
    the first sound sample, and the end of the last one.
    """

    text: str
    manner: Manner
    start_s: float
    onset_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Key:
    """A key that the caller pressed."""

    at_s: float
    digit: str


@dataclass(slots=True)
class CallRecord:
    """Both tracks, the caller's doings and what came back from the server."""

    said: bytearray = field(default_factory=bytearray)
    """The caller's track, µ-law."""
    playouts: list[PlayoutModel] = field(default_factory=list)
    """One for each media stream (or spoken TwiML) of the call, in order."""
    utterances: list[Utterance] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    echoes: list[EchoedMark] = field(default_factory=list)

    def heard(self) -> bytes:
        """Return the track of what the caller heard, as long as the longer of both tracks."""
        track = bytearray()
        for playout in self.playouts:
            track += bytes((SILENCE_BYTE,)) * (playout.start_sample - len(track))
            track += playout.timeline
        track += bytes((SILENCE_BYTE,)) * (len(self.said) - len(track))
        return bytes(track)

    def clears_s(self) -> tuple[float, ...]:
        """Return when each `clear` took effect on what the caller hears."""
        return tuple(at_s for playout in self.playouts for at_s in playout.clears_s)
