"""Calls between the voice webhook and their media stream.

The webhook mints a single-use ticket of 128 bits, bound to the CallSid; the stream must bring it
in a `<Parameter>`. Until then the session warms up; one that never connects is given back.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

import structlog

from voicecore.net.session import CallSession
from voicecore.net.tasks import TaskSet

log = structlog.get_logger()

TICKET_TTL_S = 60.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    session: CallSession
    expiry: asyncio.TimerHandle


class PreparedCalls:
    """The sessions that wait for their stream; one per CallSid at most."""

    def __init__(self, tasks: TaskSet, *, ttl_s: float = TICKET_TTL_S) -> None:
        self._tasks = tasks
        self._ttl_s = ttl_s
        self._waiting: dict[str, _Waiting] = {}
        self._ticket_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def ticket_for(self, call_sid: str) -> str | None:
        """The unused ticket of this call: a repeated webhook gets the same answer."""
        return self._ticket_of.get(call_sid)

    def add(self, session: CallSession) -> str:
        """Start warming `session` up; returns its ticket."""
        ticket = secrets.token_urlsafe(16)
        expiry = asyncio.get_running_loop().call_later(self._ttl_s, self._expire, ticket)
        self._waiting[ticket] = _Waiting(session, expiry)
        self._ticket_of[session.info.call_sid] = ticket
        session.prepare()
        return ticket

    def take(self, ticket: str, call_sid: str) -> CallSession | None:
        """Redeem a ticket, once, for the call that it was made for; None for any other."""
        waiting = self._waiting.get(ticket)
        if waiting is None or waiting.session.info.call_sid != call_sid:
            return None
        self._forget(ticket, waiting)
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
            await waiting.session.discard()

    def _forget(self, ticket: str, waiting: _Waiting) -> None:
        waiting.expiry.cancel()
        del self._waiting[ticket]
        self._ticket_of.pop(waiting.session.info.call_sid, None)

    def _expire(self, ticket: str) -> None:
        waiting = self._waiting.get(ticket)
        if waiting is not None:
            self._forget(ticket, waiting)
            log.info("stream_never_came", call_sid=waiting.session.info.call_sid)
            self._tasks.spawn(waiting.session.discard(), name="discard_prepared_call")
