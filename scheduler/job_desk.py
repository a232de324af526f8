"""A look at the queue: what waits, what failed for good and why, and once more from the start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import asyncpg
from pgqueuer.models import Job, Log
from pgqueuer.types import JobId

from crm.pool import connection_of
from scheduler.job_kind import Payload
from scheduler.jobs import JobQueue

LIST_LIMIT = 1000
HISTORY_LIMIT = 100
LOOK_DEADLINE_S = 10.0
STATUSES = ("failed", "queued", "picked")

_HASTEN = """
UPDATE pgqueuer SET execute_after = now()
WHERE entrypoint = $1 AND status = 'queued' AND attempts > 0 AND execute_after > now()
"""
_DELETE_FAILED = "DELETE FROM pgqueuer WHERE id = $1 AND status = 'failed'"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """One change of a job's status; `reason` is the error that caused it, if any."""

    at: datetime
    status: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job that waits (`queued`), runs (`picked`) or has failed for good (`failed`)."""

    job_id: int
    kind: str
    status: str
    attempts: int
    payload: Payload
    created: datetime
    run_after: datetime
    history: tuple[JobStep, ...] = ()

    @property
    def reason(self) -> str:
        """The last error; empty where there was none."""
        return next((step.reason for step in reversed(self.history) if step.reason), "")

    def line(self) -> str:
        """Return it in one line."""
        what = json.dumps(self.payload, sort_keys=True)
        return (
            f"{self.job_id}  {self.kind}  {self.status}, {self.attempts} retries, since "
            f"{self.created.isoformat(timespec='seconds')}  {what}  {self.reason}"
        ).rstrip()

    def lines(self) -> list[str]:
        """Return it with everything that happened to it."""
        steps = [
            f"  {step.at.isoformat(timespec='seconds')}  {step.status}  {step.reason}".rstrip()
            for step in self.history
        ]
        return [self.line(), *steps]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, times in ISO 8601."""
        found = asdict(self) | {"reason": self.reason}
        found["created"] = self.created.isoformat()
        found["run_after"] = self.run_after.isoformat()
        found["history"] = [
            {"at": step.at.isoformat(), "status": step.status, "reason": step.reason}
            for step in self.history
        ]
        return found


class JobDesk:
    """Reads the queue and sends dead letters again."""

    def __init__(self, pool: asyncpg.Pool, jobs: JobQueue | None = None) -> None:
        self._pool = pool
        self._jobs = jobs or JobQueue(pool)

    async def list_jobs(self, statuses: Sequence[str] = ("failed",)) -> tuple[JobRecord, ...]:
        """Return the jobs of these statuses with their last errors, at most 1000.

        Raises:
            DatabaseError: the database failed.
        """
        await self._jobs.install()
        async with connection_of(self._pool, "list jobs", deadline_s=LOOK_DEADLINE_S) as conn:
            queries = self._jobs.queries(conn)
            wanted: Any = list(statuses)
            found = await queries.browse_queue(limit=LIST_LIMIT, statuses=wanted)
            records = [
                _record(job, await queries.job_log_history(job.id, HISTORY_LIMIT)) for job in found
            ]
            return tuple(records)

    async def show(self, job_id: int) -> JobRecord | None:
        """Return one job with everything that happened to it; None: done, or never there.

        Raises:
            DatabaseError: the database failed.
        """
        await self._jobs.install()
        async with connection_of(self._pool, "show a job", deadline_s=LOOK_DEADLINE_S) as conn:
            queries = self._jobs.queries(conn)
            job = await queries.queue_job_by_id(JobId(job_id))
            if job is None:
                return None
            return _record(job, await queries.job_log_history(job.id, HISTORY_LIMIT))

    async def replay(self, job_ids: Sequence[int] | None = None, *, kind: str = "") -> int:
        """Queue dead letters again (all, or these, or of one kind); return how many.

        One whose twin is in the queue already goes away in its favour.

        Raises:
            DatabaseError: the database failed.
        """
        await self._jobs.install()
        count = 0
        async with connection_of(self._pool, "replay jobs", deadline_s=LOOK_DEADLINE_S) as conn:
            queries = self._jobs.queries(conn)
            for job in await queries.list_failed_jobs(limit=LIST_LIMIT):
                if job_ids is not None and job.id not in job_ids:
                    continue
                if kind and job.entrypoint != kind:
                    continue
                try:
                    await queries.requeue_jobs([job.id])
                except asyncpg.UniqueViolationError:
                    await conn.execute(_DELETE_FAILED, job.id)
                count += 1
        return count

    async def hasten(self, kind: str) -> None:
        """Let jobs of a kind that wait for their next try be tried now.

        Raises:
            DatabaseError: the database failed.
        """
        async with connection_of(self._pool, "hasten jobs", deadline_s=LOOK_DEADLINE_S) as conn:
            await conn.execute(_HASTEN, kind)


def _record(job: Job, logs: Sequence[Log]) -> JobRecord:
    return JobRecord(
        job_id=job.id,
        kind=job.entrypoint,
        status=job.status,
        attempts=job.attempts,
        payload=_read(job.payload),
        created=job.created,
        run_after=job.execute_after,
        history=tuple(
            JobStep(
                at=log.created,
                status=log.status,
                reason="" if log.traceback is None else _reason(log),
            )
            for log in logs
        ),
    )


def _reason(log: Log) -> str:
    assert log.traceback is not None, "asked only where there is one"
    context = log.traceback.additional_context or {}
    return str(context.get("reason") or log.traceback.exception_message)


def _read(payload: bytes | None) -> Payload:
    try:
        found = json.loads(payload or b"{}")
    except ValueError:
        return {"unreadable": True}
    return found if isinstance(found, dict) else {"unreadable": True}
