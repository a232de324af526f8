"""A caller with a plan: waits until the agent speaks, speaks over it, waits for the agent again.

One `Talk` is one call with many trials. What is measured of each is taken from the clocks of the
line and the ear, never from what the engine says about itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.speech_lab.corpus import Corpus, Talker
from bench.speech_lab.echo_path import EchoPath
from bench.speech_lab.line import STARTS_S, Line
from bench.speech_lab.sound import (
    SPEECH_DB,
    Signal,
    at_active_level,
    end_sample,
    from_wire,
    onset_sample,
)
from voicecore.audio.mulaw import BYTES_PER_MS, SAMPLE_RATE_HZ
from voicecore.audio.silero import SpeechModels
from voicecore.call.events import FinalWords
from voicecore.call.reply import Reply
from voicecore.sandbox.voice import Speech

POLL_S = 0.05
SETTLED_S = 4.0
"""Time after the caller's last sound in which everything about a trial has happened."""
LEAD_IN_S = (0.7, 2.2)
"""The agent is heard for so long before the caller speaks over it."""
GO_ON = "go on and tell me about all of it please"


@dataclass(frozen=True, slots=True)
class Trial:
    """What the caller says over the agent."""

    kind: str
    speech: Speech


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it; times in seconds, None where it did not happen."""

    trial: Trial
    onset_s: float
    end_s: float
    clear_s: float | None
    silent_s: float | None
    interrupt_s: float | None
    resume_s: float | None
    pauses: int
    left_s: float
    """How much the agent still had to say at the onset."""
    words_kept: int | None
    """Words that the history keeps of the interrupted reply."""
    words_heard: int
    """Words of it that really sounded to their end."""


@dataclass(slots=True)
class _Running:
    trial: Trial
    turn: int
    onset_s: float
    end_s: float
    left_s: float


class Talk:
    """Runs one call; `outcomes` and `line` tell what happened."""

    def __init__(
        self,
        noise: Signal,
        trials: Sequence[Trial],
        models: SpeechModels,
        corpus: Corpus,
        *,
        seed: int,
        echo: EchoPath | None = None,
        delay_s: float = 0.0,
        last_sentence: str = "",
    ) -> None:
        """Speak `trials` over an agent that has six sentences to say each time.

        Args:
            noise: the caller's side of the line before anybody speaks; its length is the call's.
            last_sentence: what every reply of the agent ends with, where that matters.
        """
        self._rng = np.random.default_rng([corpus.seed, seed])
        self._texts = corpus.agent
        self._trials = list(trials)
        self._last_sentence = last_sentence
        self._heard_since: float | None = None
        self._lead_in_s = 0.0
        self._running: _Running | None = None
        self.outcomes: list[Outcome] = []
        self.line = Line(
            noise,
            models,
            greeting=corpus.agent[0],
            replies=self._reply,
            agent=self._agent(corpus),
            seed=seed,
            echo=echo,
            delay_s=delay_s,
        )
        self.line.at(self._poll, STARTS_S + 1.0)
        self._draw()

    def run(self) -> None:
        """Play the whole call."""
        self.line.run()

    @property
    def agent_s(self) -> float:
        """How long the agent was heard."""
        return sum(len(part.payload) for part in self.line.ear.heard) / SAMPLE_RATE_HZ

    @property
    def false_starts(self) -> int:
        """How often the agent fell silent although the caller had said nothing."""
        spans = [(entry.onset_s - 0.02, entry.end_s + 1.0) for entry in self.outcomes]
        if self._running is not None:
            spans.append((self._running.onset_s - 0.02, float("inf")))
        return sum(
            1
            for edge in self.line.edges
            if edge.name == "clear" and not any(a <= edge.at_s <= b for a, b in spans)
        )

    def _agent(self, corpus: Corpus) -> Talker:
        return corpus.any_talker(self._rng)

    def _reply(self, turn: int) -> list[str]:
        drawn = self._rng.integers(len(self._texts), size=6)
        texts = [self._texts[int(index)] for index in drawn]
        return [*texts, self._last_sentence] if self._last_sentence else texts

    def _draw(self) -> None:
        self._heard_since = None
        self._lead_in_s = float(self._rng.uniform(*LEAD_IN_S))

    def _poll(self) -> None:
        line = self.line
        line.at(self._poll, line.now_s + POLL_S)
        if self._running is not None:
            if line.now_s > self._running.end_s + SETTLED_S:
                self._close(self._running)
            return
        if line.floor_is_callers:
            line.emit(FinalWords(line.now_s, GO_ON, line.now_s, speech_final=True))
        if not line.is_agent_heard:
            self._heard_since = None
        elif self._heard_since is None:
            self._heard_since = line.now_s
        elif line.now_s - self._heard_since > self._lead_in_s and self._trials:
            self._speak()

    def _speak(self) -> None:
        line = self.line
        reply = line.state.reply
        start_s = line.now_s + float(self._rng.uniform(0.02, 0.06))
        trial = self._trials[0]
        room_s = STARTS_S + len(line.caller) / SAMPLE_RATE_HZ - start_s
        left_s = self._left_s()
        length_s = trial.speech.duration_ms / 1000
        if reply is None or left_s < length_s + 1.0 or room_s < length_s + SETTLED_S + 0.5:
            return
        clean = at_active_level(from_wire(trial.speech.audio), SPEECH_DB)
        line.say(trial.speech, clean, start_s)
        self._trials.pop(0)
        self._running = _Running(
            trial,
            reply.turn,
            start_s + onset_sample(clean) / SAMPLE_RATE_HZ,
            start_s + end_sample(clean) / SAMPLE_RATE_HZ,
            left_s,
        )

    def _left_s(self) -> float:
        line = self.line
        turn = line.state.reply.turn if line.state.reply is not None else -1
        if turn not in line.turns:
            return 0.0
        line.ear.finish(line.now_s)
        left = len(line.turns[turn].audio) - line.ear.heard_bytes(turn)
        return left / SAMPLE_RATE_HZ

    def _words_kept(self, turn: int) -> int | None:
        for entry in self.line.state.log:
            if isinstance(entry, Reply) and entry.turn == turn and entry.cut:
                return len(entry.heard().text.split())
        return None

    def _words_heard(self, turn: int) -> int:
        self.line.ear.finish(self.line.now_s)
        heard_ms = self.line.ear.heard_bytes(turn) / BYTES_PER_MS
        return sum(1 for end_ms in self.line.turns[turn].word_ends_ms if end_ms <= heard_ms)

    def _close(self, running: _Running) -> None:
        since_s = running.onset_s - 0.02
        until_s = running.end_s + SETTLED_S
        edges = [edge for edge in self.line.edges if since_s <= edge.at_s <= until_s]

        def first(name: str) -> float | None:
            found = (e.at_s for e in edges if e.name == name and e.turn == running.turn)
            return next(found, None)

        clear_s = first("clear")
        at_ear = (at for at in self.line.ear.cleared_s if clear_s is not None and at >= clear_s)
        self.outcomes.append(
            Outcome(
                trial=running.trial,
                onset_s=running.onset_s,
                end_s=running.end_s,
                clear_s=clear_s,
                silent_s=next(at_ear, None),
                interrupt_s=first("interrupt"),
                resume_s=first("resume"),
                pauses=sum(1 for e in edges if e.name == "clear" and e.turn == running.turn),
                left_s=running.left_s,
                words_kept=self._words_kept(running.turn),
                words_heard=self._words_heard(running.turn),
            )
        )
        self._running = None
        self._draw()
