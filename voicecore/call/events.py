"""Everything that can happen to a call: the inputs of `step`.

Each event carries `at`, seconds on the monotonic clock of the call's worker. A `turn` counts the
agent's replies: the greeting is turn 0, the first answer turn 1. A late event of a replaced turn
is recognised by its number and ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voicecore.call.expecting import Expecting


class Timer(StrEnum):
    """The timers a call can have; one of each at most."""

    BARGE_IN = "barge_in"
    """Stage 2 of a barge-in must decide now."""
    ENDPOINT = "endpoint"
    """The caller has said words and then nothing: commit the turn."""
    FINALIZE = "finalize"
    """The caller's voice stopped: ask the listener for its final words."""
    FILLER = "filler"
    """A tool has been running for a while: say so."""
    REPLY = "reply"
    """The reply's first word is overdue."""
    SILENCE = "silence"
    """Nobody has said anything since the agent was last heard."""
    DEAD_AIR = "dead_air"
    """The supervisor: whatever the state, somebody must act now."""
    GOODBYE = "goodbye"
    """The last words should have been heard by now: hang up."""
    CALL_WARNING = "call_warning"
    """The call is soon at its longest: say so."""
    CALL_LENGTH = "call_length"
    """The call has reached its longest."""


class Finish(StrEnum):
    """Why the language model stopped."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"


class HangupCause(StrEnum):
    """Who or what ended the call."""

    CALLER = "caller"
    AGENT = "agent"
    TRANSFER = "transfer"
    SOCKET_LOST = "socket_lost"
    FAILURE = "failure"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class CallStarted:
    """Twilio's `start` was accepted; audio flows both ways."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Edge from the inbound chain: the caller's voice began at `onset_at` (≤ `at`)."""

    at: float
    onset_at: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Edge from the inbound chain: the caller's voice ended; `run_ms` of voice were heard."""

    at: float
    run_ms: int


@dataclass(frozen=True, slots=True)
class MediaGap:
    """`missing_ms` of the caller's audio never arrived."""

    at: float
    missing_ms: int


@dataclass(frozen=True, slots=True)
class InterimWords:
    """The listener's current guess for the open segment; replaces the previous guess.

    `start_s` is where the segment begins on the listener's audio clock.
    """

    at: float
    text: str
    start_s: float


@dataclass(frozen=True, slots=True)
class FinalWords:
    """A finished segment; `text` may be empty. `speech_final` closes the utterance."""

    at: float
    text: str
    start_s: float
    speech_final: bool
    from_finalize: bool = False


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """Deepgram's `UtteranceEnd`: the backup signal that the words are over."""

    at: float


@dataclass(frozen=True, slots=True)
class ListenerLost:
    """Nobody transcribes the caller now; the client is reconnecting or has given up."""

    at: float
    reason: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class ListenerRestored:
    """Words flow again."""

    at: float


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """The caller pressed one of 0-9, * or #."""

    at: float
    digit: str


@dataclass(frozen=True, slots=True)
class SentenceReady:
    """A speakable piece of the reply, already past the claim guard."""

    at: float
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolRequested:
    """The model asks for a tool; `arguments` is its raw JSON text.

    `writes` says that the tool changes something, so that it is never cancelled.
    """

    at: float
    turn: int
    call_id: str
    name: str
    arguments: str
    writes: bool


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The model's stream for `turn` has ended; every tool request of it was delivered before.

    `expecting`: the kind of answer that its last question asks for, where it has an end of its own.
    """

    at: float
    turn: int
    finish: Finish
    expecting: Expecting | None = None


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The model could not answer; the client has used up its retries."""

    at: float
    turn: int
    reason: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool has ended; `content` is what the model will read (also for an error).

    `ends_call`: after the reply that follows, hang up. `transfer`: hand the caller to a human.
    """

    at: float
    call_id: str
    content: str
    ok: bool
    ends_call: bool = False
    transfer: bool = False


@dataclass(frozen=True, slots=True)
class SegmentSynthesized:
    """All audio of one spoken segment is in the playout; it is `audio_ms` long.

    `start_ms` is where it begins in the reply's own audio (0 for the first segment). `sounds` are
    the stretches of it that are not pauses, as (start, end) in ms of the segment; empty: unknown.
    """

    at: float
    turn: int
    segment: int
    start_ms: int
    audio_ms: int
    sounds: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SpeakerFailed:
    """No audio can be had for this segment; `audio_ms` of it had arrived."""

    at: float
    turn: int
    segment: int
    reason: str


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first audio of `turn` went out to the caller."""

    at: float
    turn: int


@dataclass(frozen=True, slots=True)
class PlayoutPaused:
    """Answer to `PausePlayout`: the caller has heard `played_ms` of the reply's audio."""

    at: float
    turn: int
    played_ms: int


@dataclass(frozen=True, slots=True)
class PlayoutCleared:
    """Answer to `ClearPlayout`: the caller has heard `played_ms` of the reply's audio."""

    at: float
    turn: int
    played_ms: int


@dataclass(frozen=True, slots=True)
class MarkEchoed:
    """Segment `segment` of `turn` was heard to its end (never sent for a cleared mark)."""

    at: float
    turn: int
    segment: int


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """Everything synthesised for `turn` so far has been heard; nothing is queued."""

    at: float
    turn: int


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer set by `SetTimer` is due."""

    at: float
    timer: Timer


@dataclass(frozen=True, slots=True)
class ShutdownRequested:
    """The worker is draining; end at the next good moment."""

    at: float


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The stream is gone: `stop`, a close, or the session's own fault."""

    at: float
    cause: HangupCause


Event = (
    CallStarted
    | SpeechStarted
    | SpeechStopped
    | MediaGap
    | InterimWords
    | FinalWords
    | UtteranceEnded
    | ListenerLost
    | ListenerRestored
    | DigitPressed
    | SentenceReady
    | ToolRequested
    | ReplyFinished
    | ReplyFailed
    | ToolFinished
    | SegmentSynthesized
    | SpeakerFailed
    | PlayoutStarted
    | PlayoutPaused
    | PlayoutCleared
    | MarkEchoed
    | PlayoutDrained
    | TimerFired
    | ShutdownRequested
    | CallEnded
)
