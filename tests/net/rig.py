"""A whole worker on loopback between real stand-ins, in which calls take seconds.

`running(...)` builds the product's server exactly as the command line does, with short waits and
short phrases, and lets scripted callers ring. Leaving it proves that nothing stays behind: no
call, no socket at any stand-in, no task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import redis.asyncio
import structlog
from aiohttp import web

from tests.net.shop import MARIA, MemoryJournal, MemoryPhoneEvents, OneBay, OneCustomer, SentTexts
from voicecore.call.policy import Phrases, Policy
from voicecore.config import Settings
from voicecore.dialog.ports import Directory, Messenger, Schedule
from voicecore.net.app import make_runner
from voicecore.net.call_cap import CallCap
from voicecore.net.call_factory import CallFactory, Surroundings
from voicecore.net.call_parts import CallTimeouts
from voicecore.net.deepgram_socket import ConnectPolicy
from voicecore.net.early_reports import EarlyReports
from voicecore.net.listen import ListenerTimings
from voicecore.net.listen_link import LinkTimings
from voicecore.net.live_calls import LiveCalls
from voicecore.net.llm import LlmStream, LlmTimeouts
from voicecore.net.phone_events import PhoneEvents
from voicecore.net.prepared_calls import PreparedCalls
from voicecore.net.redis_link import RedisLink, open_session_redis
from voicecore.net.scribe import CallJournal
from voicecore.net.server_parts import ServerParts
from voicecore.net.session import CallSession
from voicecore.net.session_store import SessionStore
from voicecore.net.speak import SpeakerTimings
from voicecore.net.speech_queue import SpeechTimings
from voicecore.net.stream_tickets import StreamTickets
from voicecore.net.tasks import TaskSet
from voicecore.observer import ObserverFactory
from voicecore.ops.observers import Observers
from voicecore.sandbox.activity import has_sound
from voicecore.sandbox.caller import ScriptedCaller
from voicecore.sandbox.deepgram import DeepgramSandbox
from voicecore.sandbox.openai import OpenAiSandbox
from voicecore.sandbox.openai_reply import Reply
from voicecore.sandbox.twilio import SilentCaller, TwilioSandbox
from voicecore.sandbox.twilio_call import CallStatus, PlacedCall
from voicecore.sandbox.twilio_faults import CallFaults, LineConditions
from voicecore.sandbox.twilio_line import LineCaller
from voicecore.sandbox.utterances import UtteranceBook
from voicecore.sandbox.voice import EspeakVoice, Speech
from voicecore.wire.twilio_signature import SignatureValidator

VOICE = EspeakVoice()
PUBLIC_URL = "https://agent.example.com"
SHOP_NUMBER = "+13125550100"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
CUT_OFF = "I'm sorry, we have a technical problem on our side."
PHRASES = Phrases(
    still_there="Still there?",
    still_there_again="Hello?",
    goodbye="Goodbye.",
    apology="One second.",
    say_again="Say it again.",
    filler="Moment.",
    listener_lost="I cannot hear you.",
    taken_back="Back with you.",
    time_is_short="A minute left.",
    time_is_up="Time is up.",
    handover="A colleague.",
    failure_goodbye="Something is wrong. Goodbye.",
)
POLICY = Policy(
    silence_ms=2000, dead_air_ms=2500, reply_overdue_ms=2500, goodbye_tail_ms=100, endpoint_ms=600
)
CONNECT = ConnectPolicy(delays_s=(0.0, 0.05, 0.1), budget_s=1.0, attempt_timeout_s=0.6)
LISTENER = ListenerTimings(
    connect=CONNECT,
    link=LinkTimings(deaf_s=0.8, tick_s=0.05, send_timeout_s=0.5),
    close_s=0.3,
)
SPEAKER = SpeakerTimings(
    connect=CONNECT,
    speech=SpeechTimings(first_byte_s=0.4, stall_s=0.5, clear_s=0.3),
    close_s=0.2,
)
LLM = LlmTimeouts(connect_s=0.5, first_token_s=0.4, between_chunks_s=0.4)
TIMEOUTS = CallTimeouts(media_s=1.0, writes_s=2.0, idle_check_s=0.1)
LEFT_S = 4.0
"""Longest that a call's remains may take to disappear."""

Messages = Sequence[Mapping[str, Any]]


