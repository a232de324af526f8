"""Everything a call can ask of the outside: the outputs of `step`."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicecore.call.events import HangupCause, Timer
from voicecore.call.history import HistoryItem


@dataclass(frozen=True, slots=True)
class AskLlm:
    """Start the model on `history`; answers come back as events of `turn`."""

    turn: int
    history: tuple[HistoryItem, ...]


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop the model's stream of `turn`; reads it started may be cancelled, writes never."""

    turn: int


@dataclass(frozen=True, slots=True)
class Speak:
    """Synthesise one segment of `turn` behind what is already queued for it."""

    turn: int
    segment: int
    text: str


@dataclass(frozen=True, slots=True)
class CancelSpeech:
    """Drop whatever the speaker has not synthesised yet for `turn`."""

    turn: int


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a tool; `ToolFinished` with the same `call_id` must follow, whatever happens."""

    turn: int
    call_id: str
    name: str
    arguments: str
    history: tuple[HistoryItem, ...]


@dataclass(frozen=True, slots=True)
class PausePlayout:
    """Send `clear`, keep the unplayed audio, answer with `PlayoutPaused`."""

    turn: int


@dataclass(frozen=True, slots=True)
class ResumePlayout:
    """Go on from the first unplayed sample."""

    turn: int


@dataclass(frozen=True, slots=True)
class ClearPlayout:
    """Send `clear` where unplayed audio may exist, drop all audio of `turn`, answer with
    `PlayoutCleared`."""

    turn: int


@dataclass(frozen=True, slots=True)
class FinalizeListener:
    """Ask the listener for the final words of what it has heard (Deepgram `Finalize`)."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire `timer` at `at`; replaces a running one of the same name."""

    timer: Timer
    at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop `timer`; no harm if it does not run."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class TransferCall:
    """Leave the stream so that Twilio runs the transfer."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""

    cause: HangupCause


@dataclass(frozen=True, slots=True)
class Note:
    """One fact for the log, the timeline and the report; `facts` holds JSON scalars."""

    name: str
    facts: dict[str, str | int | float | bool | None] = field(default_factory=dict)


Command = (
    AskLlm
    | CancelReply
    | Speak
    | CancelSpeech
    | RunTool
    | PausePlayout
    | ResumePlayout
    | ClearPlayout
    | FinalizeListener
    | SetTimer
    | CancelTimer
    | TransferCall
    | HangUp
    | Note
)
