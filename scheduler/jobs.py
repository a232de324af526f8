"""Durable background jobs on PgQueuer: how they are written down, and how they are retried.

A job is a row in the same database, so it can be written in the transaction of the booking.
Source: PgQueuer 1.6, `Queries.enqueue`, `RetryRequested`, `on_failure="hold"`.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.errors import RetryRequested

from crm.errors import DatabaseError
from crm.pool import connection_of
from scheduler.calendar_sync import CalendarSync
from scheduler.errors import CalendarError

CALENDAR_SYNC = "calendar_sync"
# Bursts of writes to one calendar are throttled by Google, so all workers together do a few.
CALENDAR_CONCURRENCY = 4
INSTALL_DEADLINE_S = 30.0
# "vcjobs" in ASCII: any number that nothing else locks.
_INSTALL_LOCK = 0x76636A6F6273
_LOCK = "SELECT pg_advisory_lock($1)"
_UNLOCK = "SELECT pg_advisory_unlock($1)"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Back-off with jitter: the ceiling doubles from `first_s` to `longest_s`, `tries` in all.

    With the defaults the last try is made about three hours after the first.
    """

    tries: int = 50
    first_s: float = 1.0
    longest_s: float = 300.0

    def delay(self, attempt: int) -> timedelta:
        """Return how long to wait after failure number `attempt` (from 0)."""
        ceiling_s = min(self.longest_s, self.first_s * 2.0 ** min(attempt, 30))
        return timedelta(seconds=random.uniform(ceiling_s / 2, ceiling_s))


class JobQueue:
    """Writes jobs down; the tables are made on first use, so there is no step by hand."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._environment = QueryBuilderEnvironment()
        self._statements = QueryQueueBuilder()
        self._schedules = QuerySchedulerBuilder()
        self._is_installed = False
        self._installing = asyncio.Lock()

    async def install(self) -> None:
        """Make or upgrade PgQueuer's tables; any number of processes may do it at once.

        Raises:
            DatabaseError: the database failed.
        """
        async with self._installing:
            if self._is_installed:
                return
            async with connection_of(
                self._pool, "install the job queue", deadline_s=INSTALL_DEADLINE_S
            ) as conn:
                await conn.execute(_LOCK, _INSTALL_LOCK)
                try:
                    queries = self._queries(conn)
                    if await queries.schema_is_installed():
                        await queries.apply_upgrade()
                    else:
                        await queries.install()
                finally:
                    if not conn.is_closed():
                        await conn.execute(_UNLOCK, _INSTALL_LOCK)
            self._is_installed = True

    async def enqueue_calendar_sync(self, conn: asyncpg.Connection, appointment_id: int) -> None:
        """Write down that the calendar has to follow an appointment, in `conn`'s transaction.

        Call `install` when the process starts; without it the first job of the process does.
        """
        if not self._is_installed:
            await self.install()
        payload = json.dumps({"appointment_id": appointment_id}).encode()
        await self._queries(conn).enqueue(CALENDAR_SYNC, payload)

    async def replay_failed(self, limit: int = 1000) -> int:
        """Queue the dead letters again; return how many there were.

        Raises:
            DatabaseError: the database failed.
        """
        async with connection_of(self._pool, "replay failed jobs") as conn:
            queries = self._queries(conn)
            failed = await queries.list_failed_jobs(limit=limit)
            await queries.requeue_jobs([job.id for job in failed])
            return len(failed)

    def _queries(self, conn: asyncpg.Connection) -> Queries:
        # The builders read the environment when they are made, so one set serves every job.
        return Queries(
            AsyncpgDriver(conn),
            qbe=self._environment,
            qbq=self._statements,
            qbs=self._schedules,
        )


def register_calendar_sync(
    queue: PgQueuer, calendar: CalendarSync, policy: RetryPolicy | None = None
) -> None:
    """Let a worker do the calendar jobs.

    A job that cannot succeed, or has used up its tries, is kept with status `failed`.
    """
    retries = policy or RetryPolicy()

    async def run(job: Job) -> None:
        appointment_id = int(json.loads(job.payload or b"{}")["appointment_id"])
        try:
            await calendar.sync(appointment_id)
        except (CalendarError, DatabaseError) as error:
            if not error.retryable or job.attempts + 1 >= retries.tries:
                raise
            raise RetryRequested(retries.delay(job.attempts), str(error)) from error

    queue.entrypoint(CALENDAR_SYNC, concurrency_limit=CALENDAR_CONCURRENCY, on_failure="hold")(run)
