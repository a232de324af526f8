"""Durable background jobs on PgQueuer: how they are written down.

A job is a row in the same database, so it can be written in the transaction of the booking.
Source: PgQueuer 1.6, `Queries.enqueue`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Queries
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)

from crm.pool import connection_of
from scheduler.job_kind import RetryPolicy

__all__ = ["CALENDAR_SYNC", "JobQueue", "RetryPolicy"]

CALENDAR_SYNC = "calendar_sync"
INSTALL_DEADLINE_S = 30.0
# "vcjobs" in ASCII: any number that nothing else locks.
_INSTALL_LOCK = 0x76636A6F6273
_LOCK = "SELECT pg_advisory_lock($1)"
_UNLOCK = "SELECT pg_advisory_unlock($1)"
_WANT_ENTRY = """
WITH wanted AS (
    INSERT INTO calendar_entries (appointment_id) VALUES ($1) ON CONFLICT DO NOTHING
)
SELECT version FROM appointments WHERE appointment_id = $1
"""


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
                    queries = self.queries(conn)
                    if await queries.schema_is_installed():
                        await queries.apply_upgrade()
                    else:
                        await queries.install()
                finally:
                    if not conn.is_closed():
                        await conn.execute(_UNLOCK, _INSTALL_LOCK)
            self._is_installed = True

    async def enqueue(
        self,
        conn: asyncpg.Connection,
        kind: str,
        payload: Mapping[str, object],
        *,
        dedupe_key: str | None = None,
        run_after: timedelta | None = None,
    ) -> bool:
        """Write a job down in `conn`'s transaction; return False where it was there already.

        Of jobs with one `dedupe_key` only one waits or runs at a time. `run_after` is the least
        time until the job is done. Call `install` when the process starts; without it the first
        job of the process does.
        """
        if not self._is_installed:
            await self.install()
        (job_id,) = await self.queries(conn).enqueue(
            kind,
            json.dumps(payload).encode(),
            execute_after=run_after,
            dedupe_key=dedupe_key,
            on_conflict="skip",
        )
        return job_id is not None

    async def enqueue_calendar_sync(self, conn: asyncpg.Connection, appointment_id: int) -> None:
        """Write down that the calendar has to follow an appointment, in `conn`'s transaction."""
        version = await conn.fetchval(_WANT_ENTRY, appointment_id)
        # A job that runs may have read the row already, so another version is another job.
        key = f"{CALENDAR_SYNC} {appointment_id} {version}"
        payload = {"appointment_id": appointment_id}
        await self.enqueue(conn, CALENDAR_SYNC, payload, dedupe_key=key)

    def queries(self, conn: asyncpg.Connection) -> Queries:
        """Return PgQueuer's statements over one connection."""
        # The builders read the environment when they are made, so one set serves every job.
        return Queries(
            AsyncpgDriver(conn),
            qbe=self._environment,
            qbq=self._statements,
            qbs=self._schedules,
        )
