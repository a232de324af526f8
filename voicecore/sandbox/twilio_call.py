"""One call at Twilio: who calls whom, in which state it is, and all that happened on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from voicecore.sandbox.call_record import CallRecord
from voicecore.sandbox.twilio_faults import CallFaults, LineConditions
from voicecore.sandbox.twilio_line import Line, LineCaller
from voicecore.sandbox.twilio_stream import MediaStream
from voicecore.sandbox.twilio_twiml import Verb
from voicecore.sandbox.twilio_webhook import WebhookClient, WebhookRequest


class CallStatus(StrEnum):
    """Twilio's `CallStatus`."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"


FINAL = frozenset(
    {
        CallStatus.COMPLETED,
        CallStatus.BUSY,
        CallStatus.FAILED,
        CallStatus.NO_ANSWER,
        CallStatus.CANCELED,
    }
)
"""The states that a call never leaves."""


class Direction(StrEnum):
    """Twilio's `Direction`."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"


@dataclass(frozen=True, slots=True)
class CallProblem:
    """An entry of Twilio's debugger about a call; `at_s` on the call's clock."""

    at_s: float
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class VerbRun:
    """A verb that was carried out."""

    at_s: float
    verb: Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class DialResult:
    """How a `<Dial>` ends: Twilio's `DialCallStatus`, after ringing and after the two have talked.

    Whoever would pick up after `timeout` rings in vain. `hears_out` is False for somebody who hangs
    up before the whispered document is over.
    """

    status: str = "completed"
    talk_s: float = 0.0
    ring_s: float = 0.0
    hears_out: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSource:
    """Where the next TwiML comes from: an address, or (`twiml`) here it is."""

    url: str
    method: str = "POST"
    params: Mapping[str, str] | None = None
    twiml: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """Everything about a call that is known before it rings."""

    call_sid: str
    account_sid: str
    from_: str
    to: str
    direction: Direction
    first: DocumentSource
    public_url: str
    unanswered: CallStatus | None = None
    """How an outbound call fails; None: somebody picks up."""
    fallback_url: str | None = None
    status_callback: str | None = None
    status_events: Sequence[str] = ("completed",)
    extra_params: Mapping[str, str] | None = None
    line: LineConditions = field(default_factory=LineConditions)
    faults: CallFaults = field(default_factory=CallFaults)


class PlacedCall:
    """A call, watched from outside and steered by its two ends.

    Lists grow while the call lasts: `problems` (all codes of Twilio's debugger, the streams'
    included), `verbs`, `requests` and `streams`.
    """

    def __init__(self, plan: CallPlan, caller: LineCaller, webhooks: WebhookClient) -> None:
        self.plan = plan
        self.call_sid = plan.call_sid
        self.from_ = plan.from_
        self.to = plan.to
        self.status = CallStatus.QUEUED
        self.line = Line(caller)
        self.webhooks = webhooks
        self.verbs: list[VerbRun] = []
        self.whispers: list[str] = []
        """What whoever picked up a `<Dial>` was told before the two were connected."""
        self.streams: list[MediaStream] = []
        self.created_at = time.time()
        self.rang_s: float | None = None
        """Event loop's time at which it began to ring."""
        self.answered_s: float | None = None
        """Event loop's time at which it was answered."""
        self.replacement: DocumentSource | None = None
        """TwiML that the REST interface put in the place of what is running."""
        self.disturbed = asyncio.Event()
        """Set when the running verb must give way: hang-up, or a replacement."""
        self._problems: list[CallProblem] = []
        self._ended = asyncio.Event()
        self._hung_up = False

    @property
    def record(self) -> CallRecord:
        """Both tracks and all events."""
        return self.line.record

    @property
    def requests(self) -> list[WebhookRequest]:
        """Twilio's requests about this call."""
        return self.webhooks.requests

    @property
    def problems(self) -> list[CallProblem]:
        """Everything that Twilio's debugger would show, in order of time."""
        streams = (problem for stream in self.streams for problem in stream.problems)
        theirs = (CallProblem(p.at_s, p.code, p.reason) for p in streams)
        return sorted((*self._problems, *theirs), key=lambda problem: problem.at_s)

    @property
    def stream(self) -> MediaStream | None:
        """The media stream that runs now."""
        last = self.streams[-1] if self.streams else None
        return last if last is not None and last.end is None else None

    @property
    def said(self) -> list[str]:
        """The texts of the `<Say>` verbs that were carried out."""
        return [run.verb.text for run in self.verbs if run.verb.name == "Say"]

    @property
    def dialed(self) -> list[str]:
        """The numbers (or other addresses) that were dialled, in order."""
        dials = [run.verb for run in self.verbs if run.verb.name == "Dial"]
        return [
            text for dial in dials for text in (dial.text, *(n.text for n in dial.nouns)) if text
        ]

    @property
    def over(self) -> bool:
        """Whether the call has ended, for whatever reason."""
        return self._ended.is_set()

    @property
    def hung_up(self) -> bool:
        """Whether one end has hung up."""
        return self._hung_up

    async def ended(self, timeout_s: float) -> CallStatus:
        """Wait until the call is over and return its final status.

        Raises:
            TimeoutError: it still goes on after `timeout_s`.
        """
        async with asyncio.timeout(timeout_s):
            await self._ended.wait()
        return self.status

    async def wait(self, seconds: float) -> None:
        """Wait, unless the call is disturbed first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.disturbed.wait()

    def hang_up(self) -> None:
        """End the call: the running stream gets `stop`."""
        self._hung_up = True
        self._disturb()

    def redirect(self, source: DocumentSource) -> None:
        """Leave what is running and go on with another document."""
        self.replacement = source
        self._disturb()

    def drop_stream(self) -> None:
        """Cut the media stream's connection without a word; the call itself goes on."""
        if self.stream is not None:
            self.stream.drop()

    def send_raw(self, message: str | bytes) -> None:
        """Send anything on the media stream: text as text, bytes as a binary frame."""
        if self.stream is not None:
            self.stream.send_raw(message)

    def reroute(self, local_url: str) -> None:
        """Let another server answer for the public address, as a load balancer would."""
        self.webhooks.routes.add(self.plan.public_url, local_url)

    def note(self, code: int, reason: str) -> None:
        """Enter a problem into the debugger."""
        self._problems.append(CallProblem(self.line.now_s(), code, reason))

    def finish(self, status: CallStatus) -> None:
        """Take the call to its final status; later ones are ignored."""
        if self.status not in FINAL:
            self.status = status
        self.line.end()
        self._ended.set()

    def request_params(self) -> dict[str, str]:
        """Return the parameters of a voice request, as the call stands now."""
        plan = self.plan
        params = {
            "AccountSid": plan.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": plan.call_sid,
            "CallStatus": str(self.status),
            "Called": plan.to,
            "CalledCity": "",
            "CalledCountry": "US",
            "CalledState": "",
            "CalledZip": "",
            "Caller": plan.from_,
            "CallerCity": "",
            "CallerCountry": "US",
            "CallerState": "",
            "CallerZip": "",
            "Direction": str(plan.direction),
            "From": plan.from_,
            "FromCity": "",
            "FromCountry": "US",
            "FromState": "",
            "FromZip": "",
            "To": plan.to,
            "ToCity": "",
            "ToCountry": "US",
            "ToState": "",
            "ToZip": "",
        }
        return params | dict(plan.extra_params or {})

    def _disturb(self) -> None:
        self.disturbed.set()
        if self.stream is not None:
            self.stream.stop()
