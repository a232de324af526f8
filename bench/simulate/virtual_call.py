"""One call in virtual time: the real reducer, conversation and tools between virtual audio.

The model's stream and the tools run for real, at once; what they bring is handed to the call at
the virtual moment at which it would have come. The only clock is `now`, so that the same seed
gives the same call.
"""

from __future__ import annotations

import heapq
import itertools
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from bench.simulate.playout import VirtualPlayout
from bench.simulate.script import Step
from bench.simulate.virtual_caller import VirtualCaller
from voicecore.call.commands import (
    AskLlm,
    CancelReply,
    CancelSpeech,
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
    HangupCause,
    InterimWords,
    MarkEchoed,
    PlayoutCleared,
    PlayoutDrained,
    PlayoutPaused,
    PlayoutStarted,
    SegmentSynthesized,
    SpeechStarted,
    SpeechStopped,
    Timer,
    TimerFired,
    ToolFinished,
    UtteranceEnded,
)
from voicecore.call.history import ToolUsed
from voicecore.call.policy import Phrases, Policy
from voicecore.call.state import CallState, Phase
from voicecore.call.step import step
from voicecore.dialog.conversation import Conversation
from voicecore.net.llm import LlmStream
from voicecore.net.reply import stream_reply

MOST_STEPS = 20_000
RING_S = 20.0
_NEVER = float("inf")
Fate = Callable[[Step, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long the other sides take, in milliseconds; each is drawn around its value."""

    model_ms: int = 420
    sentence_ms: int = 60
    tool_ms: int = 40
    speaker_ms: int = 110
    final_words_ms: int = 260
    tool_late: int = 0
    """1: a tool takes effect when its time is over instead of at its beginning."""


@dataclass(order=True, slots=True)
class _Due:
    at: float
    number: int
    run: Callable[[], Awaitable[None] | None] = field(compare=False)
    source: str = field(default="", compare=False)


def code_in(texts: Sequence[tuple[str, str]]) -> str:
    """Return the code in the last text message, empty where there is none."""
    found = re.findall(r"\b\d{6}\b", texts[-1][1]) if texts else []
    return found[-1] if found else ""


class VirtualCall:
    """Runs one call to its end.

    `cause` tells how it ended, `questions` how often the model was asked, `tools` which tools ran,
    `whispers` what a person was told to whom the caller was put through.
    `on_step` is called behind every event with its number and the event.
    """

    def __init__(
        self,
        conversation: Conversation,
        llm: LlmStream,
        caller: VirtualCaller,
        random: Random,
        *,
        delays: Delays | None = None,
        policy: Policy | None = None,
        fate: Fate | None = None,
        texts: Sequence[tuple[str, str]] = (),
        person_answers: bool = True,
        on_step: Callable[[int, Event], None] = lambda number, event: None,
    ) -> None:
        self.now = 0.0
        self.playout = VirtualPlayout()
        self.cause: HangupCause | None = None
        self.questions = 0
        self.tools: list[str] = []
        self.steps = 0
        self.state = CallState.initial(
            policy or Policy(can_transfer=True), Phrases(), conversation.greeting
        )
        self.conversation = conversation
        self.caller = caller
        self._llm = llm
        self._random = random
        self._delays = delays or Delays()
        self._fate = fate
        self._texts = texts
        self._person_answers = person_answers
        self.whispers: list[str] = []
        self._on_step = on_step
        self._timers: dict[Timer, float] = {}
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._awaiting: list[Awaitable[None]] = []
        self._words_s = itertools.count()
        self._speaker_at = 0.0

    # --- running ------------------------------------------------------------------------------

    async def run(self) -> HangupCause:
        """Play the call to its end, and what still runs then to its own."""
        cause = await self._play_stream()
        if cause is HangupCause.TRANSFER:
            self.whispers.append(self.conversation.summary())
            if not self._person_answers:
                self._take_back()
                cause = await self._play_stream()
        return cause

    async def _play_stream(self) -> HangupCause:
        await self._deliver(CallStarted(self.now))
        while self.cause is None:
            if self.steps >= MOST_STEPS or not await self._next():
                raise RuntimeError(f"the call hangs after {self.steps} steps at {self.now:.1f} s")
        await self._deliver(CallEnded(self.now, self.cause))
        while self._due:
            await self._take_due()
        return self.cause

    def _take_back(self) -> None:
        """It has rung in vain: the caller is back, on a new stream."""
        self.now += RING_S
        self.cause = None
        self._timers.clear()
        self.conversation.taken_back()
        before = self.state
        self.state = CallState.taken_back(before.policy, before.phrases, before.log, before.turn)
        self.caller.waited(self.now)

    async def _next(self) -> bool:
        timer = min(self._timers, key=lambda name: self._timers[name], default=None)
        times = (
            self._due[0].at if self._due else _NEVER,
            self.playout.next_at(),
            self._timers[timer] if timer is not None else _NEVER,
            self.caller.due_at(self),
        )
        at = min(times)
        if at == _NEVER:
            return False
        self.now = max(self.now, at)
        if at == times[0]:
            await self._take_due()
        elif at == times[1]:
            await self._tick()
        elif at == times[2] and timer is not None:
            del self._timers[timer]
            await self._deliver(TimerFired(self.now, timer))
        else:
            self.caller.act(self)
            await self._settle()
        return True

    async def _take_due(self) -> None:
        due = heapq.heappop(self._due)
        self.now = max(self.now, due.at)
        result = due.run()
        if result is not None:
            await result

    async def _settle(self) -> None:
        """Wait for what was begun on the spot and is over at once."""
        waiting, self._awaiting = self._awaiting, []
        for work in waiting:
            await work

    def _later(
        self, delay_ms: float, run: Callable[[], Awaitable[None] | None], source: str = ""
    ) -> None:
        due = _Due(self.now + delay_ms / 1000, next(self._numbers), run, source)
        heapq.heappush(self._due, due)

    def _event_later(self, delay_ms: float, event: Event, source: str = "") -> None:
        at = self.now + delay_ms / 1000
        moved = replace(event, at=at)
        self._later(delay_ms, lambda: self._deliver(moved), source)

    async def _deliver(self, event: Event) -> None:
        self.steps += 1
        self.state, commands = step(self.state, event)
        for command in commands:
            await self._execute(command)
        self._on_step(self.steps, event)
        await self._settle()

    async def _tick(self) -> None:
        turn, segment = self.playout.tick(self.now)
        if segment is None:
            await self._deliver(PlayoutDrained(self.now, turn))
        else:
            await self._deliver(MarkEchoed(self.now, turn, segment))

    def _about(self, delay_ms: float) -> float:
        return delay_ms * self._random.uniform(0.7, 1.4)

    # --- commands -----------------------------------------------------------------------------

    async def _execute(self, command: Command) -> None:  # noqa: C901 -- one line for each command
        match command:
            case SetTimer():
                self._timers[command.timer] = command.at
            case CancelTimer():
                self._timers.pop(command.timer, None)
            case AskLlm():
                await self._ask(command)
            case CancelReply():
                self._forget(f"model {command.turn}")
            case CancelSpeech():
                self._forget(f"speaker {command.turn}")
            case RunTool():
                await self._run_tool(command)
            case Speak():
                self._speak(command)
            case PausePlayout():
                played = self.playout.pause(command.turn, self.now)
                self._event_later(0, PlayoutPaused(self.now, command.turn, played or 0))
            case ResumePlayout():
                self.playout.resume(command.turn, self.now)
            case ClearPlayout():
                self._forget(f"speaker {command.turn}")
                played = self.playout.clear(self.now, command.turn)
                self._event_later(0, PlayoutCleared(self.now, command.turn, played or 0))
            case HangUp():
                self.cause = command.cause
            case TransferCall():
                self.cause = HangupCause.TRANSFER
            case _:
                pass  # notes; final words come without being asked for

    async def _ask(self, command: AskLlm) -> None:
        self.questions += 1
        source = f"model {command.turn}"
        self._forget(source)
        events: list[Event] = []
        await stream_reply(
            command.turn,
            command.history,
            conversation=self.conversation,
            llm=self._llm,
            clock=lambda: self.now,
            emit=events.append,
            on_first_text=lambda turn: None,
        )
        delay_ms = self._about(self._delays.model_ms)
        for event in events:
            self._event_later(delay_ms, event, source)
            delay_ms += self._about(self._delays.sentence_ms)

    def _forget(self, source: str) -> None:
        """Drop what the model or the speaker has not brought yet."""
        self._due = [due for due in self._due if due.source != source]
        heapq.heapify(self._due)

    async def _run_tool(self, command: RunTool) -> None:
        self.tools.append(command.name)
        delay_ms = self._about(self._delays.tool_ms)
        if self._delays.tool_late:
            self._later(delay_ms, lambda: self._finish_tool(command, 0.0))
        else:
            await self._finish_tool(command, delay_ms)

    async def _finish_tool(self, command: RunTool, delay_ms: float) -> None:
        outcome = await self.conversation.run_tool(command.name, command.arguments, command.history)
        self._event_later(
            delay_ms,
            ToolFinished(
                self.now,
                command.call_id,
                outcome.content,
                outcome.ok,
                ends_call=outcome.ends_call,
                transfer=outcome.transfer,
            ),
        )

    def _speak(self, command: Speak) -> None:
        """The speaker takes one text after the other."""
        ready_at = self.now + self._about(self._delays.speaker_ms) / 1000
        self._speaker_at = max(self._speaker_at + 0.001, ready_at)
        self._later(
            (self._speaker_at - self.now) * 1000,
            lambda: self._synthesized(command),
            f"speaker {command.turn}",
        )

    async def _synthesized(self, command: Speak) -> None:
        turn, index = command.turn, command.segment
        start_ms, audio_ms, first = self.playout.add(turn, index, command.text, self.now)
        if first:
            await self._deliver(PlayoutStarted(self.now, turn))
        await self._deliver(SegmentSynthesized(self.now, turn, index, start_ms, audio_ms))

    # --- what the caller does -----------------------------------------------------------------

    @property
    def listens(self) -> bool:
        """Whether the floor is the caller's."""
        return self.state.phase is Phase.LISTENING

    def utter(self, text: str, length_s: float) -> float:
        """Let a voice be heard from now on, and its words as the listener would tell them."""
        length_ms = length_s * 1000
        start_s = float(next(self._words_s))
        self._event_later(60, SpeechStarted(self.now, self.now))
        self._event_later(length_ms + 160, SpeechStopped(self.now, int(length_ms)))
        if not text:
            return length_s
        words = text.split()
        for share in (0.35, 0.75):
            heard = " ".join(words[: max(1, int(len(words) * share))])
            self._event_later(length_ms * share + 200, InterimWords(self.now, heard, start_s))
        final_ms = length_ms + self._about(self._delays.final_words_ms)
        self._event_later(final_ms, FinalWords(self.now, text, start_s, speech_final=True))
        self._event_later(length_ms + 1100, UtteranceEnded(self.now))
        return length_s

    def press(self, digits: str) -> float:
        """Press keys, five a second."""
        for place, digit in enumerate(digits):
            self._event_later(200 * place, DigitPressed(self.now, digit))
        return 0.2 * len(digits)

    def hang_up(self) -> None:
        """End the call from the other side."""
        self.cause = HangupCause.CALLER

    def fate(self, step: Step) -> None:
        """Let something happen at once."""
        if self._fate is not None:
            self._awaiting.append(self._fate(step, self.offered()))

    def last_code(self) -> str:
        """Return the code in the last text message."""
        return code_in(self._texts)

    def offered(self) -> list[str]:
        """Return the starts of the times that were offered last, as the tool told them."""
        for item in reversed(self.state.history):
            if isinstance(item, ToolUsed):
                slots = json.loads(item.content).get("slots")
                if slots:
                    return [slot["start"] for slot in slots]
        return []
