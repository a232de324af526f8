"""Twilio on loopback: places calls at a server under test and answers its REST requests.

    async with TwilioSandbox() as twilio:
        call = await twilio.place_call(url, public_url=..., from_=..., to=..., caller=caller)
        await caller.hears_agent(5)
        await caller.hang_up()
        await call.ended(5)

Calls run by themselves until they end or the sandbox closes; any number at once. What Twilio
would enter into its debugger stands in each call's `problems`. Nothing leaves the machine: public
addresses reach a server only through the configured routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp import web

from voicecore.audio.mulaw import FRAME_BYTES, SILENCE_BYTE
from voicecore.sandbox.twilio_call import (
    CallPlan,
    CallStatus,
    DialResult,
    Direction,
    DocumentSource,
    PlacedCall,
)
from voicecore.sandbox.twilio_faults import CallFaults, LineConditions
from voicecore.sandbox.twilio_flow import CallFlow, new_sid
from voicecore.sandbox.twilio_line import Line, LineCaller
from voicecore.sandbox.twilio_resources import SentMessage
from voicecore.sandbox.twilio_rest import TwilioRest
from voicecore.sandbox.twilio_webhook import ANSWER_S, Routes, WebhookClient, WebhookError
from voicecore.sandbox.voice import Speech

ACCOUNT_SID = "AC" + "5a" * 16
AUTH_TOKEN = "sandbox-auth-token"
SHUTDOWN_S = 1.0
"""How long closing waits for REST requests that are being answered."""


class SilentCaller:
    """A person who listens and says nothing; `press` and `hang_up` are the line's."""

    def __init__(self) -> None:
        self.line: Line | None = None

    def connect(self, line: Line) -> None:
        """Take the line."""
        self.line = line

    def next_frame(self, at_s: float) -> bytes:
        """Return 20 ms of silence."""
        return bytes((SILENCE_BYTE,)) * FRAME_BYTES

    def on_tick(self) -> None:
        """Do nothing."""


class SayVoice(Protocol):
    """Speaks the text of `<Say>`."""

    def synthesize(self, text: str) -> Speech:
        """Return the speech as µ-law."""
        ...


