"""The rest of the world in virtual time: model, tools, speaker, playout, listener and a caller.

Everything is drawn from one seeded source. The playout keeps the truth about what was heard, so
that the history can be checked against it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from voicecore.call.commands import (
    AskLlm,
    CancelReply,
    CancelTimer,
    ClearPlayout,
    Command,
    HangUp,
    PausePlayout,
    ResumePlayout,
    RunTool,
    SetTimer,
    Speak,
    TransferCall,
)
from voicecore.call.events import (
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    FinalWords,
    Finish,
    HangupCause,
    InterimWords,
    ListenerLost,
    MarkEchoed,
    PlayoutCleared,
    PlayoutDrained,
    PlayoutPaused,
    PlayoutStarted,
    ReplyFailed,
    ReplyFinished,
    SegmentSynthesized,
    SentenceReady,
    ShutdownRequested,
    SpeakerFailed,
    SpeechStarted,
    SpeechStopped,
    Timer,
    TimerFired,
    ToolFinished,
    ToolRequested,
    UtteranceEnded,
)
from voicecore.call.history import AgentSaid, ToolUsed
from voicecore.call.policy import Phrases, Policy
from voicecore.call.state import CallState, Phase
from voicecore.call.step import step

SENTENCES = (
    "Let me check that for you.",
    "I have Thursday at two p.m. or Friday at nine.",
    "Shall I book it?",
    "Our oil change takes forty-five minutes, and it includes a tire rotation.",
    " ",
    "Your appointment is booked.",
)
UTTERANCES = (
    "I need an oil change",
    "yes",
    "no wait",
    "uh huh",
    "what does it cost and",
    "my number is five five five",
    "okay",
    "Shall I book it",
)
TOOLS = (("get_available_slots", False), ("book_appointment", True), ("end_call", True))


@dataclass
class Playback:
    """The playout of one reply: segments with their audio, and the position of the ear."""

    turn: int
    ends_ms: list[float] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    played_ms: float = 0.0
    since: float | None = None
    started: bool = False
    paused: bool = False
    marked: int = 0
    drained_at_ms: float = -1.0

    @property
    def total_ms(self) -> float:
        return self.ends_ms[-1] if self.ends_ms else 0.0

    def advance(self, now: float) -> None:
        if self.since is not None:
            self.played_ms = min(self.total_ms, self.played_ms + (now - self.since) * 1000)
            self.since = now

    def heard_words(self) -> list[str]:
        """Return the words whose end was played, spread evenly by letters."""
        words: list[str] = []
        start = 0.0
        for text, end in zip(self.texts, self.ends_ms, strict=True):
            parts = text.split()
            letters = [len(part) for part in parts]
            for part, done in zip(parts, itertools.accumulate(letters), strict=True):
                if start + (end - start) * done / max(1, sum(letters)) <= self.played_ms + 1:
                    words.append(part)
            start = end
        return words


class World:
    """Runs one call to its end, checking after every step what must always hold."""

    def __init__(self, random: Random, *, caller_talks: bool = True) -> None:
        self.random = random
        self.now = 0.0
        self.state = CallState.initial(Policy(max_call_s=300), Phrases(), "Hello, this is a shop.")
        self.timers: dict[Timer, float] = {}
        self.queue: list[tuple[float, int, Event]] = []
        self.counter = itertools.count()
        self.streams: dict[int, set[int]] = {}
        self.playback: Playback | None = None
        self.heard: dict[int, str] = {}
        self.asked: list[AskLlm] = []
        self.tools: dict[str, RunTool] = {}
        self.over: Command | None = None
        self.start_s = 0.0
        self.steps = 0
        self.later(0.0, CallStarted)
        if caller_talks:
            self._plan_caller()

    # --- running ------------------------------------------------------------------------------

    def run(self, limit: int = 4000) -> None:
        """Run until the line is cut or `limit` steps were made."""
        while self.over is None and self.steps < limit:
            event = self._next()
            if event is None:
                return
            self._deliver(event)
        if self.over is not None:
            self._deliver(CallEnded(self.now, HangupCause.AGENT))
            for _, _, event in sorted(self.queue):
                self._deliver(event)

    def _next(self) -> Event | None:
        timer = min(self.timers, key=lambda name: self.timers[name], default=None)
        tick_at = self._next_tick()
        at_queue = self.queue[0][0] if self.queue else float("inf")
        at_timer = self.timers[timer] if timer is not None else float("inf")
        at = min(at_queue, at_timer, tick_at)
        if at == float("inf"):
            return None
        self.now = max(self.now, at)
        if at == tick_at:
            return self._tick()
        if timer is not None and at == at_timer:
            del self.timers[timer]
            return TimerFired(self.now, timer)
        return heapq.heappop(self.queue)[2]

    def _deliver(self, event: Event) -> None:
        self.steps += 1
        was_over = self.state.phase is Phase.ENDED
        self.state, commands = step(self.state, event)
        for command in commands:
            self._execute(command, was_over=was_over)
        self.check()

    def check(self) -> None:
        """What must hold after every step."""
        if self.state.phase in (Phase.LISTENING, Phase.THINKING, Phase.SPEAKING):
            assert Timer.DEAD_AIR in self.timers
        has_reply = self.state.reply is not None
        assert has_reply == (self.state.phase in (Phase.THINKING, Phase.SPEAKING))
        self._check_heard()

    def _check_heard(self) -> None:
        for item in self.state.history:
            if isinstance(item, AgentSaid):
                known = self._heard_of(item.turn)
                assert _is_subsequence(item.text.split(), known.split()), (item, known)

    def _heard_of(self, turn: int) -> str:
        if self.playback is not None and self.playback.turn == turn:
            self.playback.advance(self.now)
            return " ".join(self.playback.heard_words())
        return self.heard.get(turn, "")

    # --- commands ------------------------------------------------------------------------------

    def _execute(self, command: Command, *, was_over: bool) -> None:
        match command:
            case SetTimer():
                assert not was_over
                self.timers[command.timer] = command.at
            case CancelTimer():
                assert command.timer in self.timers
                del self.timers[command.timer]
            case AskLlm():
                assert not was_over
                self._check_question(command)
                self._stream(command.turn)
            case CancelReply():
                self._forget(command.turn)
            case RunTool():
                assert not was_over
                assert command.call_id not in self.tools
                self.tools[command.call_id] = command
                delay = self.random.choice((0.05, 0.9, 4.0, 30.0))
                self.later(
                    delay,
                    ToolFinished,
                    command.call_id,
                    '{"done": true}',
                    True,
                    command.name == "end_call",
                )
            case Speak():
                assert not was_over
                self._speak(command)
            case PausePlayout() | ResumePlayout() | ClearPlayout():
                self._playout(command)
            case HangUp() | TransferCall():
                assert not was_over
                self.over = command
            case _:
                pass  # notes, Finalize, and CancelSpeech: what is said here is made at once

    def _check_question(self, command: AskLlm) -> None:
        self.asked.append(command)
        ids = [(item.turn, item.call_id) for item in command.history if isinstance(item, ToolUsed)]
        assert len(ids) == len(set(ids))
        assert all(item.content for item in command.history if isinstance(item, ToolUsed))
        answered = {call_id for _, call_id in ids}
        assert set(self.tools) <= answered, "every tool that was run has an answer"

    def later(self, delay: float, event: type, *values: object) -> int:
        number = next(self.counter)
        heapq.heappush(self.queue, (self.now + delay, number, event(self.now + delay, *values)))
        return number

    def _stream(self, turn: int) -> None:
        roll = self.random.random()
        numbers = self.streams.setdefault(turn, set())
        delay = self.random.choice((0.2, 0.6, 2.0))
        if roll < 0.06:
            return
        if roll < 0.12:
            numbers.add(self.later(delay, ReplyFailed, turn, "http 500"))
            return
        for _ in range(self.random.randint(0, 3)):
            numbers.add(self.later(delay, SentenceReady, turn, self.random.choice(SENTENCES)))
            delay += 0.1
        finish = self.random.choice((Finish.STOP, Finish.STOP, Finish.LENGTH))
        if self.random.random() < 0.35:
            for _ in range(self.random.randint(1, 2)):
                name, writes = self.random.choice(TOOLS)
                call_id = f"call_{next(self.counter)}"
                numbers.add(self.later(delay, ToolRequested, turn, call_id, name, "{}", writes))
            finish = self.random.choice((Finish.TOOL_CALLS, Finish.TOOL_CALLS, Finish.LENGTH))
        numbers.add(self.later(delay + 0.05, ReplyFinished, turn, finish))

    def _forget(self, turn: int) -> None:
        """Drop what the model has not said yet; now and then one message is already under way."""
        numbers = self.streams.pop(turn, set())
        if numbers and self.random.random() < 0.2:
            numbers.discard(min(numbers))
        self.queue = [entry for entry in self.queue if entry[1] not in numbers]
        heapq.heapify(self.queue)

    # --- speaker and playout ---------------------------------------------------------------------

    def _speak(self, command: Speak) -> None:
        if self.playback is None or self.playback.turn != command.turn:
            self._close_playback()
            assert command.turn not in self.heard, "a reply that was cleared is not spoken again"
            self.playback = Playback(command.turn)
        roll = self.random.random()
        if roll < 0.04:
            return
        delay = self.random.choice((0.0, 0.1, 0.5))
        if roll < 0.08:
            self.later(delay, SpeakerFailed, command.turn, command.segment, "closed")
            return
        playback = self.playback
        start_ms = playback.total_ms
        playback.ends_ms.append(start_ms + 60 * len(command.text) + 100)
        playback.segments.append(command.segment)
        playback.texts.append(command.text)
        self.later(
            0.0,
            SegmentSynthesized,
            command.turn,
            command.segment,
            int(start_ms),
            int(playback.total_ms - start_ms),
        )
        if not playback.started:
            playback.started = True
            self.later(0.0, PlayoutStarted, command.turn)
        if not playback.paused and playback.since is None:
            playback.since = self.now

    def _playout(self, command: PausePlayout | ResumePlayout | ClearPlayout) -> None:
        playback = self.playback
        if playback is None or playback.turn != command.turn:
            return  # as in the product: the playout knows one reply
        playback.advance(self.now)
        if isinstance(command, ResumePlayout):
            playback.paused, playback.since = False, self.now
        elif isinstance(command, PausePlayout):
            playback.paused, playback.since = True, None
            self.later(0.0, PlayoutPaused, command.turn, int(playback.played_ms))
        else:
            self.later(0.0, PlayoutCleared, command.turn, int(playback.played_ms))
            self._close_playback()

    def _close_playback(self) -> None:
        if self.playback is not None:
            self.playback.advance(self.now)
            self.heard[self.playback.turn] = " ".join(self.playback.heard_words())
            self.playback = None

    def _next_tick(self) -> float:
        playback = self.playback
        if playback is None or playback.since is None:
            return float("inf")
        if playback.marked < len(playback.ends_ms):
            left_ms = playback.ends_ms[playback.marked] - playback.played_ms
            return playback.since + max(0.0, left_ms) / 1000
        if playback.drained_at_ms < playback.total_ms:
            return self.now
        return float("inf")

    def _tick(self) -> Event:
        playback = self.playback
        assert playback is not None
        playback.advance(self.now)
        if playback.marked < len(playback.ends_ms):
            playback.played_ms = max(playback.played_ms, playback.ends_ms[playback.marked])
            playback.marked += 1
            return MarkEchoed(self.now, playback.turn, playback.segments[playback.marked - 1])
        playback.drained_at_ms = playback.total_ms
        return PlayoutDrained(self.now, playback.turn)

    # --- the caller -------------------------------------------------------------------------------

    def _plan_caller(self) -> None:
        at = 0.5
        for _ in range(self.random.randint(1, 10)):
            at += self.random.choice((0.4, 1.0, 3.0, 9.0))
            for delay, event in self._utterance():
                number = next(self.counter)
                moved = event[0](at + delay, *event[1:])
                heapq.heappush(self.queue, (at + delay, number, moved))
        if self.random.random() < 0.1:
            self.later(self.random.uniform(0, 20), ShutdownRequested)
        if self.random.random() < 0.1:
            self.later(self.random.uniform(0, 20), ListenerLost, "closed", True)

    def _utterance(self) -> Iterator[tuple[float, tuple]]:
        text = self.random.choice(UTTERANCES)
        run_s = 0.15 + 0.05 * len(text)
        start_s = self.start_s
        self.start_s += 1.0
        roll = self.random.random()
        if roll < 0.1:
            for index, digit in enumerate("5550142#"):
                yield 0.2 * index, (DigitPressed, digit)
            return
        if roll < 0.85:
            yield 0.06, (SpeechStarted, 0.0)
        if roll < 0.75:
            yield run_s + 0.2, (SpeechStopped, int(run_s * 1000))
        if roll < 0.25:
            return
        yield min(0.6, run_s), (InterimWords, " ".join(text.split()[:2]), start_s)
        if self.random.random() < 0.8:
            closes = self.random.random() < 0.8
            yield run_s + 0.4, (FinalWords, text, start_s, closes)
        if self.random.random() < 0.8:
            yield run_s + 1.2, (UtteranceEnded,)


def _is_subsequence(words: list[str], known: list[str]) -> bool:
    rest = iter(known)
    return all(word in rest for word in words)
