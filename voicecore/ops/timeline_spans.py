"""What happened in a call and when: the values that its timeline is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voicecore.audio.mulaw import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSpan:
    """One speech; `complete` is False where it was cut off.

    `who` is "caller" or "agent"; `note` is "", "interrupt" or "backchannel".
    """

    who: str
    start_s: float
    end_s: float
    text: str
    complete: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerGap:
    """The silence before an answer: from the end of the caller's voice to the first sample heard.

    `engine_ms` is our own share of it, None if unknown. `parts` are consecutive gaps in
    milliseconds in the order in which they passed; what they leave of the whole is shown as rest.
    """

    turn: int
    from_s: float
    to_s: float
    voice_to_voice_ms: float
    engine_ms: float | None
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BargeInSpan:
    """The caller's voice over the agent's: onset, our silence, and what became of it.

    `kind` is "interrupt" or "resume"; `resumed_s` is when the agent went on, if it did.
    """

    onset_s: float
    clear_s: float
    onset_to_clear_ms: float
    kind: str
    resumed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPoint:
    """A mark as it came back; `cleared` marks came back because their audio was thrown away."""

    at_s: float
    name: str
    cleared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpan:
    """One use of a tool, with its arguments and a short result as text."""

    start_s: float
    end_s: float
    name: str
    arguments: str
    result: str
    ok: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything that the page shows. All times are seconds on the clock of the two tracks.

    `said` is the caller's track and `heard` what reached the caller's ear: µ-law, 8 kHz, byte n
    sounds at n/8000 s. Texts may hold anything.
    """

    title: str
    said: bytes
    heard: bytes
    speeches: tuple[SpeechSpan, ...] = ()
    answers: tuple[AnswerGap, ...] = ()
    barge_ins: tuple[BargeInSpan, ...] = ()
    marks: tuple[MarkPoint, ...] = ()
    tools: tuple[ToolSpan, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length of the time axis: the longer track, or the last event if that is later."""
        ends = [
            max(len(self.said), len(self.heard)) / SAMPLE_RATE_HZ,
            *(speech.end_s for speech in self.speeches),
            *(answer.to_s for answer in self.answers),
            *(barge_in.resumed_s or barge_in.clear_s for barge_in in self.barge_ins),
            *(mark.at_s for mark in self.marks),
            *(tool.end_s for tool in self.tools),
        ]
        return max(1.0, *ends)
