"""Puts the parts of a call together: one factory per worker, one session per call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

import aiohttp

from voicecore.audio.inbound import InboundChain
from voicecore.audio.playout import Playout
from voicecore.audio.silero import SpeechModels
from voicecore.call.policy import Phrases, Policy
from voicecore.call.state import CallState
from voicecore.call_info import CallInfo
from voicecore.config import Settings
from voicecore.dialog.conversation import Conversation
from voicecore.dialog.greeting import greetings
from voicecore.dialog.ports import Directory, Messenger, Schedule, SlotReaders
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.safeguards import Safeguards
from voicecore.dialog.shop import ShopProfile
from voicecore.dialog.workshop import Workshop
from voicecore.net.call_parts import CallParts, CallTimeouts
from voicecore.net.clips import render_clips
from voicecore.net.guarded_observer import GuardedObserver
from voicecore.net.handovers import Handover
from voicecore.net.held_slots import HeldSlots
from voicecore.net.listen import DeepgramListener, ListenerTimings
from voicecore.net.listen_link import HeardMessage
from voicecore.net.listener_state import ListenerState
from voicecore.net.llm import LlmStream
from voicecore.net.scribe import CallJournal, Scribe
from voicecore.net.session import CallSession
from voicecore.net.session_store import SessionStore
from voicecore.net.speak import DeepgramSpeaker, SpeakerTimings
from voicecore.observer import ObserverFactory
from voicecore.wire.deepgram_listen import ListenOptions

TokenT = TypeVar("TokenT")

BUNDLE_MS = 40
"""Agent audio in one message: half the messages of single frames, and a lead of 120 to 160 ms."""


def _always_open(_at: datetime) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all calls of a worker share; `cli.py` makes it.

    `speech_models` is None where no neural voice detector is to be used. Of `policy`, the longest
    call and whether there is a human come from `settings`. `is_open` tells whether the shop is.
    """

    settings: Settings
    http: aiohttp.ClientSession
    llm: LlmStream
    store: SessionStore
    directory: Directory
    schedule: Schedule
    messenger: Messenger
    journal: CallJournal
    observers: ObserverFactory
    speech_models: SpeechModels | None
    workshop: Workshop | None = None
    safeguards: Safeguards = field(default_factory=Safeguards)
    readers: SlotReaders | None = None
    is_open: Callable[[datetime], bool] = _always_open
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    shop_hours: str = ""
    policy: Policy = field(default_factory=Policy)
    phrases: Phrases = field(default_factory=Phrases)
    listener_timings: ListenerTimings = field(default_factory=ListenerTimings)
    speaker_timings: SpeakerTimings = field(default_factory=SpeakerTimings)
    timeouts: CallTimeouts = field(default_factory=CallTimeouts)


class CallFactory:
    """Makes sessions; `load_clips` first, so that calls begin with ready audio."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        settings = around.settings
        self._zone = ZoneInfo(settings.shop_timezone)
        self._shop = ShopProfile(
            name=settings.shop_name,
            timezone=settings.shop_timezone,
            address=settings.shop_address,
            transfer_number=settings.transfer_number,
            hours=around.shop_hours,
            agent_name=settings.agent_name,
            persona=settings.agent_persona,
        )
        self._policy = replace(
            around.policy,
            max_call_s=settings.max_call_s,
            can_transfer=bool(settings.transfer_number),
        )
        self._clips: Mapping[str, bytes] = MappingProxyType({})

    async def load_clips(self) -> int:
        """Render the greeting and the phrases; returns how many are ready."""
        phrases = self._around.phrases
        texts = [
            *greetings(self._shop),
            *(getattr(phrases, name) for name in phrases.__dataclass_fields__),
        ]
        self._clips = await render_clips(texts, self._speaker)
        return len(self._clips)

    def new_session(
        self, info: CallInfo, *, reminder: Reminder | None = None, handover: Handover | None = None
    ) -> CallSession:
        """A session for one call, nothing opened yet.

        `reminder` is why we placed the call; with `handover` the agent goes on where it was.
        """
        around = self._around
        if handover is None:
            holds = HeldSlots(around.schedule, info.call_sid)
            conversation = self._conversation(
                info.call_sid, info.customer_e164, holds, reminder=reminder
            )
            state = CallState.initial(self._policy, around.phrases, conversation.greeting)
        else:
            holds, conversation = handover.holds, handover.conversation
            conversation.taken_back()
            state = CallState.taken_back(self._policy, around.phrases, handover.log, handover.turn)
        return CallSession(
            CallParts(
                info=info,
                reminder=reminder,
                state=state,
                conversation=conversation,
                holds=holds,
                llm=around.llm,
                inbound=InboundChain(around.speech_models),
                playout=Playout(bundle_ms=BUNDLE_MS),
                clips=self._clips,
                scribe=Scribe(
                    info, store=around.store, journal=around.journal, curtain=conversation.curtain
                ),
                observer=GuardedObserver(around.observers, info, conversation.curtain),
                make_listener=lambda caller: self._listener(
                    caller.heard, caller.listener_changed, conversation.keyterms
                ),
                make_speaker=lambda speech: self._speaker(
                    speech.audio, speech.flushed, speech.failed
                ),
                timeouts=around.timeouts,
            )
        )

    def _conversation(
        self,
        call_sid: str,
        caller_e164: str | None,
        schedule: Schedule,
        *,
        reminder: Reminder | None = None,
    ) -> Conversation:
        around = self._around
        return Conversation(
            directory=around.directory,
            schedule=schedule,
            messenger=around.messenger,
            shop=self._shop,
            call_sid=call_sid,
            caller_e164=caller_e164,
            now=self._now,
            workshop=around.workshop,
            safeguards=around.safeguards,
            readers=around.readers,
            reminder=reminder,
            is_open=around.is_open(self._now()),
        )

    def _listener(
        self,
        on_message: Callable[[HeardMessage], None],
        on_state: Callable[[ListenerState], None],
        keyterms: Callable[[], Sequence[str]],
    ) -> DeepgramListener:
        settings = self._around.settings
        return DeepgramListener(
            self._around.http,
            settings.deepgram_listen_url,
            settings.deepgram_api_key.get_secret_value(),
            ListenOptions(model=settings.deepgram_listen_model, language=settings.agent_language),
            on_message,
            on_state,
            asyncio.get_running_loop().time,
            timings=self._around.listener_timings,
            keyterms=keyterms,
        )

    def _speaker(
        self,
        on_audio: Callable[[bytes, TokenT], None],
        on_flushed: Callable[[TokenT], None],
        on_failed: Callable[[TokenT, str], None],
    ) -> DeepgramSpeaker[TokenT]:
        settings = self._around.settings
        return DeepgramSpeaker(
            self._around.http,
            settings.deepgram_speak_url,
            settings.deepgram_api_key.get_secret_value(),
            settings.voice,
            on_audio,
            on_flushed,
            on_failed,
            asyncio.get_running_loop().time,
            timings=self._around.speaker_timings,
        )

    def _now(self) -> datetime:
        return self._around.clock().astimezone(self._zone)
