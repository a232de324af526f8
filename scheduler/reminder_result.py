"""What came of a reminder call, written back to its attempt and to the appointment.

Webhooks come in any order and twice, so they only have a job written down; the job reads all that
is known a little later and writes one result.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from crm.do_not_call import opt_out
from crm.outbound import (
    CallFacts,
    attempt_of_call,
    bind_call,
    call_facts,
    called_person,
    close_attempt,
    note_mailbox,
    stale_attempts,
)
from crm.phone_reports import PhoneReports
from crm.pool import connection_of, transaction_of
from scheduler.dialer import Dialer
from scheduler.job_kind import PostponedError
from scheduler.jobs import JobQueue
from scheduler.reminder_plan import enqueue_call

log = logging.getLogger(__name__)

REMINDER_RESULT = "reminder_result"
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
NO_CALLS_NOTE = "reminder: wants_no_calls"
NOBODY = frozenset({"busy", "no_answer"})
# The session writes its last words, and Twilio its verdict, within seconds of the hang-up.
SETTLE = timedelta(seconds=5)
MOST_WAITS = 6
CALL_AGAIN_AFTER = timedelta(hours=2)
STALE = timedelta(minutes=10)


def result_of(facts: CallFacts) -> str:
    """Return the result of a call that is over, in one word.

    confirmed, moved, cancelled, opted_out, wrong_person, voicemail, no_answer, busy, failed, or
    no_result where somebody answered and nothing came of it.
    """
    if facts.call_status in ("no-answer", "canceled"):
        return "no_answer"
    if facts.call_status in ("busy", "failed"):
        return facts.call_status
    stats = _stats(facts.stats)
    deeds, notes = stats.get("deeds"), stats.get("notes")
    said = [str(note) for note in notes] if isinstance(notes, list) else []
    if facts.opted_out or NO_CALLS_NOTE in said:
        return "opted_out"
    for deed in ("moved", "cancelled", "confirmed"):
        if isinstance(deeds, dict) and deeds.get(deed):
            return deed
    if "reminder: somebody_else" in said:
        return "wrong_person"
    if "reminder: machine" in said or (facts.answered_by or "").startswith(("machine", "fax")):
        return "voicemail"
    return "no_result"


class ReminderResults:
    """Follows reminder calls to their end; one per worker."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        jobs: JobQueue,
        *,
        most_attempts: int = 1,
        dialer: Dialer | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._jobs = jobs
        self._dialer = dialer
        self._most_attempts = most_attempts
        self._clock = clock

    async def call_status(self, call_sid: str, status: str) -> None:
        """Hear how far a call is; one that is over gets its result written soon.

        Raises:
            DatabaseError: the database failed; repeating is safe.
        """
        if status not in OVER:
            return
        async with connection_of(self._pool, "end of a reminder") as conn:
            attempt_id = await attempt_of_call(conn, call_sid)
            if attempt_id is not None:
                await self._enqueue(conn, attempt_id)

    async def person_called(self, call_sid: str, attempt_id: int) -> tuple[int, str, str] | None:
        """Return appointment, number and first name behind a call that was answered.

        None: no such attempt, or it has become another call. The webhook may be faster than the
        answer to the request that placed the call, so it counts as that answer.

        Raises:
            DatabaseError: the database failed; repeating is safe.
        """
        async with connection_of(self._pool, "who was called") as conn:
            await bind_call(conn, attempt_id, call_sid)
            return await called_person(conn, attempt_id, call_sid)

    async def answered_by(self, call_sid: str, verdict: str) -> None:
        """Hear who picked up; a mailbox gets one message after its beep, however often we hear it.

        Raises:
            DatabaseError: the database failed; repeating is safe.
        """
        if self._dialer is None or not verdict.startswith("machine_end"):
            return
        async with connection_of(self._pool, "leave a message") as conn:
            is_first = await note_mailbox(conn, call_sid)
        if is_first:
            left = await self._dialer.leave_message(call_sid)
            log.info("reminder_message", extra={"call_sid": call_sid, "left": left})

    async def write(self, attempt_id: int, waits: int) -> None:
        """Write the result of an attempt, and have another call made where nobody answered.

        Raises:
            PostponedError: the end of the call has not been written down yet.
            DatabaseError: the database failed; repeating is safe.
        """
        async with transaction_of(self._pool, "result of a reminder") as conn:
            facts = await call_facts(conn, attempt_id)
            if facts is None or facts.attempt_status not in ("dialing", "answered"):
                return
            if facts.call_status not in OVER:
                return
            is_talk = facts.call_status == "completed"
            if is_talk and facts.ended_at is None and waits < MOST_WAITS:
                raise PostponedError("the call's last words are not there yet", SETTLE)
            result = result_of(facts)
            if result == "opted_out":
                await opt_out(conn, facts.phone_e164, facts.call_sid)
            calls_again = result in NOBODY and facts.attempt < self._most_attempts
            await close_attempt(
                conn,
                attempt_id,
                status="claimed" if calls_again else "done",
                outcome=result,
                now=self._clock(),
            )
            if calls_again:
                await enqueue_call(
                    self._jobs,
                    conn,
                    facts.appointment_id,
                    facts.appointment_version,
                    run_after=CALL_AGAIN_AFTER,
                )
        log.info("reminder_result", extra={"attempt_id": attempt_id, "result": result})

    async def sweep(self) -> None:
        """Pick up calls whose end nobody has told us, and attempts that were never called.

        Raises:
            DatabaseError: the database failed; repeating is safe.
        """
        async with connection_of(self._pool, "find lost reminders") as conn:
            stale = await stale_attempts(conn, self._clock() - STALE)
        for attempt in stale:
            if attempt.call_sid is None:
                async with connection_of(self._pool, "call again") as conn:
                    await enqueue_call(
                        self._jobs,
                        conn,
                        attempt.appointment_id,
                        attempt.appointment_version,
                        run_after=timedelta(0),
                    )
            elif self._dialer is not None:
                await self._look_up(self._dialer, attempt.attempt_id, attempt.call_sid)

    async def _look_up(self, dialer: Dialer, attempt_id: int, call_sid: str) -> None:
        found = await dialer.find_call(call_sid)
        if found is None or not found.is_over:
            return
        at = found.created_at or self._clock()
        progress = _LookedUp(call_sid=call_sid, status=found.status, at=at)
        await PhoneReports(self._pool).call_status(progress)
        async with connection_of(self._pool, "end of a reminder") as conn:
            await self._enqueue(conn, attempt_id)

    async def _enqueue(self, conn: asyncpg.Connection, attempt_id: int) -> None:
        await self._jobs.enqueue(
            conn,
            REMINDER_RESULT,
            {"attempt_id": attempt_id},
            dedupe_key=f"{REMINDER_RESULT} {attempt_id}",
            run_after=SETTLE,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _LookedUp:
    """What a look-up tells of a call: that it is over, and how."""

    call_sid: str
    status: str
    at: datetime
    sequence: int | None = None
    from_e164: str | None = None
    to_e164: str | None = None
    duration_s: int | None = None
    answered_by: str = ""
    error_code: str = ""


def _stats(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
