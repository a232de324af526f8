"""Places one reminder call, at most once whatever crashes: the row first, then Twilio.

Theory of operation. The attempt's row is committed before Twilio is asked, so a worker that finds
the row knows that a call may exist. It never dials then: it asks Twilio for calls to that number
since, takes over the one that is not ours yet, and only where there is none, long enough after
the request, dials again under the same row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from crm.outbound import (
    OpenAttempt,
    ReminderRow,
    bind_call,
    claim,
    close_attempt,
    dial_again,
    known_calls,
    open_attempt,
    reminder_row,
    seconds_until_turn,
)
from crm.pool import connection_of
from scheduler.dialer import Dialer, FoundCall
from scheduler.job_kind import PostponedError
from scheduler.reminder_rules import Decision, ReminderRules, WhyNot

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""Twilio places one call a second and lets the others wait.

Source: Twilio, Calls resource: rate limits of outbound calls.
"""
MOST_WAIT_S = 20.0
# Longer than a request with all its tries; by then a call that was made can be looked up.
SETTLE = timedelta(seconds=60)
# Twilio's clock and ours.
CLOCK_SKEW = timedelta(seconds=30)
LINE_BUSY = timedelta(minutes=10)
MOST_TRIES = 5


class ReminderCaller:
    """Rings customers about their appointments; one per worker."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        dialer: Dialer,
        rules: ReminderRules,
        *,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._pool = pool
        self._dialer = dialer
        self._rules = rules
        self._clock = clock or _now
        # A clock of the caller's own also paces the calls; else the database's does.
        self._has_own_clock = clock is not None

    async def run(self, appointment_id: int, version: int) -> None:
        """Ring about this version of an appointment, unless something speaks against it.

        Raises:
            PostponedError: not now; come back.
            DatabaseError: the database failed; repeating is safe.
        """
        async with connection_of(self._pool, "look for a call under way") as conn:
            attempt = await open_attempt(conn, appointment_id)
        if attempt is not None:
            await self._resume(attempt)
            return
        if await self._may_ring(appointment_id, version) is None:
            return
        await self._wait_for_turn()
        # While we waited, somebody may have called, cancelled or opted out, or the hour be over.
        row = await self._may_ring(appointment_id, version)
        attempt_id = None if row is None else await self._claim(row)
        if row is not None and attempt_id is not None:
            await self._dial(attempt_id, str(row.phone_e164))

    async def _may_ring(self, appointment_id: int, version: int) -> ReminderRow | None:
        now = self._clock()
        async with connection_of(self._pool, "look at a reminder") as conn:
            row = await reminder_row(conn, appointment_id, now)
        decision: Decision = WhyNot.CHANGED
        if row is not None and row.version == version:
            decision = self._rules.decide(row, now)
        if isinstance(decision, WhyNot):
            log.info(
                "reminder_not_called",
                extra={"appointment_id": appointment_id, "reason": decision.name.lower()},
            )
            return None
        if decision.at > now:
            raise PostponedError("it is too early or too late there", decision.at - now)
        return row

    async def _wait_for_turn(self) -> None:
        now = self._clock() if self._has_own_clock else None
        async with connection_of(self._pool, "wait for a turn to call") as conn:
            wait_s = await seconds_until_turn(conn, every_s=EVERY_S, now=now)
        if wait_s > MOST_WAIT_S:
            raise PostponedError("many calls are waiting", timedelta(seconds=wait_s))
        if not self._has_own_clock:
            await asyncio.sleep(wait_s)

    async def _claim(self, row: ReminderRow) -> int | None:
        try:
            async with connection_of(self._pool, "claim a call") as conn:
                return await claim(
                    conn, row, self._clock(), most_attempts=self._rules.most_attempts
                )
        except asyncpg.UniqueViolationError as error:
            raise PostponedError("this number's phone rings already", LINE_BUSY) from error

    async def _dial(self, attempt_id: int, phone_e164: str) -> None:
        outcome = await self._dialer.dial(phone_e164, attempt_id)
        extra = {"attempt_id": attempt_id, "reason": outcome.reason}
        if outcome.sid is not None:
            async with connection_of(self._pool, "note a call") as conn:
                await bind_call(conn, attempt_id, outcome.sid)
            log.info("reminder_called", extra={"attempt_id": attempt_id, "call_sid": outcome.sid})
        elif outcome.unknown or outcome.retryable:
            log.warning("reminder_call_unknown", extra=extra)
            raise PostponedError(outcome.reason, SETTLE)
        else:
            log.error("reminder_call_refused", extra=extra)
            await self._close(attempt_id, "failed", "refused")

    async def _resume(self, attempt: OpenAttempt) -> None:
        """Go on with a call that was asked for, and of which nobody knows whether it was made."""
        if attempt.call_sid is not None:
            return
        age = self._clock() - attempt.dialed_at
        if age < SETTLE:
            raise PostponedError("the call may still be on its way", SETTLE - age)
        found = await self._dialer.calls_to(attempt.phone_e164)
        if found is None:
            raise PostponedError("the call cannot be looked up", SETTLE)
        ours = await self._ours(found, since=attempt.claimed_at - CLOCK_SKEW)
        if ours is not None:
            async with connection_of(self._pool, "note a call") as conn:
                await bind_call(conn, attempt.attempt_id, ours)
            log.info("reminder_found", extra={"attempt_id": attempt.attempt_id, "call_sid": ours})
        elif attempt.tries >= MOST_TRIES:
            await self._close(attempt.attempt_id, "failed", "unreachable")
        else:
            await self._again(attempt)

    async def _ours(self, found: Sequence[FoundCall], *, since: datetime) -> str | None:
        """Return the oldest call since then that belongs to no attempt yet."""
        recent = [one for one in found if one.created_at is None or one.created_at >= since]
        async with connection_of(self._pool, "tell calls apart") as conn:
            known = await known_calls(conn, [one.call_sid for one in recent])
        left = [one for one in recent if one.call_sid not in known]
        left.sort(key=lambda one: one.created_at or since)
        return left[0].call_sid if left else None

    async def _again(self, attempt: OpenAttempt) -> None:
        now = self._clock()
        async with connection_of(self._pool, "look at a reminder") as conn:
            row = await reminder_row(conn, attempt.appointment_id, now)
        assert row is not None, "an attempt has an appointment"
        # As if it had not been tried: it has not, as we know now.
        recent = row.recent_calls - row.attempts
        decision = self._rules.decide(replace(row, attempt_status=None, recent_calls=recent), now)
        if isinstance(decision, WhyNot) or row.version != attempt.appointment_version:
            await self._close(attempt.attempt_id, "failed", "not_called")
            return
        if decision.at > now:
            raise PostponedError("it is too early or too late there", decision.at - now)
        await self._wait_for_turn()
        async with connection_of(self._pool, "call again") as conn:
            is_mine = await dial_again(conn, attempt, self._clock())
        if is_mine:
            await self._dial(attempt.attempt_id, attempt.phone_e164)

    async def _close(self, attempt_id: int, status: str, outcome: str) -> None:
        async with connection_of(self._pool, "close a call") as conn:
            await close_attempt(conn, attempt_id, status=status, outcome=outcome, now=self._clock())


def _now() -> datetime:
    return datetime.now(UTC)
