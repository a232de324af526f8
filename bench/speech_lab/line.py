"""One call in virtual time over the product's media plane and its reducer.

Real: the inbound chain with its voice detector, echo guard and Silero, the paced playout with its
marks and positions, and the reducer. Made up: the clock, the line, the ear, the listener's delays
and the model, which has its sentences at once. A frame of the caller comes every 20 ms and is the
sum of what was laid on `caller` and of the echo of what the ear really played.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from bench.speech_lab.corpus import Talker
from bench.speech_lab.ear import Ear
from bench.speech_lab.echo_path import EchoPath
from bench.speech_lab.sound import Signal, lay, to_wire
from bench.speech_lab.words import FINALIZE_DELAY_S, Hearing
from voicecore.audio.inbound import InboundChain
from voicecore.audio.mulaw import BYTES_PER_MS, FRAME_BYTES, SAMPLE_RATE_HZ
from voicecore.audio.playout import Mark, Playout
from voicecore.audio.silero import SpeechModels
from voicecore.audio.speech_map import sounding_spans
from voicecore.audio.vad import VoiceStarted
from voicecore.call.commands import (
    AskLlm,
    CancelTimer,
    ClearPlayout,
    Command,
    FinalizeListener,
    Note,
    PausePlayout,
    ResumePlayout,
    SetTimer,
    Speak,
)
from voicecore.call.events import (
    CallStarted,
    Event,
    FinalWords,
    Finish,
    MarkEchoed,
    PlayoutCleared,
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
)
from voicecore.call.policy import Phrases, Policy
from voicecore.call.state import CallState, Phase
from voicecore.call.step import step
from voicecore.sandbox.voice import Speech

FRAME_S = 0.02
STARTS_S = 10.0
"""The clock of a call begins here, so that nothing depends on a small number."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Something the call did: "pause", "resume", "clear", "interrupt", or a note's name."""

    at_s: float
    name: str
    turn: int


@dataclass(slots=True)
class Turn:
    """The audio of one reply as it was given to the playout."""

    audio: bytearray = field(default_factory=bytearray)
    word_ends_ms: list[int] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


@dataclass(order=True, slots=True)
class _Due:
    at_s: float
    number: int
    run: Callable[[], None] = field(compare=False)