class Model:
    """The model's answers, in order; the last one again and again."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = deque(replies or (Reply("We open at eight."),))
        self.heard: list[str] = []

    def __call__(self, messages: Messages, tools: Messages) -> Reply:
        words = [str(message["content"]) for message in messages if message["role"] == "user"]
        self.heard = words
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]


@dataclass(kw_only=True)
class Options:
    """What a test wants to be different."""

    settings: Mapping[str, object] = field(default_factory=dict)
    directory: Directory | None = None
    schedule: Schedule | None = None
    messenger: Messenger | None = None
    journal: CallJournal | None = None
    observers: ObserverFactory = lambda _: Observers()
    policy: Policy = POLICY
    clips: bool = True
    ticket_ttl_s: float = 60.0
    start_timeout_s: float = 0.4
    max_calls: int = 10
    max_calls_total: int = 0
    transfer_ring_s: int = 20
    idle_s: float = 30.0
    phone_events: PhoneEvents | None = None
    fallback_model: str = ""


@dataclass(kw_only=True)
class Rig:
    """A running worker with everything around it."""

    url: str
    parts: ServerParts
    factory: CallFactory
    twilio: TwilioSandbox
    deepgram: DeepgramSandbox
    openai: OpenAiSandbox
    book: UtteranceBook
    http: aiohttp.ClientSession
    redis: redis.asyncio.Redis
    runner: web.AppRunner
    logs: list[Any]
    model: Model

    def caller(self, *texts: str) -> ScriptedCaller:
        """Somebody who will say `texts`."""
        caller = ScriptedCaller(VOICE, self.book)
        caller.rehearse(*texts)
        return caller

    async def ring(
        self,
        caller: LineCaller | None = None,
        *,
        faults: CallFaults | None = None,
        line: LineConditions | None = None,
        from_: str = MARIA,
    ) -> PlacedCall:
        """Place a call; it runs by itself."""
        return await self.twilio.place_call(
            f"{self.url}/incoming-call",
            public_url=PUBLIC_URL,
            from_=from_,
            to=SHOP_NUMBER,
            caller=caller or SilentCaller(),
            faults=faults,
            line=line,
        )

    async def over(self, call: PlacedCall, timeout_s: float = 15.0) -> CallStatus:
        """Wait until the call has ended and nothing of it is left here."""
        status = await call.ended(timeout_s)
        await self.nothing_left()
        return status

    async def nothing_left(self) -> None:
        """Wait until no call, no connection and no task of the engine is left."""
        await until(
            lambda: (
                not len(self.parts.live)
                and not len(self.parts.prepared)
                and not self._provider_sockets()
                and not engine_tasks()
            ),
            LEFT_S,
            lambda: f"{self.parts.live=} {self.parts.prepared=} {engine_tasks()}",
        )

    def _provider_sockets(self) -> list[object]:
        """Sockets that are open at Deepgram; a stalled one may be waiting there for its own end."""
        links = (*self.deepgram.listen_connections, *self.deepgram.speak_connections)
        transports = [link._transport for link in links]
        return [item for item in transports if item is not None and not item.is_closing()]

    def session(self, call_sid: str) -> CallSession:
        """The running session of a call, to look at or to break."""
        return self.parts.live._sessions[call_sid]

    def events(self, name: str, **facts: object) -> list[Any]:
        """The log lines of that name with those facts."""
        return [
            line for line in self.logs if line["event"] == name and facts.items() <= line.items()
        ]

    def ending(self) -> tuple[str, str]:
        """Cause and reason of the only call so far, from its one line."""
        (line,) = self.events("call_ended")
        return line["cause"], line["reason"]

    def spoken(self) -> list[Speech]:
        """Everything that the speaker has spoken, clips included."""
        return [item for link in self.deepgram.speak.history for item in link.spoken]


@asynccontextmanager
async def running(redis_url: str, model: Model | None = None, **wishes: Any) -> AsyncIterator[Rig]:
    """Run a worker between stand-ins; leaving checks that all of it is gone."""
    before = asyncio.all_tasks()
    async with AsyncExitStack() as stack:
        rig = await _start(stack, redis_url, model or Model(), Options(**wishes))
        yield rig
        await rig.parts.prepared.close()
        await rig.nothing_left()
        broken = [line for line in rig.logs if line["log_level"] == "critical"]
        assert not broken
    await until(lambda: asyncio.all_tasks() <= before, LEFT_S, lambda: str(asyncio.all_tasks()))


async def until(
    condition: Callable[[], bool], timeout_s: float = 5.0, what: Callable[[], str] = lambda: ""
) -> None:
    """Wait until `condition` holds.

    Raises:
        AssertionError: it did not in time.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, what() or "waited in vain"
        await asyncio.sleep(0.01)