class TwilioSandbox:
    """One Twilio account; use it as an async context manager.

    Args:
        account_sid: the account, as the server under test knows it.
        auth_token: signs the webhooks and opens the REST interface.
        say_voice: lets the caller hear `<Say>`; without it the verb takes no time.
        answer_s: the longest that a webhook may take.
    """

    def __init__(
        self,
        *,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        say_voice: SayVoice | None = None,
        answer_s: float = ANSWER_S,
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.calls: dict[str, PlacedCall] = {}
        self.dial_results: dict[str, DialResult] = {}
        """How a `<Dial>` to an address ends; by default it is answered and ends at once."""
        self.routes = Routes()
        self.rest = TwilioRest(self, auth_token=auth_token)
        self._answers: dict[str, LineCaller | CallStatus] = {}
        self._say_voice = say_voice
        self._answer_s = answer_s
        self._api_base: str | None = None
        self._session: aiohttp.ClientSession | None = None
        self._group: asyncio.TaskGroup | None = None
        self._resources = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def api_base(self) -> str:
        """Base address of the REST interface, in the place of `https://api.twilio.com`."""
        if self._api_base is None:
            raise RuntimeError("the sandbox is not open")
        return self._api_base

    @property
    def messages(self) -> list[SentMessage]:
        """The text messages sent so far."""
        return self.rest.messages

    async def __aenter__(self) -> Self:
        """Open the REST interface."""
        async with AsyncExitStack() as stack:
            self._session = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            )
            runner = web.AppRunner(
                self.rest.application(), access_log=None, shutdown_timeout=SHUTDOWN_S
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self._api_base = f"http://{host}:{port}"
            self._group = await stack.enter_async_context(asyncio.TaskGroup())
            stack.callback(self._cut_calls)
            self._resources = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut all calls that still run and close every socket.

        Raises:
            ExceptionGroup: a call failed through a fault of the sandbox itself.
        """
        await self._resources.aclose()

    async def place_call(
        self,
        webhook_url: str,
        *,
        public_url: str,
        from_: str,
        to: str,
        caller: LineCaller,
        line: LineConditions | None = None,
        faults: CallFaults | None = None,
        fallback_url: str | None = None,
        status_callback: str | None = None,
        extra_params: Mapping[str, str] | None = None,
    ) -> PlacedCall:
        """Let `caller` ring; the call runs from now on.

        Args:
            webhook_url: where the server listens, such as `http://127.0.0.1:8080/incoming-call`.
            public_url: scheme and host under which the server thinks it is reached, such as
                `https://agent.example.com`. Requests are signed for this address.
            fallback_url: asked when the first document cannot be had; public, or relative.
            status_callback: told when the call has ended; public, or relative.
            extra_params: more parameters of the voice request, or others in their place.
        """
        parts = urlsplit(webhook_url)
        query = f"?{parts.query}" if parts.query else ""
        public_url = public_url.rstrip("/")
        url = f"{public_url}{parts.path or '/'}{query}"
        plan = CallPlan(
            call_sid=new_sid("CA"),
            account_sid=self.account_sid,
            from_=from_,
            to=to,
            direction=Direction.INBOUND,
            first=DocumentSource(url=url),
            public_url=public_url,
            fallback_url=urljoin(url, fallback_url) if fallback_url else None,
            status_callback=status_callback,
            extra_params=extra_params,
            line=line or LineConditions(),
            faults=faults or CallFaults(),
        )
        routes = self.routes.copy()
        routes.add(public_url, webhook_url)
        return self._start(plan, caller, routes)

    def route(self, public_url: str, local_url: str) -> None:
        """Let a loopback server answer for a public address in calls that the REST API starts."""
        self.routes.add(public_url, local_url)

    def answer(self, number: str, who: LineCaller | CallStatus) -> None:
        """Say who picks up at `number`, once, or how a call there fails; by default nobody does."""
        self._answers[number] = who

    def start_outbound(
        self, *, to: str, from_: str, first: DocumentSource, callback: tuple[str, list[str]] | None
    ) -> PlacedCall:
        """Ring `to`, as the REST interface was asked to."""
        who = self._answers.pop(to, CallStatus.NO_ANSWER)
        plan = CallPlan(
            call_sid=new_sid("CA"),
            account_sid=self.account_sid,
            from_=from_,
            to=to,
            direction=Direction.OUTBOUND_API,
            first=first,
            public_url=first.url,
            status_callback=callback[0] if callback else None,
            status_events=tuple(callback[1]) if callback else (),
            unanswered=who if isinstance(who, CallStatus) else None,
        )
        caller = SilentCaller() if isinstance(who, CallStatus) else who
        return self._start(plan, caller, self.routes.copy())

    def message_sent(self, message: SentMessage) -> None:
        """Deliver a message: its status callback hears of it."""
        if message.status_callback is not None:
            self._spawn(partial(self._deliver, message, message.status_callback))

    def _start(self, plan: CallPlan, caller: LineCaller, routes: Routes) -> PlacedCall:
        assert self._session is not None
        webhooks = WebhookClient(
            self._session,
            auth_token=self.auth_token,
            routes=routes,
            signing=plan.faults.webhook_signing,
            answer_s=self._answer_s,
        )
        call = PlacedCall(plan, caller, webhooks)
        self.calls[call.call_sid] = call
        voice = self._say_voice
        flow = CallFlow(
            call,
            self._session,
            dial_results=self.dial_results,
            speak=None if voice is None else lambda text: voice.synthesize(text).audio,
        )
        self._spawn(flow.run)
        return call

    async def _deliver(self, message: SentMessage, url: str) -> None:
        assert self._session is not None
        webhooks = WebhookClient(
            self._session, auth_token=self.auth_token, routes=self.routes, answer_s=self._answer_s
        )
        params = {
            "AccountSid": message.account_sid,
            "ApiVersion": "2010-04-01",
            "From": message.from_ or "",
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "To": message.to,
        }
        for status in ("sent", "delivered"):
            report = {"MessageStatus": status, "SmsStatus": status}
            # A receiver that does not answer changes nothing for the message.
            with suppress(WebhookError):
                await webhooks.request("POST", url, params | report)

    def _spawn(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        assert self._group is not None
        task = self._group.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cut_calls(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