class Line:
    """A call that lasts as long as `caller`; `run` plays it."""

    def __init__(
        self,
        caller: Signal,
        models: SpeechModels,
        *,
        greeting: str,
        replies: Callable[[int], Sequence[str]],
        agent: Talker,
        seed: int,
        echo: EchoPath | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self.now_s = STARTS_S
        self.ear = Ear(delay_s)
        self.edges: list[Edge] = []
        self.voices: list[float] = []
        self.stale_frames = 0
        """Frames that went out although the ear had been silenced and nothing let it go on."""
        self.turns: dict[int, Turn] = {}
        self.state = CallState.initial(
            Policy(max_call_s=1_000_000), Phrases(), greeting_text=greeting
        )
        self.caller = caller
        self._replies = replies
        self._agent = agent
        self._rng = np.random.default_rng([seed, 77])
        self._delay_s = delay_s
        self._echo = None if echo is None else echo.response()
        self._echo_delay = 0 if echo is None else echo.delay_samples
        self._inbound = InboundChain(models)
        self._playout = Playout()
        self._events: deque[Event] = deque()
        self._stepping = False
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._timers: dict[Timer, float] = {}
        self._hearings: list[Hearing] = []
        self._generation = 0
        self._sent = 0
        self._silenced = False
        self._announced: int | None = None
        self._awaiting_drain: int | None = None

    # --- the script ---------------------------------------------------------------------------

    @property
    def is_agent_heard(self) -> bool:
        """Whether audio of the agent is at the ear or on its way, and nothing holds it."""
        return not self._playout.paused and self.ear.dry_at_s > self.now_s

    @property
    def floor_is_callers(self) -> bool:
        """Whether the call waits for the caller."""
        return self.state.phase is Phase.LISTENING

    def say(self, speech: Speech, clean: Signal, start_s: float) -> None:
        """Let the caller say this from `start_s` on; the listener understands it."""
        first = round((start_s - STARTS_S) * SAMPLE_RATE_HZ)
        lay(self.caller, clean, first)
        self.hears(Hearing(speech, start_s))

    def hears(self, hearing: Hearing) -> None:
        """Let the listener understand a speech of the caller; its time is the line's own."""
        self._hearings.append(hearing)
        for event in hearing.events(self._rng):
            self._later(event.at, partial(self.emit, event))

    def run(self) -> None:
        """Play the call until the caller's track ends."""
        self.emit(CallStarted(self.now_s))
        frames = len(self.caller) // FRAME_BYTES
        for number in range(frames):
            arrives_s = STARTS_S + (number + 1) * FRAME_S + self._delay_s
            self._until(arrives_s)
            self.now_s = arrives_s
            self._frame(number)
        self.ear.finish(self.now_s + 1.0)
        self._inbound.close()

    def at(self, run: Callable[[], None], at_s: float) -> None:
        """Call `run` at that time of the call."""
        self._later(at_s, run)

    # --- time ---------------------------------------------------------------------------------

    def _later(self, at_s: float, run: Callable[[], None]) -> None:
        heapq.heappush(self._due, _Due(max(at_s, self.now_s), next(self._numbers), run))

    def _until(self, end_s: float) -> None:
        """Let everything happen that is due before `end_s`."""
        while True:
            timer = min(self._timers, key=lambda name: self._timers[name], default=None)
            timer_s = np.inf if timer is None else self._timers[timer]
            due_s = self._due[0].at_s if self._due else np.inf
            pump_s = self._playout_due_s()
            at_s = min(timer_s, due_s, pump_s)
            if at_s >= end_s:
                return
            self.now_s = max(self.now_s, float(at_s))
            if at_s == due_s:
                heapq.heappop(self._due).run()
            elif at_s == timer_s and timer is not None:
                del self._timers[timer]
                self.emit(TimerFired(self.now_s, timer))
            else:
                self._pump()

    def _playout_due_s(self) -> float:
        due_s = self._playout.next_due_s(self.now_s)
        if self._awaiting_drain is not None and not self._playout.paused:
            check_s = self.now_s + FRAME_S
            due_s = check_s if due_s is None else min(due_s, check_s)
        return np.inf if due_s is None else due_s

    # --- the caller's side --------------------------------------------------------------------

    def _frame(self, number: int) -> None:
        first = number * FRAME_BYTES
        signal = self.caller[first : first + FRAME_BYTES]
        if self._echo is not None:
            signal = signal + self._returning(first)
        payload = to_wire(signal)
        result = self._inbound.push(number + 1, number * 20, payload, self.now_s)
        for edge in result.edges:
            if isinstance(edge, VoiceStarted):
                onset_s = self.now_s - (edge.decided_ms - edge.onset_ms) / 1000
                self.voices.append(self.now_s)
                self.emit(SpeechStarted(self.now_s, onset_s))
            else:
                self.emit(SpeechStopped(self.now_s, round(edge.run_ms)))

    def _returning(self, first: int) -> Signal:
        """Return what of the agent comes back in the frame that begins at this sample."""
        assert self._echo is not None
        begin = round(STARTS_S * SAMPLE_RATE_HZ) + first - self._echo_delay
        tail = len(self._echo) - 1
        played = self.ear.sound(begin - tail, FRAME_BYTES + tail)
        echo: Signal = np.convolve(played, self._echo, mode="valid")
        return echo

    # --- the agent's side -----------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Advance the call by one event, and by those that its commands cause."""
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        while self._events:
            self.state, commands = step(self.state, self._events.popleft())
            for command in commands:
                self._execute(command)
        self._stepping = False

    def _execute(self, command: Command) -> None:
        match command:
            case Speak():
                self._speak(command)
            case PausePlayout() | ClearPlayout():
                self._silence(command)
            case ResumePlayout() if self._playout.turn == command.turn:
                self._playout.resume(self.now_s)
                self._silenced = False
                self._edge("resume", command.turn)
            case AskLlm():
                self._later(self.now_s, lambda: self._answer(command.turn))
            case SetTimer():
                self._timers[command.timer] = command.at
            case CancelTimer():
                self._timers.pop(command.timer, None)
            case FinalizeListener():
                self._finalize()
            case Note():
                kind = str(command.facts.get("kind", ""))
                self._edge(kind or command.name, self.state.turn)
            case _:
                pass

    def _speak(self, command: Speak) -> None:
        if self._playout.turn != command.turn:
            self._generation = self._playout.begin(command.turn)
            self.turns[command.turn] = Turn()
            self._sent = 0
            self._silenced = False
        turn = self.turns[command.turn]
        speech = self._agent.say(command.text)
        base_ms = len(turn.audio) // BYTES_PER_MS
        turn.word_ends_ms += [base_ms + word.end_ms for word in speech.words]
        turn.words += [word.text for word in speech.words]
        turn.audio += speech.audio
        self._playout.write(speech.audio, self._generation)
        span = self._playout.end_segment(command.segment, self._generation)
        self._playout.finish(self._generation)
        self._awaiting_drain = command.turn
        if span is not None:
            sounds = sounding_spans(speech.audio)
            self.emit(
                SegmentSynthesized(
                    self.now_s,
                    command.turn,
                    command.segment,
                    span.start_ms,
                    span.audio_ms,
                    sounds,
                )
            )

    def _answer(self, turn: int) -> None:
        for text in self._replies(turn):
            self.emit(SentenceReady(self.now_s, turn, text))
        self.emit(ReplyFinished(self.now_s, turn, Finish.STOP))

    def _silence(self, command: PausePlayout | ClearPlayout) -> None:
        if self._playout.turn != command.turn:
            return
        is_pause = isinstance(command, PausePlayout)
        was_paused = self._playout.paused
        act = self._playout.pause if is_pause else self._playout.clear
        played_bytes = act(self.now_s)
        played_ms = played_bytes // BYTES_PER_MS
        self._sent = played_bytes
        self._silenced = True
        self._inbound.cleared(self.now_s)
        self.ear.clear(self.now_s)
        if not was_paused:
            self._edge("clear", command.turn)
        answer = PlayoutPaused if is_pause else PlayoutCleared
        self.emit(answer(self.now_s, command.turn, played_ms))

    def _pump(self) -> None:
        turn = self._playout.turn
        for outgoing in self._playout.pump(self.now_s):
            assert turn is not None, "only a reply has something to send"
            if isinstance(outgoing, Mark):
                name = outgoing.name
                self._later(self.ear.mark(name, self.now_s), partial(self._echoed, name))
                continue
            self._inbound.heard_from_us(outgoing.payload, self.now_s)
            self._heard(turn, outgoing.payload)
            if turn != self._announced:
                self._announced = turn
                self.emit(PlayoutStarted(self.now_s, turn))
        is_awaited = turn == self._awaiting_drain and not self._playout.paused
        if turn is not None and is_awaited and self._playout.is_drained(self.now_s):
            self._awaiting_drain = None
            self.emit(PlayoutDrained(self.now_s, turn))

    def _heard(self, turn: int, payload: bytes) -> None:
        """Give a payload to the ear; it must be the reply's audio, where sending stands."""
        audio, place = self.turns[turn].audio, self._sent
        size = min(len(payload), len(audio) - place)
        if bytes(audio[place : place + size]) != payload[:size]:
            raise RuntimeError(f"turn {turn}: other audio than its own at byte {place}")
        self._sent += size
        self.stale_frames += self._silenced
        self.ear.media(turn, place, payload, size, self.now_s)

    def _echoed(self, name: str) -> None:
        heard = self._playout.on_mark(name, self.now_s)
        if heard is not None:
            self.emit(MarkEchoed(self.now_s, heard.turn, heard.segment))

    def _finalize(self) -> None:
        """Answer with what has been said of a speech that is open or only just over."""
        asked_s = self.now_s
        for hearing in self._hearings:
            if hearing.start_s < asked_s < hearing.end_s + 0.35:
                at_s = asked_s + self._rng.uniform(*FINALIZE_DELAY_S)
                event = FinalWords(
                    at_s,
                    hearing.text_by(asked_s),
                    hearing.start_s,
                    speech_final=True,
                    from_finalize=True,
                )
                self._later(at_s, partial(self.emit, event))

    def _edge(self, name: str, turn: int) -> None:
        self.edges.append(Edge(self.now_s, name, turn))
