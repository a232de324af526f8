"""The state of one call, as the reducer sees it: values only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from voicecore.call.events import Timer
from voicecore.call.expecting import Expecting
from voicecore.call.history import CallerSaid, HistoryItem
from voicecore.call.policy import Phrases, Policy
from voicecore.call.reply import Ending, Reply
from voicecore.call.transcript import Transcript


class Phase(StrEnum):
    """Who has the floor."""

    CONNECTING = "connecting"
    """No audio yet."""
    LISTENING = "listening"
    """The caller."""
    THINKING = "thinking"
    """The agent, but nothing of its reply is to be heard at the moment."""
    SPEAKING = "speaking"
    """The agent, audibly (or paused for a moment)."""
    ENDING = "ending"
    """The last words were heard; the line is about to be cut."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What is known of the caller's side since the last turn.

    `voice_at`: onset of the voice run that is on; `last_voice_at`: of the last one, on or over;
    `words_at`: when words last arrived; `rejected_at`: onset of the last voice run that was not
    let interrupt the agent.
    """

    transcript: Transcript = field(default_factory=Transcript)
    digits: str = ""
    voice_at: float | None = None
    last_voice_at: float | None = None
    words_at: float | None = None
    rejected_at: float | None = None

    @property
    def text(self) -> str:
        """Words and pressed digits of the open turn."""
        digits = " ".join(self.digits)
        return " ".join(part for part in (self.transcript.text, digits) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeIn:
    """A suspected interruption that is not decided yet.

    `paused`: the playout was told to pause (else nothing is to be heard, and new segments are
    held back); `played_ms`: its answer.
    """

    onset_at: float
    began_at: float
    paused: bool
    played_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """An accepted interruption whose `barge_in` note waits for the playout's position."""

    turn: int
    onset_at: float
    paused_at: float
    decided_at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    """Counters that make sure that nothing goes on failing for ever."""

    failures: int = 0
    """Replies of the model that failed, one after the other."""
    silences: int = 0
    """Prompts since the caller last said something."""
    postponed: int = 0
    """Times that the next prompt was put off because of a voice."""
    dead_airs: int = 0
    """Times that the supervisor had to act since audio was last heard."""
    unspoken: int = 0
    """Replies without any audio, one after the other."""
    deaf: bool = False
    """Nobody transcribes the caller, and that will not change."""
    told_deaf: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """A goodbye that is due at the next good moment."""

    text: str
    ending: Ending


LogEntry = CallerSaid | Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class CallState:
    """One call at one moment; made by `initial`, changed only by `step`.

    `turn` is the number of the newest reply. `log` holds the past in order, `reply` the reply
    that is being made or spoken. `timers` are those set and not yet due. `expecting`: what the
    agent's question asks for, until the caller's turn is over.
    """

    policy: Policy
    phrases: Phrases
    greeting_text: str
    phase: Phase = Phase.CONNECTING
    turn: int = 0
    reply: Reply | None = None
    log: tuple[LogEntry, ...] = ()
    caller: Caller = field(default_factory=Caller)
    expecting: Expecting | None = None
    barge_in: BargeIn | None = None
    interruption: Interruption | None = None
    troubles: Troubles = field(default_factory=Troubles)
    closing: Closing | None = None
    ending: Ending | None = None
    transfer_due: bool = False
    heard_at: float | None = None
    greeting_at: float | None = None
    timers: tuple[tuple[Timer, float], ...] = ()

    @classmethod
    def initial(cls, policy: Policy, phrases: Phrases, greeting_text: str) -> CallState:
        """Return the state of a call whose media stream has not started."""
        return cls(policy=policy, phrases=phrases, greeting_text=greeting_text)

    @classmethod
    def taken_back(
        cls, policy: Policy, phrases: Phrases, log: tuple[LogEntry, ...], turn: int
    ) -> CallState:
        """Return the state of a caller whom nobody took over, on a new media stream.

        What was said stays, the replies count on, and nobody is asked again.
        """
        alone = replace(policy, can_transfer=False)
        return cls(
            policy=alone, phrases=phrases, greeting_text=phrases.taken_back, log=log, turn=turn
        )

    @property
    def history(self) -> tuple[HistoryItem, ...]:
        """What was said, heard and done so far, in order."""
        return tuple(self._items(assume_heard=False))

    @property
    def prompt_history(self) -> tuple[HistoryItem, ...]:
        """The same for the model, which also knows what it is saying at this moment."""
        return tuple(self._items(assume_heard=True))

    @property
    def has_running_writes(self) -> bool:
        """Whether a tool of an earlier reply is still changing something."""
        return any(isinstance(entry, Reply) and entry.running_tools for entry in self.log)

    def _items(self, *, assume_heard: bool) -> Iterator[HistoryItem]:
        for entry in self.log:
            if isinstance(entry, CallerSaid):
                yield entry
            else:
                yield from entry.items()
        if self.reply is not None:
            yield from self.reply.items(assume_heard=assume_heard)
