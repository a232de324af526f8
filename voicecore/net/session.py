"""One call: the interpreter between the pure reducer and the sockets.

`emit` feeds an event to `step` and carries out the commands at once, in order, without waiting;
whatever has to wait runs as a task of the call. Nothing else changes the state of a call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import assert_never

import structlog

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
from voicecore.call.step import step
from voicecore.net.call_parts import CallParts
from voicecore.net.caller_input import CallerInput, StreamEnd
from voicecore.net.handovers import Handover
from voicecore.net.llm_tally import LlmTally
from voicecore.net.media_socket import MediaSocket
from voicecore.net.outbound import OutboundAudio
from voicecore.net.reply import stream_reply
from voicecore.net.speech_output import SpeechOutput
from voicecore.net.tasks import TaskSet
from voicecore.net.timers import TimerSet
from voicecore.net.turn_timing import TurnTimings

log = structlog.get_logger()


class CallSession:
    """Runs one call from the webhook to the last row."""

    def __init__(self, parts: CallParts) -> None:
        loop = asyncio.get_running_loop()
        self.info = parts.info
        self.reminder = parts.reminder
        self._parts = parts
        self._loop = loop
        self._clock: Callable[[], float] = loop.time
        self._log = log.bind(call_sid=parts.info.call_sid)
        self._state = parts.state
        self._events: deque[Event] = deque()
        self._stepping = False
        self._broken = False
        self._event_at = 0.0
        self._tasks = TaskSet(self._task_failed)
        self._side_tasks = TaskSet(self._side_task_failed)
        self._timers = TimerSet(loop, self._timer_due)
        self._replies: dict[int, asyncio.Task[None]] = {}
        self._writes: set[asyncio.Task[None]] = set()
        self._timings = TurnTimings(self._clock)
        self._tally = LlmTally(parts.info.call_sid)
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
            on_first_audio=self._timings.first_audio,
        )
        self._listener = parts.make_listener(self._input)
        self._speaker = parts.make_speaker(self._speech)
        self._input.attach(self._listener, self._speech)
        self._speech.attach_speaker(self._speaker)
        self._socket: MediaSocket | None = None
        self._connected_at = self._clock()
        self._idle_check: asyncio.TimerHandle | None = None
        self.cause: HangupCause | None = None
        """Why the call ended, as soon as that is decided."""
        self._reason = ""
        self.is_handed_over = False

    # --- the life of a call -------------------------------------------------------------

    def prepare(self) -> None:
        """Open everything that the first words will need; called from the voice webhook."""
        prefetch = self._side_tasks.spawn(self._parts.conversation.prefetch(), name="prefetch")
        self._tasks.spawn(self._open_listener(prefetch), name="open_listener")
        self._tasks.spawn(self._speaker.open(), name="open_speaker")
        self._side_tasks.spawn(self._parts.llm.warm(), name="warm_llm")

    async def _open_listener(self, prefetch: asyncio.Task[None]) -> None:
        await asyncio.wait({prefetch}, timeout=self._parts.timeouts.keyterms_s)
        await self._listener.open()

    async def run(self, socket: MediaSocket, stream_sid: str) -> HangupCause:
        """Serve the accepted media socket until the call is over; leaves nothing behind."""
        self._socket = socket
        self._connected_at = self._clock()
        outbound = OutboundAudio(
            socket,
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
        scribe = self._side_tasks.spawn(self._parts.scribe.run(), name="scribe")
        try:
            if self.cause is None:
                await self._serve(socket, stream_sid)
        except Exception:
            # The other half of the per-call boundary: a message that we cannot digest.
            self._log.exception("call_broke", at="media message")
            self._close(HangupCause.FAILURE, "a fault of our own while reading")
        finally:
            self._close(HangupCause.SOCKET_LOST, "cancelled")
            outbound.close()
            await self._tear_down(scribe)
        return self.outcome

    async def discard(self) -> None:
        """Give back what `prepare` opened for a call that never connected its stream."""
        self._finish(HangupCause.CALLER, "the stream never came")
        await self._end_everything()

    def shut_down(self) -> None:
        """Ask the call to end at its next good moment."""
        self.emit(ShutdownRequested(self._clock()))

    def stream_is_over(self) -> None:
        """Take it from Twilio that the stream has ended, if we have not noticed yet."""
        self._close(HangupCause.SOCKET_LOST, "Twilio asks what comes next")

    def handover(self) -> Handover:
        """What whoever goes on with this call must know; final once the end is decided."""
        self.is_handed_over = True
        parts, state = self._parts, self._state
        return Handover(
            info=self.info,
            conversation=parts.conversation,
            holds=parts.holds,
            log=state.log,
            turn=state.turn,
        )

    # --- events in, commands out ------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Advance the call by one event; events that commands cause are taken in order."""
        if self._broken:
            return
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._events and not self._broken:
                self._step(self._events.popleft())
        except Exception:
            # The per-call boundary: a fault of ours ends this call, spoken by Twilio, and no other.
            self._log.exception("call_broke", at=type(event).__name__)
            self._broken = True
            self._events.clear()
            self._close(HangupCause.FAILURE, f"a fault of our own at {type(event).__name__}")
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
                self._timings.spoke(command.turn)
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
                self._input.finalize_listener()
            case SetTimer():
                self._timers.set(command.timer, command.at)
            case CancelTimer():
                self._timers.cancel(command.timer)
            case TransferCall():
                self._close(HangupCause.TRANSFER, "the caller goes to a human")
            case HangUp():
                self._close(command.cause, "the agent is done")
            case Note():
                self._log.info(command.name, **command.facts)
            case _:
                assert_never(command)

    def _ask_llm(self, command: AskLlm) -> None:
        self._timings.asked(command.turn, committed_at=self._event_at)
        self._cancel_reply(command.turn)
        self._replies[command.turn] = self._tasks.spawn(
            stream_reply(
                command.turn,
                command.history,
                conversation=self._parts.conversation,
                llm=self._parts.llm,
                clock=self._clock,
                emit=self.emit,
                on_first_text=self._timings.first_text,
                on_attempt=partial(self._tally.add, command.turn),
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

    async def _serve(self, socket: MediaSocket, stream_sid: str) -> None:
        timeouts = self._parts.timeouts
        self._check_idle()
        self.emit(CallStarted(self._clock()))
        end = await self._input.read(socket, stream_sid, silence_s=timeouts.media_s)
        stopped = end is StreamEnd.STOPPED
        self._close(HangupCause.CALLER if stopped else HangupCause.SOCKET_LOST, end.value)

    def _close(self, cause: HangupCause, reason: str) -> None:
        """End the stream from our side; the reader sees the close and `run` returns."""
        self._finish(cause, reason)
        if self._socket is not None and not self._socket.response.closed:
            self._tasks.spawn(self._socket.close(), name="close_media_socket")

    def _finish(self, cause: HangupCause, reason: str) -> None:
        if self.cause is None:
            self.cause = cause
            self._reason = reason
            self.emit(CallEnded(self._clock(), cause))

    async def _tear_down(self, scribe: asyncio.Task[None]) -> None:
        """Finish what must be finished, then end the rest, even if cancelled meanwhile."""
        limit_s = self._parts.timeouts.writes_s
        self._timers.cancel_all()
        if self._idle_check is not None:
            self._idle_check.cancel()
        self._input.close()
        for turn in tuple(self._replies):
            self._cancel_reply(turn)
        try:
            if self._writes:
                await asyncio.wait(self._writes, timeout=limit_s)
            await self._parts.holds.release_all()
            stats = {**self._parts.conversation.stats, "llm": self._tally.stats}
            self._parts.scribe.ended(self.outcome.value, stats)
            self._parts.scribe.close()
            await asyncio.wait({scribe}, timeout=limit_s)
        finally:
            self._parts.observer.ended(self._clock(), self._state.history)
            self._log_call()
            await self._end_everything()

    async def _end_everything(self) -> None:
        """Give back sockets and tasks; the media socket's farewell is waited for."""
        try:
            await asyncio.gather(self._listener.close(), self._speaker.close())
            if self._socket is not None:
                await self._socket.close()
        finally:
            await self._side_tasks.cancel_all()
            await self._tasks.cancel_all()

    def _log_call(self) -> None:
        self._log.info(
            "call_ended",
            cause=self.outcome.value,
            reason=self._reason,
            duration_s=round(self._clock() - self._connected_at, 3),
            turns=len(self._timings),
            engine_ms_max=self._timings.engine_ms_max(),
            rejected_messages=self._input.rejected_messages,
        )

    # --- what the parts report -----------------------------------------------------------------

    async def _write(self, outbound: OutboundAudio) -> None:
        try:
            await outbound.run()
        except TimeoutError:
            self._close(HangupCause.SOCKET_LOST, "the peer takes no more audio")
        except ConnectionError:
            # The reader sees the same end, and what Twilio said before it: a `stop` perhaps.
            self._log.debug("media_socket_gone")

    def _task_failed(self, name: str, error: BaseException) -> None:
        """A fault of our own inside a call: end it, so that Twilio asks for the next TwiML."""
        self._log.error("call_task_failed", task=name, reason=repr(error))
        self._close(HangupCause.FAILURE, f"a fault of our own in {name}")

    def _side_task_failed(self, name: str, error: BaseException) -> None:
        """What only makes a call better has failed: the call goes on without it."""
        self._log.error("side_task_failed", task=name, reason=repr(error))

    def _timer_due(self, timer: Timer) -> None:
        self.emit(TimerFired(self._clock(), timer))

    def _check_idle(self) -> None:
        """Look every now and then whether frames still come; media alone could not tell."""
        self._idle_check = self._loop.call_later(
            self._parts.timeouts.idle_check_s, self._check_idle
        )
        self._input.tick()

    def _frame_sent(self, payload: bytes) -> None:
        self._input.agent_audio(payload)
        self._speech.progressed()
        self._parts.observer.agent_audio(self._clock(), payload)

    def _playout_started(self, turn: int) -> None:
        facts = self._timings.first_frame(turn)
        self._log.info("turn_latency", **facts)
        self._parts.observer.turn_timed(self._clock(), facts)
        self.emit(PlayoutStarted(self._clock(), turn))

    @property
    def outcome(self) -> HangupCause:
        """Why the call ended; a stream that just went away is `SOCKET_LOST`."""
        return self.cause or HangupCause.SOCKET_LOST
