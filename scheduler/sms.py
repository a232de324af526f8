"""Text messages as background jobs: written down in a transaction, sent once.

The row in `outbound_attempts` is what a repeated job finds. A message whose sending was begun
before, by a worker that died or got no answer, is looked for at Twilio by its words before it is
sent again: the words hold the appointment's own link, so they are of one message only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import asyncpg

from crm.do_not_call import has_stopped_texts
from crm.phone import mask_phone
from crm.pool import connection_of, transaction_of
from scheduler.dialer import DialOutcome
from scheduler.errors import SchedulerError
from scheduler.job_kind import JobKind, Payload, PostponedError, RetryPolicy
from scheduler.jobs import JobQueue

SMS = "sms"
# A confirmation that comes hours late helps nobody: about twenty minutes of tries.
SMS_RETRY = RetryPolicy(tries=8, first_s=5.0, longest_s=300.0)
SMS_CONCURRENCY = 10
CLAIM_DEADLINE_S = 5.0
# By then a message that was taken can be looked up.
SETTLE = timedelta(seconds=15)

_CLAIM = """
INSERT INTO outbound_attempts AS o (appointment_id, appointment_version, kind, phone_e164)
VALUES ($1, $2, $3, $4)
ON CONFLICT (appointment_id, kind, appointment_version) DO UPDATE
   SET updated_at = now(), attempt = least(o.attempt + 1, 20)
RETURNING attempt_id, status, attempt
"""
_DONE = """
UPDATE outbound_attempts SET status = $2, outcome = $3, message_sid = $4, updated_at = now()
 WHERE attempt_id = $1
"""
# A report may have been faster; it then stays.
_KEEP_MESSAGE = """
INSERT INTO text_messages (message_sid, direction, to_e164, body, status, appointment_id)
VALUES ($1, 'outbound', $2, $3, 'queued', $4)
ON CONFLICT (message_sid) DO UPDATE
   SET to_e164 = EXCLUDED.to_e164, body = EXCLUDED.body, appointment_id = EXCLUDED.appointment_id
"""
_IS_DONE = """
SELECT EXISTS (SELECT FROM outbound_attempts
                WHERE appointment_id = $1 AND appointment_version = $2 AND kind = $3
                  AND status IN ('done', 'failed'))
"""


class SmsNotSentError(SchedulerError):
    """The message was not sent; `retryable` says whether the same again can be."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason, retryable)
        self.reason = reason
        self.retryable = retryable

    def __str__(self) -> str:
        return f"SMS not sent: {self.reason}"


class Texter(Protocol):
    """Whoever sends text messages through the gate; the wiring gives it to the worker."""

    def admits(self, to_e164: str) -> bool:
        """Say whether the gate is open for a number."""
        ...

    async def text(self, to_e164: str, body: str) -> DialOutcome:
        """Send one message."""
        ...

    async def texts_to(self, to_e164: str) -> dict[str, str] | None:
        """Return the words of our latest messages to a number by SID; None: no answer."""
        ...


async def enqueue_sms(
    jobs: JobQueue,
    conn: asyncpg.Connection,
    *,
    appointment_id: int,
    version: int,
    about: str,
    to_e164: str,
    body: str,
    admits: Callable[[str], bool],
    run_after: timedelta | None = None,
) -> bool:
    """Write a message down in `conn`'s transaction; return False where it waits or was sent.

    One appointment gets one message `about` a thing ("sms_confirmation") per version.

    Raises:
        SmsNotSentError: the gate is shut for this number, or it has sent STOP.
    """
    if not admits(to_e164):
        raise SmsNotSentError("the number is not on the allow-list", retryable=False)
    if await has_stopped_texts(conn, to_e164):
        raise SmsNotSentError("the number has sent STOP", retryable=False)
    if await conn.fetchval(_IS_DONE, appointment_id, version, about):
        return False
    payload = {
        "appointment_id": appointment_id,
        "version": version,
        "about": about,
        "to": to_e164,
        "body": body,
    }
    key = f"{SMS} {about} {appointment_id} {version}"
    return await jobs.enqueue(conn, SMS, payload, dedupe_key=key, run_after=run_after)


def sms_kind(
    pool: asyncpg.Pool,
    texter: Texter,
    *,
    retries: RetryPolicy | None = None,
    settle: timedelta = SETTLE,
) -> JobKind:
    """Return the kind of job that sends text messages."""

    async def run(payload: Payload, attempt: int) -> None:
        del attempt
        async with connection_of(pool, "claim an SMS", deadline_s=CLAIM_DEADLINE_S) as conn:
            claim = await conn.fetchrow(
                _CLAIM,
                payload["appointment_id"],
                payload["version"],
                payload["about"],
                payload["to"],
            )
            stopped = await has_stopped_texts(conn, payload["to"])
        if claim["status"] in ("done", "failed"):
            return
        if stopped or not texter.admits(payload["to"]):
            await _close(pool, claim["attempt_id"], payload, None, "not_allowed")
            return
        if claim["attempt"] > 1:
            sid = await _sent_before(texter, payload, settle)
            if sid is not None:
                await _close(pool, claim["attempt_id"], payload, sid, "sent")
                return
        outcome = await texter.text(payload["to"], payload["body"])
        if outcome.sid is not None:
            await _close(pool, claim["attempt_id"], payload, outcome.sid, "sent")
        elif outcome.unknown:
            raise PostponedError(outcome.reason, settle)
        else:
            if not outcome.retryable:
                await _close(pool, claim["attempt_id"], payload, None, "refused")
            raise SmsNotSentError(outcome.reason, retryable=outcome.retryable)

    return JobKind(name=SMS, run=run, concurrency=SMS_CONCURRENCY, retries=retries or SMS_RETRY)


async def _sent_before(texter: Texter, payload: Payload, settle: timedelta) -> str | None:
    sent = await texter.texts_to(payload["to"])
    if sent is None:
        number = mask_phone(payload["to"])
        raise PostponedError(f"the messages to {number} cannot be looked up", settle)
    return next((sid for sid, body in sent.items() if body == payload["body"]), None)


async def _close(
    pool: asyncpg.Pool, attempt_id: int, payload: Payload, sid: str | None, outcome: str
) -> None:
    async with transaction_of(pool, "note an SMS", deadline_s=CLAIM_DEADLINE_S) as conn:
        if sid is not None:
            await conn.execute(
                _KEEP_MESSAGE, sid, payload["to"], payload["body"], payload["appointment_id"]
            )
        status = "done" if sid is not None else "failed"
        await conn.execute(_DONE, attempt_id, status, outcome, sid)
