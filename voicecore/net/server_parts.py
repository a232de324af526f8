"""What the request handlers of the server share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from aiohttp import web

from voicecore.call_info import CallInfo
from voicecore.dialog.reminder import Reminder
from voicecore.net.calendar_files import CalendarFiles
from voicecore.net.call_cap import Admission, CallCap
from voicecore.net.early_reports import EarlyReports, tell
from voicecore.net.handovers import Handover, Handovers
from voicecore.net.live_calls import LiveCalls
from voicecore.net.phone_events import PhoneEvents
from voicecore.net.prepared_calls import PreparedCalls
from voicecore.net.session import CallSession
from voicecore.net.tasks import TaskSet
from voicecore.wire.twilio_signature import SignatureValidator

log = structlog.get_logger()

STREAM_PATH = "/media-stream"
ARRIVAL_S = 2.0
"""Longest that the records may take to note a call; nobody waits for it."""


class SessionMaker(Protocol):
    """Makes the session of a call, nothing opened yet."""

    def __call__(
        self, info: CallInfo, *, reminder: Reminder | None = None, handover: Handover | None = None
    ) -> CallSession:
        """`reminder`: why we placed the call; `handover`: what the agent goes on with."""
        ...


@dataclass(slots=True, kw_only=True)
class ServerParts:
    """One worker's state: settings that handlers need, and the calls it has.

    `public_base_url` has no slash at its end; `draining` refuses new calls; a media socket has
    `start_timeout_s` to send its `start`. `cap` counts the calls of all workers; None: no limit
    but `max_calls`, which is this worker's. Without `calendar_files` no link leads anywhere.
    `early` keeps reports of calls that are not known yet.
    """

    public_base_url: str
    transfer_number: str
    max_calls: int
    signatures: SignatureValidator
    live: LiveCalls
    prepared: PreparedCalls
    new_session: SessionMaker
    phone_events: PhoneEvents
    tasks: TaskSet
    cap: CallCap | None = None
    calendar_files: CalendarFiles | None = None
    early: EarlyReports | None = None
    handovers: Handovers = field(default_factory=Handovers)
    transfer_ring_s: int = 20
    draining: bool = False
    start_timeout_s: float = 5.0

    @property
    def is_full(self) -> bool:
        """Whether another call would be one too many."""
        return self.draining or len(self.live) + len(self.prepared) >= self.max_calls

    @property
    def stream_url(self) -> str:
        """The address of the media stream as the TwiML names it and Twilio signs it."""
        scheme, _, rest = self.public_base_url.partition("://")
        return f"{'ws' if scheme == 'http' else 'wss'}://{rest}{STREAM_PATH}"

    async def admit(self, call_sid: str) -> Admission:
        """Ask whether all workers together have room for this call."""
        return Admission.UNKNOWN if self.cap is None else await self.cap.admit(call_sid)

    def note_arrival(self, call: CallInfo) -> None:
        """Take a call down in the records; it does not wait for that."""
        self.tasks.spawn(self._note_arrival(call), name="note_arrival")

    async def _note_arrival(self, call: CallInfo) -> None:
        try:
            async with asyncio.timeout(ARRIVAL_S):
                # The records belong to another package: any of their errors is a value here.
                (failure,) = await asyncio.gather(self._take_down(call), return_exceptions=True)
        except TimeoutError as error:
            failure = error
        if isinstance(failure, BaseException):
            reason = type(failure).__name__
            log.warning("arrival_not_noted", call_sid=call.call_sid, reason=reason)

    async def _take_down(self, call: CallInfo) -> None:
        await self.phone_events.call_arrived(call)
        if self.early is not None:
            for report in await self.early.take(call.call_sid):
                await tell(self.phone_events, report)


PARTS = web.AppKey("parts", ServerParts)
