"""A call as a transcript: what happened, and what the reducer must ask for.

`given` feeds one event, `expect` names exactly what was asked for since, besides timers and notes;
those are looked at with `due` and `noted`. Time stands still between events; `wait_for` lets the
named timer fire at its moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from voicecore.call.commands import (
    AskLlm,
    CancelTimer,
    Command,
    Note,
    RunTool,
    SetTimer,
)
from voicecore.call.events import (
    CallStarted,
    Event,
    FinalWords,
    Finish,
    InterimWords,
    MarkEchoed,
    PlayoutDrained,
    PlayoutPaused,
    PlayoutStarted,
    ReplyFinished,
    SegmentSynthesized,
    SentenceReady,
    SpeechStarted,
    SpeechStopped,
    Timer,
    TimerFired,
    ToolRequested,
)
from voicecore.call.history import AgentSaid, CallerSaid, HistoryItem
from voicecore.call.policy import Phrases, Policy
from voicecore.call.state import CallState, Phase
from voicecore.call.step import step

GREETING = "Hello, how can I help?"
PHRASES = Phrases()


class Playbook:
    """One call under test; `at` is the moment of the next event."""

    def __init__(self, policy: Policy | None = None, greeting: str = GREETING) -> None:
        self.state = CallState.initial(policy or Policy(), PHRASES, greeting)
        self.at = 100.0
        self.commands: list[Command] = []
        self.timers: dict[Timer, float] = {}
        self._segment_s = 0.0

    # --- what happens -----------------------------------------------------------------------

    def given(self, *events: Event) -> Self:
        """Feed events; their commands are collected until `expect`."""
        for event in events:
            self.at = max(self.at, event.at)
            self.state, commands = step(self.state, event)
            for command in commands:
                self.commands.append(command)
                if isinstance(command, SetTimer):
                    self.timers[command.timer] = command.at
                elif isinstance(command, CancelTimer):
                    del self.timers[command.timer]
            assert dict(self.state.timers) == self.timers
        return self

    def later(self, ms: float) -> Self:
        """Let time pass; timers do not fire by it."""
        self.at += ms / 1000
        return self

    def wait_for(self, timer: Timer) -> Self:
        """Let the timer fire when it is due."""
        self.at = max(self.at, self.timers.pop(timer))
        return self.given(TimerFired(self.at, timer))

    # --- the caller ---------------------------------------------------------------------------

    def voice(self, *, ago_ms: float = 60) -> Self:
        return self.given(SpeechStarted(self.at, self.at - ago_ms / 1000))

    def quiet(self, run_ms: int) -> Self:
        return self.given(SpeechStopped(self.at, run_ms))

    def interim(self, text: str, start_s: float | None = None) -> Self:
        return self.given(InterimWords(self.at, text, self._start(start_s)))

    def final(self, text: str, start_s: float | None = None, *, closes: bool = True) -> Self:
        self.given(FinalWords(self.at, text, self._start(start_s), speech_final=closes))
        self._segment_s += 1.0
        return self

    def _start(self, start_s: float | None) -> float:
        return self._segment_s if start_s is None else start_s

    # --- the model and the speaker ------------------------------------------------------------

    @property
    def turn(self) -> int:
        return self.state.turn

    def sentence(self, text: str) -> Self:
        return self.given(SentenceReady(self.at, self.turn, text))

    def tool(self, name: str, call_id: str, *, writes: bool = False) -> Self:
        return self.given(ToolRequested(self.at, self.turn, call_id, name, "{}", writes=writes))

    def finish(self, finish: Finish = Finish.STOP) -> Self:
        return self.given(ReplyFinished(self.at, self.turn, finish))

    def synthesized(self, segment: int, start_ms: int, audio_ms: int) -> Self:
        return self.given(SegmentSynthesized(self.at, self.turn, segment, start_ms, audio_ms))

    def playing(self) -> Self:
        return self.given(PlayoutStarted(self.at, self.turn))

    def heard(self, segment: int) -> Self:
        return self.given(MarkEchoed(self.at, self.turn, segment))

    def drained(self) -> Self:
        return self.given(PlayoutDrained(self.at, self.turn))

    def paused(self, played_ms: int) -> Self:
        return self.given(PlayoutPaused(self.at, self.turn, played_ms))

    # --- whole scenes ---------------------------------------------------------------------------

    def answered(self) -> Self:
        """The call was answered and the greeting heard."""
        self.given(CallStarted(self.at)).synthesized(0, 0, 1500).playing()
        return self.later(1500).heard(0).then()

    def asking(self, text: str = "I need an oil change") -> Self:
        """The caller says a turn; the model is asked."""
        self.voice().later(800).quiet(800).later(300).final(text)
        assert self.state.phase is Phase.THINKING
        return self.then()

    def speaking(self, *texts: str, ms: int = 2000) -> Self:
        """The model answers with these sentences; all audio is there, the first plays."""
        for text in texts:
            self.sentence(text)
        self.finish()
        for index in range(len(texts)):
            self.synthesized(index, index * ms, ms)
        return self.playing().then()

    # --- what is expected -----------------------------------------------------------------------

    def then(self) -> Self:
        """Forget what was asked for so far."""
        self.commands.clear()
        return self

    def expect(self, *expected: Command) -> Self:
        """These commands, in this order, and no others."""
        assert self.asked() == list(expected)
        return self.then()

    def asked(self) -> list[Command]:
        """Return what was asked for, without timers and notes, histories left out."""
        return [
            replace(command, history=()) if isinstance(command, AskLlm | RunTool) else command
            for command in self.commands
            if not isinstance(command, SetTimer | CancelTimer | Note)
        ]

    def last_history(self) -> tuple[HistoryItem, ...]:
        """Return the history of the last question to the model or a tool."""
        asked = [command for command in self.commands if isinstance(command, AskLlm | RunTool)]
        return asked[-1].history

    def notes(self, name: str) -> list[dict[str, str | int | float | bool | None]]:
        return [
            command.facts
            for command in self.commands
            if isinstance(command, Note) and command.name == name
        ]

    def due_ms(self, timer: Timer) -> int | None:
        """Return in how many milliseconds the timer fires, None if it does not run."""
        due_at = self.timers.get(timer)
        return None if due_at is None else round((due_at - self.at) * 1000)

    def said(self) -> list[tuple[str, str]]:
        """Return the conversation as the model may know it: (who, words)."""
        return conversation(self.state.history)


def conversation(history: Sequence[HistoryItem]) -> list[tuple[str, str]]:
    """Render a history: a cut sentence of the agent ends with a dash, tools show their result."""
    lines: list[tuple[str, str]] = []
    for item in history:
        if isinstance(item, CallerSaid):
            lines.append(("caller", item.text))
        elif isinstance(item, AgentSaid):
            lines.append(("agent", item.text + ("" if item.complete else " -")))
        else:
            lines.append((item.name, item.content))
    return lines
