"""Jobs that keep the database tidy: expired holds, calls that are kept too long, old job logs."""

from __future__ import annotations

from typing import Protocol

import asyncpg

from crm.pool import connection_of
from scheduler.job_kind import JobKind, Payload

HOLDS_SWEEPER = "holds_sweeper"
RETENTION = "retention"
# Short transactions: nobody who writes a call waits long.
BATCH = 500
BATCHES_LIMIT = 2000
BATCH_DEADLINE_S = 20.0
JOB_LOG_DAYS = 30

# The turns go with their call.
_DELETE_CALLS = """
WITH old AS (
    SELECT call_sid FROM calls
    WHERE coalesce(ended_at, started_at) < now() - make_interval(days => $1)
    ORDER BY call_sid LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM calls c USING old WHERE c.call_sid = old.call_sid
"""
_DELETE_STATES = """
WITH old AS (
    SELECT call_sid FROM call_state
    WHERE updated_at < now() - make_interval(days => $1)
    ORDER BY call_sid LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM call_state s USING old WHERE s.call_sid = old.call_sid
"""
_DELETE_TEXTS = """
WITH old AS (
    SELECT message_sid FROM text_messages
    WHERE created_at < now() - make_interval(days => $1) AND NOT needs_human
    ORDER BY message_sid LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM text_messages m USING old WHERE m.message_sid = old.message_sid
"""
_DELETE_JOB_LOG = """
WITH old AS (
    SELECT l.id FROM pgqueuer_log l
    WHERE l.created < now() - make_interval(days => $1) AND l.aggregated
      AND NOT EXISTS (SELECT FROM pgqueuer q WHERE q.id = l.job_id)
    ORDER BY l.id LIMIT $2
)
DELETE FROM pgqueuer_log l USING old WHERE l.id = old.id
"""


class HoldKeeper(Protocol):
    """Whoever can remove expired holds, as the service desk."""

    async def expire_holds(self) -> int:
        """Remove holds that have expired; return how many."""
        ...


def holds_sweeper_kind(desk: HoldKeeper) -> JobKind:
    """Return the kind of job that frees what callers held and did not book."""

    async def run(payload: Payload, attempt: int) -> None:
        del payload, attempt
        await desk.expire_holds()

    return JobKind(name=HOLDS_SWEEPER, run=run, concurrency=1)


def retention_kind(pool: asyncpg.Pool, *, keep_days: int) -> JobKind:
    """Return the kind of job that deletes calls and texts older than `keep_days`; 0: never.

    A text that waits for somebody of the shop stays.
    """

    async def run(payload: Payload, attempt: int) -> None:
        del payload, attempt
        if keep_days > 0:
            await delete_old(pool, _DELETE_CALLS, keep_days)
            await delete_old(pool, _DELETE_STATES, keep_days)
            await delete_old(pool, _DELETE_TEXTS, keep_days)
        await delete_old(pool, _DELETE_JOB_LOG, JOB_LOG_DAYS)

    return JobKind(name=RETENTION, run=run, concurrency=1)


async def delete_old(pool: asyncpg.Pool, statement: str, keep_days: int) -> int:
    """Run a deleting statement batch by batch; return how many rows are gone.

    Raises:
        DatabaseError: the database failed; what is gone stays gone.
    """
    total = 0
    for _ in range(BATCHES_LIMIT):
        async with connection_of(pool, "retention", deadline_s=BATCH_DEADLINE_S) as conn:
            deleted = int((await conn.execute(statement, keep_days, BATCH)).split()[-1])
        total += deleted
        if deleted < BATCH:
            break
    return total
