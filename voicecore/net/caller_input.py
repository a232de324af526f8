"""The caller's side of a media socket: messages in, audio to the listener, events to the call."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

import structlog
from aiohttp import WSMsgType

from voicecore.audio.inbound import InboundChain
from voicecore.audio.mulaw import BYTES_PER_MS
from voicecore.audio.vad import VoiceEdge, VoiceStarted, VoiceStopped
from voicecore.call.events import (
    DigitPressed,
    Event,
    FinalWords,
    InterimWords,
    ListenerLost,
    ListenerRestored,
    MediaGap,
    SpeechStarted,
    SpeechStopped,
    UtteranceEnded,
)
from voicecore.errors import TwilioProtocolError
from voicecore.net.listen import DeepgramListener
from voicecore.net.listen_link import HeardMessage
from voicecore.net.listener_state import ListenerPhase, ListenerState
from voicecore.net.media_socket import MediaSocket
from voicecore.net.speech_output import SpeechOutput
from voicecore.wire import deepgram_listen, twilio_media

log = structlog.get_logger()

MAX_REJECTED_MESSAGES = 100
"""After this many undecodable messages the peer is not Twilio: the socket is closed."""

DEADLINE_STEP = 0.05
"""Part of the allowed silence by which the reader may notice it too late."""


QUIET_MESSAGE_BYTES = 100 * BYTES_PER_MS
"""While the caller is silent, so much of the silence goes to the listener in one message."""
PROMPT_AFTER_VOICE_S = 2.0
"""So long after a voice every frame still goes at once: the listener is about to decide."""


class StreamEnd(StrEnum):
    """How a media stream came to its end."""

    STOPPED = "stop"
    CLOSED = "closed without stop"
    BROKEN = "a frame that breaks the WebSocket protocol or is too large"
    SILENT = "no media"
    NOT_TWILIO = "too many messages that are not Twilio's"


class CallerInput:
    """Reads one media socket to its end, and takes what the listener heard.

    While the caller speaks, and until shortly after, every frame goes to the listener at once;
    in silence several go together, which costs it nothing and us a quarter of the sends.

    A message that is not Twilio's is logged once per kind, counted and skipped: the call goes on.
    """

    def __init__(
        self,
        inbound: InboundChain,
        *,
        call_sid: str,
        clock: Callable[[], float],
        emit: Callable[[Event], None],
        on_audio: Callable[[float, bytes], None],
    ) -> None:
        self._inbound = inbound
        self._clock = clock
        self._emit = emit
        self._on_audio = on_audio
        self._log = log.bind(call_sid=call_sid)
        self._listener: DeepgramListener | None = None
        self._speech: SpeechOutput | None = None
        self._stream_sid = ""
        self._unsent = bytearray()
        # Until a first voice has ended nothing is known of this caller: every frame goes at once.
        self._prompt_until = math.inf
        self._reasons: set[str] = set()
        self.rejected_messages = 0

    def attach(self, listener: DeepgramListener, speech: SpeechOutput) -> None:
        """Give the receivers of audio and marks; before `read`."""
        self._listener = listener
        self._speech = speech

    async def read(self, socket: MediaSocket, stream_sid: str, *, silence_s: float) -> StreamEnd:
        """Take messages until `stop`, until the socket closes, or until it is of no more use.

        `silence_s` without any message is the end too.
        """
        self._stream_sid = stream_sid
        try:
            async with asyncio.timeout(silence_s) as limit:
                return await self._read(socket, limit, silence_s)
        except TimeoutError:
            return StreamEnd.SILENT

    async def _read(
        self, socket: MediaSocket, limit: asyncio.Timeout, silence_s: float
    ) -> StreamEnd:
        # Moving the deadline costs a timer: not for every one of 50 messages a second.
        step_s = silence_s * DEADLINE_STEP
        move_at = 0.0
        while self.rejected_messages <= MAX_REJECTED_MESSAGES:
            message = await socket.receive()
            now_s = self._clock()
            if now_s >= move_at:
                move_at = now_s + step_s
                limit.reschedule(move_at + silence_s)
            match message.type:
                case WSMsgType.TEXT:
                    if self._take(message.data):
                        return StreamEnd.STOPPED
                case WSMsgType.BINARY:
                    self._reject("a binary frame")
                case WSMsgType.ERROR:
                    return StreamEnd.BROKEN
                case _:
                    return StreamEnd.CLOSED
        return StreamEnd.NOT_TWILIO

    def flush(self) -> None:
        """Give the listener what it has not got yet."""
        assert self._listener is not None, "attach comes first"
        if self._unsent:
            self._listener.send(bytes(self._unsent))
            self._unsent.clear()

    def finalize_listener(self) -> None:
        """Ask the listener for the final words of everything that was heard so far."""
        assert self._listener is not None, "attach comes first"
        self.flush()
        self._listener.finalize()

    def tick(self) -> None:
        """Let time pass without media: a voice must not stay open when frames stop coming."""
        self.flush()
        self._edges(self._inbound.idle(self._clock()))

    def heard(self, message: HeardMessage) -> None:
        """Take one message of the listener."""
        now_s = self._clock()
        match message:
            case deepgram_listen.Results():
                if message.is_final:
                    self._emit(
                        FinalWords(
                            now_s,
                            message.transcript,
                            message.start_s,
                            message.speech_final,
                            message.from_finalize,
                        )
                    )
                elif message.transcript:
                    self._emit(InterimWords(now_s, message.transcript, message.start_s))
            case deepgram_listen.UtteranceEnd():
                self._emit(UtteranceEnded(now_s))
            case deepgram_listen.SpeechStarted():
                pass  # noise too, by the vendor's own word: the local detector decides
            case _:
                assert_never(message)

    def listener_changed(self, state: ListenerState) -> None:
        """Take a change of the listener's connection."""
        now_s = self._clock()
        match state.phase:
            case ListenerPhase.OPEN:
                pass
            case ListenerPhase.LOST:
                self._emit(ListenerLost(now_s, state.reason, fatal=False))
            case ListenerPhase.RESTORED:
                self._emit(ListenerRestored(now_s))
            case ListenerPhase.FATAL:
                self._emit(ListenerLost(now_s, state.reason, fatal=True))
            case _:
                assert_never(state.phase)

    def agent_audio(self, payload: bytes) -> None:
        """Tell what was sent to the caller, so that its echo is not taken for them."""
        self._inbound.heard_from_us(payload, self._clock())

    def playout_cleared(self) -> None:
        """Tell that nothing of the agent sounds from here on."""
        self._inbound.cleared(self._clock())

    def close(self) -> None:
        """Give the listener the rest, and back what the voice detector has borrowed."""
        self.flush()
        self._inbound.close()

    def _take(self, text: str) -> bool:
        """Act on one text frame; True for `stop`."""
        try:
            message = twilio_media.parse(text)
        except TwilioProtocolError as error:
            self._reject(error.reason)
            return False
        if isinstance(message, twilio_media.Connected | twilio_media.Start):
            self._reject(f"a second {type(message).__name__.lower()}")
            return False
        if message.stream_sid != self._stream_sid:
            self._reject("another stream's message")
            return False
        match message:
            case twilio_media.Media():
                if message.track == "inbound":
                    self._media(message)
            case twilio_media.Mark():
                assert self._speech is not None, "attach comes first"
                self._speech.mark_echoed(message.name)
            case twilio_media.Dtmf():
                self._emit(DigitPressed(self._clock(), message.digit))
            case twilio_media.Stop():
                return True
            case _:
                assert_never(message)
        return False

    def _media(self, media: twilio_media.Media) -> None:
        assert self._listener is not None, "attach comes first"
        now_s = self._clock()
        inbound = self._inbound.push(media.chunk, media.timestamp_ms, media.payload, now_s)
        if inbound.audio:
            self._unsent += inbound.audio
            if now_s < self._prompt_until or len(self._unsent) >= QUIET_MESSAGE_BYTES:
                self.flush()
            self._on_audio(now_s, inbound.audio)
        if inbound.filled_ms:
            self._emit(MediaGap(now_s, inbound.filled_ms))
        self._edges(inbound.edges)

    def _edges(self, edges: tuple[VoiceEdge, ...]) -> None:
        assert self._listener is not None, "attach comes first"
        for edge in edges:
            now_s = self._clock()
            match edge:
                case VoiceStarted():
                    self._prompt_until = math.inf
                    self.flush()
                    self._listener.voice(True)
                    onset_at = now_s - (edge.decided_ms - edge.onset_ms) / 1000
                    self._emit(SpeechStarted(now_s, onset_at))
                case VoiceStopped():
                    self._prompt_until = now_s + PROMPT_AFTER_VOICE_S
                    self._listener.voice(False)
                    self._emit(SpeechStopped(now_s, round(edge.run_ms)))

    def _reject(self, reason: str) -> None:
        self.rejected_messages += 1
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._log.warning("media_message_rejected", reason=reason)