def engine_tasks() -> list[str]:
    """Names of the running tasks that the engine started, other than a worker's own."""
    return [
        task.get_name()
        for task in asyncio.all_tasks()
        if "/voicecore/net/" in getattr(task.get_coro(), "cr_code", until.__code__).co_filename
    ]


def heard_sound(call: PlacedCall) -> bool:
    """Whether the caller has heard anything at all."""
    return has_sound(call.record.heard())


async def _start(stack: AsyncExitStack, redis_url: str, model: Model, options: Options) -> Rig:
    logs = stack.enter_context(structlog.testing.capture_logs())
    twilio = await stack.enter_async_context(TwilioSandbox(auth_token=AUTH_TOKEN))
    book = UtteranceBook()
    deepgram = DeepgramSandbox(book, VOICE)
    await _serve(stack, deepgram.start, deepgram.stop)
    openai = OpenAiSandbox(policy=model)
    await _serve(stack, openai.start, openai.stop)
    store = open_session_redis(redis_url)
    stack.push_async_callback(store.aclose)
    http = await stack.enter_async_context(aiohttp.ClientSession())
    llm = LlmStream(
        api_key=openai.api_key,
        base_url=openai.base_url,
        model="gpt-4o",
        fallback_model=options.fallback_model,
        timeouts=LLM,
    )
    stack.push_async_callback(llm.aclose)
    factory = CallFactory(
        Surroundings(
            settings=_settings(twilio, deepgram, options),
            http=http,
            llm=llm,
            store=SessionStore(store),
            directory=options.directory or OneCustomer(),
            schedule=options.schedule or OneBay(),
            messenger=options.messenger or SentTexts(),
            journal=options.journal or MemoryJournal(),
            observers=options.observers,
            speech_models=None,
            policy=options.policy,
            phrases=PHRASES,
            listener_timings=LISTENER,
            speaker_timings=SPEAKER,
            timeouts=TIMEOUTS,
        )
    )
    _be_quick(deepgram)
    if options.clips:
        deepgram.speak.knobs.speed = 0.0
        assert await factory.load_clips() == 14
        deepgram.speak.knobs.speed = 8.0
    tasks = await stack.enter_async_context(TaskSet())
    link = RedisLink(store, timeout_s=5.0)
    parts = ServerParts(
        public_base_url=PUBLIC_URL,
        transfer_number=str(options.settings.get("transfer_number", "")),
        max_calls=options.max_calls,
        signatures=SignatureValidator(AUTH_TOKEN),
        live=LiveCalls(),
        prepared=PreparedCalls(
            tasks,
            ttl_s=options.ticket_ttl_s,
            tickets=StreamTickets(link, ttl_s=options.ticket_ttl_s),
            remake=lambda info, reminder: factory.new_session(info, reminder=reminder),
        ),
        new_session=factory.new_session,
        phone_events=options.phone_events or MemoryPhoneEvents(),
        tasks=tasks,
        early=EarlyReports(link),
        cap=None
        if not options.max_calls_total
        else CallCap(link, max_calls=options.max_calls_total),
        start_timeout_s=options.start_timeout_s,
        transfer_ring_s=options.transfer_ring_s,
    )
    stack.push_async_callback(parts.prepared.close)
    runner = make_runner(parts, idle_s=options.idle_s)
    await _serve(stack, runner.setup, runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return Rig(
        url=f"http://{host}:{port}",
        parts=parts,
        factory=factory,
        twilio=twilio,
        deepgram=deepgram,
        openai=openai,
        book=book,
        http=http,
        redis=store,
        runner=runner,
        logs=logs,
        model=model,
    )


async def _serve(
    stack: AsyncExitStack,
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
) -> None:
    await start()
    stack.push_async_callback(stop)


def _settings(twilio: TwilioSandbox, deepgram: DeepgramSandbox, options: Options) -> Settings:
    return Settings.model_validate(
        {
            "public_base_url": PUBLIC_URL,
            "shop_name": "Ace",
            "twilio_account_sid": twilio.account_sid,
            "twilio_auth_token": AUTH_TOKEN,
            "twilio_phone_number": SHOP_NUMBER,
            "twilio_api_base": twilio.api_base,
            "deepgram_api_key": deepgram.api_key,
            "deepgram_listen_url": deepgram.listen_url,
            "deepgram_speak_url": deepgram.speak_url,
            **options.settings,
        }
    )


def _be_quick(deepgram: DeepgramSandbox) -> None:
    listen = deepgram.listen.knobs
    listen.final_delay_ms = 50
    listen.interim_delay_ms = 20
    listen.interim_every_ms = 100
    listen.throttle_speed = 0.0
