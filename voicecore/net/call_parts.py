"""What one call is made of besides its socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from voicecore.audio.inbound import InboundChain
from voicecore.audio.playout import Playout
from voicecore.call.state import CallState
from voicecore.call_info import CallInfo
from voicecore.dialog.conversation import Conversation
from voicecore.dialog.reminder import Reminder
from voicecore.net.caller_input import CallerInput
from voicecore.net.held_slots import HeldSlots
from voicecore.net.listen import DeepgramListener
from voicecore.net.llm import LlmStream
from voicecore.net.scribe import Scribe
from voicecore.net.speak import DeepgramSpeaker
from voicecore.net.speech_output import SegmentToken, SpeechOutput
from voicecore.observer import CallObserver


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimeouts:
    """Patience of a session, in seconds.

    `media_s`: Twilio sends a frame every 20 ms, silence included; none for this long means a dead
    peer. `writes_s`: how long the end of a call waits for tools that change something, and then
    for its last rows. `idle_check_s`: how often a voice is closed that no frames feed any more.
    `keyterms_s`: how long the listener waits for the caller's record, to know names and cars.
    """

    media_s: float = 20.0
    writes_s: float = 5.0
    idle_check_s: float = 0.3
    keyterms_s: float = 0.3


@dataclass(frozen=True, slots=True)
class CallParts:
    """Built by `net/call_factory.py`; owned by the session from then on.

    `clips` maps texts to ready µ-law audio (the greeting and the reducer's own phrases),
    `reminder` is why we placed the call.
    """

    info: CallInfo
    state: CallState
    conversation: Conversation
    holds: HeldSlots
    llm: LlmStream
    inbound: InboundChain
    playout: Playout
    clips: Mapping[str, bytes]
    scribe: Scribe
    observer: CallObserver
    make_listener: Callable[[CallerInput], DeepgramListener]
    make_speaker: Callable[[SpeechOutput], DeepgramSpeaker[SegmentToken]]
    timeouts: CallTimeouts = field(default_factory=CallTimeouts)
    reminder: Reminder | None = None
