"""Calls between the voice webhook and their media stream.

The webhook mints a single-use ticket of 128 bits, bound to the CallSid; the stream must bring it
in a `<Parameter>`. Until then the session warms up; one that never connects is given back.

The ticket stands in Redis too, so that the stream may come to another worker than the webhook did.
There the session begins cold, and the warm one is given back at its expiry. Redis decides who has
used a ticket; while it does not answer, the worker that made a ticket honours it alone, once.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
import structlog

from voicecore.call_info import Attestation, CallInfo
from voicecore.dialog.reminder import Reminder
from voicecore.net.session import CallSession
from voicecore.net.stream_tickets import TICKET_TTL_S, StreamTickets
from voicecore.net.tasks import TaskSet

log = structlog.get_logger()

TICKET_BYTES = 16
_TICKET = re.compile(r"[A-Za-z0-9_-]{22}\Z")

Remake = Callable[[CallInfo, Reminder | None], CallSession]
"""Makes the session of a call whose webhook came to another worker."""


@dataclass(slots=True)
class _Waiting:
    session: CallSession
    expiry: asyncio.TimerHandle
    is_shared: bool = False


class PreparedCalls:
    """The sessions that wait for their stream; one per CallSid at most."""

    def __init__(
        self,
        tasks: TaskSet,
        *,
        ttl_s: float = TICKET_TTL_S,
        tickets: StreamTickets | None = None,
        remake: Remake | None = None,
    ) -> None:
        self._tasks = tasks
        self._ttl_s = ttl_s
        self._tickets = tickets
        self._remake = remake
        self._waiting: dict[str, _Waiting] = {}
        self._ticket_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def call_sids(self) -> tuple[str, ...]:
        """The calls that wait for their stream."""
        return tuple(self._ticket_of)

    def ticket_for(self, call_sid: str) -> str | None:
        """The unused ticket of this call: a repeated webhook gets the same answer."""
        return self._ticket_of.get(call_sid)

    async def add(self, session: CallSession) -> str:
        """Start warming `session` up; returns its ticket."""
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        expiry = asyncio.get_running_loop().call_later(self._ttl_s, self._expire, ticket)
        waiting = _Waiting(session, expiry)
        self._waiting[ticket] = waiting
        self._ticket_of[session.info.call_sid] = ticket
        session.prepare()
        if self._tickets is not None:
            body = _body(session.info, session.reminder)
            waiting.is_shared = await self._tickets.put(session.info.call_sid, ticket, body)
        return ticket

    async def take(self, ticket: str, call_sid: str) -> CallSession | None:
        """Redeem a ticket, once, for the call that it was made for; None for any other."""
        waiting = self._waiting.get(ticket)
        if waiting is None:
            return await self._take_from_another(ticket, call_sid)
        if waiting.session.info.call_sid != call_sid:
            return None
        # At once: while Redis is asked, nobody else may have it.
        self._forget(ticket, waiting)
        if self._tickets is not None and waiting.is_shared:
            body = await self._tickets.take(call_sid, ticket)
            if body is None and not self._tickets.is_down:
                log.warning("ticket_used_elsewhere", call_sid=call_sid)
                self._tasks.spawn(waiting.session.discard(), name="discard_prepared_call")
                return None
        return waiting.session

    def drop(self, call_sid: str) -> None:
        """Give back the session of a call that will not bring its stream any more."""
        ticket = self._ticket_of.get(call_sid)
        if ticket is not None:
            self._expire(ticket)

    async def close(self) -> None:
        """Give back every waiting session."""
        for ticket, waiting in tuple(self._waiting.items()):
            self._forget(ticket, waiting)
            await self._give_back(ticket, waiting)

    async def _take_from_another(self, ticket: str, call_sid: str) -> CallSession | None:
        if self._tickets is None or self._remake is None or not _TICKET.match(ticket):
            return None
        body = await self._tickets.take(call_sid, ticket)
        if body is None:
            return None
        try:
            info, reminder = _from_body(body)
        except (ValueError, TypeError, KeyError) as error:
            log.warning("ticket_unreadable", call_sid=call_sid, reason=type(error).__name__)
            return None
        session = self._remake(info, reminder)
        session.prepare()
        return session

    def _forget(self, ticket: str, waiting: _Waiting) -> None:
        waiting.expiry.cancel()
        del self._waiting[ticket]
        self._ticket_of.pop(waiting.session.info.call_sid, None)

    def _expire(self, ticket: str) -> None:
        waiting = self._waiting.get(ticket)
        if waiting is not None:
            self._forget(ticket, waiting)
            log.info("stream_never_came", call_sid=waiting.session.info.call_sid)
            self._tasks.spawn(self._give_back(ticket, waiting), name="discard_prepared_call")

    async def _give_back(self, ticket: str, waiting: _Waiting) -> None:
        if self._tickets is not None and waiting.is_shared:
            # Else another worker would still honour it.
            await self._tickets.take(waiting.session.info.call_sid, ticket)
        await waiting.session.discard()


def _body(info: CallInfo, reminder: Reminder | None) -> bytes:
    return orjson.dumps(
        {"call": asdict(info), "reminder": None if reminder is None else asdict(reminder)}
    )


def _from_body(body: str) -> tuple[CallInfo, Reminder | None]:
    value = orjson.loads(body)
    call = value["call"]
    call["started_at"] = datetime.fromisoformat(call["started_at"])
    call["attestation"] = Attestation(call["attestation"])
    reminder = value["reminder"]
    return CallInfo(**call), None if reminder is None else Reminder(**reminder)
