"""Text messages as background jobs: written with the booking, sent once, sent again when refused.

The claim in `outbound_attempts` is what a repeated job finds: a message that was sent is not sent
again. Only a worker that dies between sending and noting it sends twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

import asyncpg

from crm.pool import connection_of
from scheduler.errors import SchedulerError
from scheduler.job_kind import JobKind, Payload, RetryPolicy
from scheduler.jobs import JobQueue

SMS = "sms"
# A confirmation that comes hours late helps nobody: about twenty minutes of tries.
SMS_RETRY = RetryPolicy(tries=8, first_s=5.0, longest_s=300.0)
SMS_CONCURRENCY = 10
CLAIM_DEADLINE_S = 5.0

_CLAIM = """
INSERT INTO outbound_attempts AS o (appointment_id, appointment_version, kind, phone_e164)
VALUES ($1, $2, $3, $4)
ON CONFLICT (appointment_id, kind, appointment_version) DO UPDATE
   SET updated_at = now(), attempt = least(o.attempt + 1, 20)
RETURNING attempt_id, status
"""
_DONE = "UPDATE outbound_attempts SET status = 'done', updated_at = now() WHERE attempt_id = $1"


class SmsNotSentError(SchedulerError):
    """The message was not sent; `retryable` says whether the same again can be."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason, retryable)
        self.reason = reason
        self.retryable = retryable

    def __str__(self) -> str:
        return f"SMS not sent: {self.reason}"


class SmsSender(Protocol):
    """Whoever sends a text message; the wiring gives it to the worker."""

    async def __call__(self, to_e164: str, body: str) -> None:
        """Send one message.

        Raises:
            SmsNotSentError: it was not taken.
        """
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
    run_after: timedelta | None = None,
) -> bool:
    """Write a message down in `conn`'s transaction; return False where it waits already.

    One appointment gets one message `about` a thing ("sms_confirmation") per version.
    """
    payload = {
        "appointment_id": appointment_id,
        "version": version,
        "about": about,
        "to": to_e164,
        "body": body,
    }
    key = f"{SMS} {about} {appointment_id} {version}"
    return await jobs.enqueue(conn, SMS, payload, dedupe_key=key, run_after=run_after)


def sms_kind(pool: asyncpg.Pool, send: SmsSender, *, retries: RetryPolicy | None = None) -> JobKind:
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
        if claim["status"] == "done":
            return
        await send(payload["to"], payload["body"])
        async with connection_of(pool, "note an SMS", deadline_s=CLAIM_DEADLINE_S) as conn:
            await conn.execute(_DONE, claim["attempt_id"])

    return JobKind(name=SMS, run=run, concurrency=SMS_CONCURRENCY, retries=retries or SMS_RETRY)
