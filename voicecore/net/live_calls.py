"""The calls that this worker serves now, and how the last ones ended."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from voicecore.call.events import HangupCause
from voicecore.net.session import CallSession

REMEMBERED_ENDS = 1000


class LiveCalls:
    """Registry of running sessions by CallSid."""

    def __init__(self) -> None:
        self._sessions: dict[str, CallSession] = {}
        self._ends: OrderedDict[str, HangupCause] = OrderedDict()
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, call_sid: str) -> bool:
        return call_sid in self._sessions

    @property
    def call_sids(self) -> tuple[str, ...]:
        """The calls that have their stream here now."""
        return tuple(self._sessions)

    def session(self, call_sid: str) -> CallSession | None:
        """The running session of a call."""
        return self._sessions.get(call_sid)

    def knows(self, call_sid: str) -> bool:
        """Whether this call has, or had, its stream here."""
        return call_sid in self._sessions or call_sid in self._ends

    def add(self, session: CallSession) -> None:
        """Note that `session` has its stream."""
        self._sessions[session.info.call_sid] = session
        self._empty.clear()
        if self._draining:
            session.shut_down()

    def remove(self, session: CallSession, cause: HangupCause) -> None:
        """Note that the stream of `session` is over."""
        call_sid = session.info.call_sid
        # A caller who was taken back has a new session while the old one still tidies up.
        if self._sessions.get(call_sid) is session:
            del self._sessions[call_sid]
        self._ends[call_sid] = cause
        while len(self._ends) > REMEMBERED_ENDS:
            self._ends.popitem(last=False)
        if not self._sessions:
            self._empty.set()

    def end_of(self, call_sid: str) -> HangupCause | None:
        """Why the stream of this call ended; None for a call of another worker.

        Known as soon as the end is decided: Twilio asks while the session still tidies up.
        """
        live = self._sessions.get(call_sid)
        return live.cause if live is not None else self._ends.get(call_sid)

    def stream_is_over(self, call_sid: str) -> None:
        """Tell the session of this call, if it has not noticed, that its stream has ended."""
        live = self._sessions.get(call_sid)
        if live is not None:
            live.stream_is_over()

    async def drain(self, limit_s: float) -> bool:
        """Ask every call to end at its next good moment; True when all did within `limit_s`.

        Calls that only now connect their stream are asked too.
        """
        self._draining = True
        for session in tuple(self._sessions.values()):
            session.shut_down()
        try:
            async with asyncio.timeout(limit_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
