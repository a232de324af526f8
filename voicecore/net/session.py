"""One call: the interpreter between the pure reducer and the sockets.

`emit` feeds an event to `step` and carries out the commands at once, in order, without waiting;
whatever has to wait runs as a task of the call. Nothing else changes the state of a call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

import structlog
from aiohttp import web

from voicecore.audio.inbound import InboundChain
from voicecore.audio.playout import Playout
from voicecore.call.commands import (
    AskLlm,
    CancelReply,
    CancelSpeech,
    CancelTimer,
    ClearPlayout,
    Command,
    FinalizeListener,
    HangUp,
    Note,
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
    Event,
    HangupCause,
    PlayoutDrained,
    PlayoutStarted,
    ShutdownRequested,
    Timer,
    TimerFired,
    ToolFinished,
)
from voicecore.call.state import CallState
from voicecore.call.step import step
from voicecore.call_info import CallInfo
from voicecore.dialog.conversation import Conversation
from voicecore.net.caller_input import CallerInput
from voicecore.net.listen import DeepgramListener
from voicecore.net.llm import LlmStream
from voicecore.net.outbound import OutboundAudio
from voicecore.net.reply import stream_reply
from voicecore.net.scribe import Scribe
from voicecore.net.speak import DeepgramSpeaker
from voicecore.net.speech_output import SegmentToken, SpeechOutput
from voicecore.net.tasks import TaskSet
from voicecore.net.timers import TimerSet
from voicecore.net.turn_timing import TurnTiming
from voicecore.observer import CallObserver

log = structlog.get_logger()

WRITES_TIMEOUT_S = 5.0
"""How long the end of a call waits for tools that change something."""


@dataclass(frozen=True, slots=True)
class CallParts:
    """Everything a session is made of besides its socket; built by `net/call_factory.py`.

    `clips` maps texts to ready µ-law audio (the greeting and the reducer's own phrases).
    """

    info: CallInfo
    state: CallState
    conversation: Conversation
    llm: LlmStream
    inbound: InboundChain
    playout: Playout
    clips: Mapping[str, bytes]
    scribe: Scribe
    observer: CallObserver
    make_listener: Callable[[CallerInput], DeepgramListener]
    make_speaker: Callable[[SpeechOutput], DeepgramSpeaker[SegmentToken]]


class CallSession:
    """Runs one call from the webhook to the last row."""

    def __init__(self, parts: CallParts) -> None:
        loop = asyncio.get_running_loop()
        self.info = parts.info
        self._parts = parts
        self._clock: Callable[[], float] = loop.time
        self._log = log.bind(call_sid=parts.info.call_sid)
        self._state = parts.state
        self._events: deque[Event] = deque()
        self._stepping = False
        self._broken = False
        self._event_at = 0.0
        self._tasks = TaskSet(self._task_failed)
        self._timers = TimerSet(loop, self._timer_due)
        self._replies: dict[int, asyncio.Task[None]] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._timings: dict[int, TurnTiming] = {}
        self._input = CallerInput(
            parts.inbound,
            call_sid=parts.info.call_sid,
            clock=self._clock,
            emit=self.emit,
            on_audio=parts.observer.caller_audio,
        )
        self._speech = SpeechOutput(
            playout=parts.playout,
            clips=parts.clips,
            clock=self._clock,
            emit=self.emit,
            on_first_audio=self._first_audio,
        )
        self._listener = parts.make_listener(self._input)
        self._speaker = parts.make_speaker(self._speech)
        self._input.attach(self._listener, self._speech)
        self._speech.attach_speaker(self._speaker)
        self._ws: web.WebSocketResponse | None = None
        self._connected_at: float | None = None
        self.cause: HangupCause | None = None

    # --- the life of a call -------------------------------------------------------------

    def prepare(self) -> None:
        """Open everything that the first words will need; called from the voice webhook."""
        self._tasks.spawn(self._listener.open(), name="open_listener")
        self._tasks.spawn(self._speaker.open(), name="open_speaker")
        self._tasks.spawn(self._parts.conversation.prefetch(), name="prefetch")
        self._tasks.spawn(self._parts.llm.warm(), name="warm_llm")

    async def run(self, ws: web.WebSocketResponse, stream_sid: str) -> HangupCause:
        """Serve the accepted media socket until the call is over; leaves nothing behind."""
        self._ws = ws
        self._connected_at = self._clock()
        outbound = OutboundAudio(
            ws,
            stream_sid,
            self._parts.playout,
            clock=self._clock,
            on_started=self._playout_started,
            on_drained=lambda turn: self.emit(PlayoutDrained(self._clock(), turn)),
            on_frame=self._frame_sent,
        )
        self._speech.attach_outbound(outbound)
        self._parts.observer.started(self.info, self._clock())
        self._parts.scribe.started()
        self._tasks.spawn(self._write(outbound), name="outbound_audio")
        scribe = self._tasks.spawn(self._parts.scribe.run(), name="scribe")
        try:
            self.emit(CallStarted(self._clock()))
            if await self._input.read(ws, stream_sid):
                self._finish(HangupCause.CALLER)
        finally:
            self._finish(HangupCause.SOCKET_LOST)
            outbound.close()
            await self._tear_down(scribe)
        return self.outcome

    async def discard(self) -> None:
        """Give back what `prepare` opened for a call that never connected its stream."""
        self._finish(HangupCause.CALLER)
        await self._close_providers()
        await self._tasks.cancel_all()

    def shut_down(self) -> None:
        """Ask the call to end at its next good moment."""
        self.emit(ShutdownRequested(self._clock()))

    # --- events in, commands out ------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Advance the call by one event; events that commands cause are taken in order."""
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events and not self._broken:
                self._step(self._events.popleft())
        except Exception:
            # The per-call boundary: a fault of ours ends this call, spoken by Twilio, and no other.
            self._log.exception("call_broke", event=type(event).__name__)
            self._broken = True
            self._abandon()
        finally:
            self._stepping = False

    def _step(self, event: Event) -> None:
        before = self._state
        self._event_at = event.at
        self._state, commands = step(before, event)
        self._parts.observer.stepped(event, commands)
        for command in commands:
            self._execute(command)
        if self._state.log is not before.log:
            self._parts.scribe.history_changed(self._state.history, self._state.phase.value)

    def _execute(self, command: Command) -> None:  # noqa: C901 -- one line for each command
        match command:
            case AskLlm():
                self._ask_llm(command)
            case CancelReply():
                self._cancel_reply(command.turn)
            case Speak():
                self._timing(command.turn).first_speak_at = (
                    self._timing(command.turn).first_speak_at or self._clock()
                )
                self._speech.speak(command.turn, command.segment, command.text)
            case CancelSpeech():
                self._speech.cancel(command.turn)
            case RunTool():
                self._run_tool(command)
            case PausePlayout():
                self._input.playout_cleared()
                self._speech.pause(command.turn)
            case ResumePlayout():
                self._speech.resume(command.turn)
            case ClearPlayout():
                self._input.playout_cleared()
                self._speech.clear(command.turn)
            case FinalizeListener():
                self._listener.finalize()
            case SetTimer():
                self._timers.set(command.timer, command.at)
            case CancelTimer():
                self._timers.cancel(command.timer)
            case TransferCall():
                self._close(HangupCause.TRANSFER)
            case HangUp():
                self._close(command.cause)
            case Note():
                self._log.info(command.name, **command.facts)
            case _:
                assert_never(command)

    def _ask_llm(self, command: AskLlm) -> None:
        timing = self._timing(command.turn)
        timing.committed_at = timing.committed_at or self._event_at
        timing.llm_asked_at = timing.llm_asked_at or self._clock()
        self._cancel_reply(command.turn)
        self._replies[command.turn] = self._tasks.spawn(
            stream_reply(
                command.turn,
                command.history,
                conversation=self._parts.conversation,
                llm=self._parts.llm,
                clock=self._clock,
                emit=self.emit,
                on_first_text=self._first_text,
            ),
            name=f"reply_{command.turn}",
        )

    def _cancel_reply(self, turn: int) -> None:
        task = self._replies.pop(turn, None)
        if task is not None:
            task.cancel()

    def _run_tool(self, command: RunTool) -> None:
        task = self._tasks.spawn(self._tool(command), name=f"tool_{command.name}")
        if self._parts.conversation.writes(command.name):
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)

    async def _tool(self, command: RunTool) -> None:
        outcome = await self._parts.conversation.run_tool(
            command.name, command.arguments, command.history
        )
        self.emit(
            ToolFinished(
                self._clock(),
                command.call_id,
                outcome.content,
                outcome.ok,
                ends_call=outcome.ends_call,
                transfer=outcome.transfer,
            )
        )

    # --- the end -------------------------------------------------------------------------------

    def _close(self, cause: HangupCause) -> None:
        """End the stream from our side; the reader sees the close and `run` returns."""
        self._finish(cause)
        if self._ws is not None:
            self._tasks.spawn(self._ws.close(), name="close_media_socket")

    def _finish(self, cause: HangupCause) -> None:
        if self.cause is None:
            self.cause = cause
            self.emit(CallEnded(self._clock(), cause))

    def _abandon(self) -> None:
        """Leave the stream without the reducer's help."""
        self.cause = HangupCause.FAILURE
        if self._ws is not None:
            self._tasks.spawn(self._ws.close(), name="close_media_socket")

    async def _tear_down(self, scribe: asyncio.Task[None]) -> None:
        self._timers.cancel_all()
        self._input.close()
        for turn in tuple(self._replies):
            self._cancel_reply(turn)
        if self._writes:
            await asyncio.wait(self._writes, timeout=WRITES_TIMEOUT_S)
        self._parts.scribe.ended(self.outcome.value)
        self._parts.scribe.close()
        await asyncio.wait({scribe}, timeout=WRITES_TIMEOUT_S)
        await self._close_providers()
        await self._tasks.cancel_all()
        self._parts.observer.ended(self._clock(), self._state.history)
        self._log_call()

    async def _close_providers(self) -> None:
        await asyncio.gather(self._listener.close(), self._speaker.close())

    def _log_call(self) -> None:
        assert self._connected_at is not None
        engine_ms = [
            value for timing in self._timings.values() if (value := timing.engine_ms()) is not None
        ]
        self._log.info(
            "call_ended",
            cause=self.outcome.value,
            duration_s=round(self._clock() - self._connected_at, 3),
            turns=len(self._timings),
            engine_ms_max=max(engine_ms, default=None),
            rejected_messages=self._input.rejected_messages,
        )

    # --- what the parts report -----------------------------------------------------------------

    async def _write(self, outbound: OutboundAudio) -> None:
        try:
            await outbound.run()
        except (ConnectionError, TimeoutError) as error:
            self._log.warning("media_socket_lost", reason=type(error).__name__)
            self._close(HangupCause.SOCKET_LOST)

    def _task_failed(self, name: str, error: BaseException) -> None:
        """A fault of our own inside a call: end it, so that Twilio asks for the next TwiML."""
        self._log.error("call_task_failed", task=name, reason=repr(error))
        self._close(HangupCause.FAILURE)

    def _timer_due(self, timer: Timer) -> None:
        self.emit(TimerFired(self._clock(), timer))

    def _timing(self, turn: int) -> TurnTiming:
        return self._timings.setdefault(turn, TurnTiming(turn))

    def _first_text(self, turn: int) -> None:
        timing = self._timing(turn)
        timing.first_text_at = timing.first_text_at or self._clock()

    def _first_audio(self, turn: int) -> None:
        timing = self._timing(turn)
        timing.first_audio_at = timing.first_audio_at or self._clock()

    def _frame_sent(self, payload: bytes) -> None:
        self._input.agent_audio(payload)
        self._parts.observer.agent_audio(self._clock(), payload)

    def _playout_started(self, turn: int) -> None:
        timing = self._timing(turn)
        timing.first_frame_at = self._clock()
        facts = timing.facts()
        self._log.info("turn_latency", **facts)
        self._parts.observer.turn_timed(self._clock(), facts)
        self.emit(PlayoutStarted(self._clock(), turn))

    @property
    def outcome(self) -> HangupCause:
        """Why the call ended; a stream that just went away is `SOCKET_LOST`."""
        return self.cause or HangupCause.SOCKET_LOST
