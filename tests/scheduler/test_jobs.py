"""The queue: keys, times, tries, dead letters; and the jobs that are not the calendar's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pgqueuer import PgQueuer

from crm.errors import DatabaseError
from scheduler.errors import CalendarError, SchedulerError, ScheduleUnavailableError
from scheduler.housekeeping import RETENTION, holds_sweeper_kind, retention_kind
from scheduler.job_desk import JobDesk
from scheduler.job_kind import JobKind, Payload, PostponedError, RetryPolicy
from scheduler.jobs import JobQueue
from scheduler.sms import SmsNotSentError
from scheduler.worker import Duties, run_worker
from tests.scheduler.conftest import NINE, SERVICE, ZONE, ShopFloor
from tests.scheduler.test_worker import drained, pending, until

QUICK = RetryPolicy(tries=3, first_s=0.02, longest_s=0.05)


@asynccontextmanager
async def doing(floor: ShopFloor, *kinds: JobKind) -> AsyncIterator[None]:
    """Do jobs of these kinds beside the block."""
    queue = PgQueuer.from_asyncpg_pool(floor.pool)
    for kind in kinds:
        kind.register(queue)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(queue.qm.run(dequeue_timeout=timedelta(seconds=0.1)))
        try:
            yield
        finally:
            queue.shutdown.set()


async def enqueue(floor: ShopFloor, jobs: JobQueue, kind: str, **options: Any) -> bool:
    async with floor.pool.acquire() as conn:
        return await jobs.enqueue(conn, kind, {"n": 1}, **options)


async def test_of_jobs_with_one_key_one_waits_at_a_time(floor: ShopFloor, jobs: JobQueue) -> None:
    assert await enqueue(floor, jobs, "greet", dedupe_key="a")
    assert not await enqueue(floor, jobs, "greet", dedupe_key="a")
    assert await enqueue(floor, jobs, "greet", dedupe_key="b")
    assert await enqueue(floor, jobs, "greet") and await enqueue(floor, jobs, "greet")
    assert await pending(floor) == 4


async def test_a_job_of_a_transaction_that_fails_was_never_there(
    floor: ShopFloor, jobs: JobQueue
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with floor.pool.acquire() as conn, conn.transaction():
            await jobs.enqueue(conn, "greet", {})
            raise ZeroDivisionError
    assert await pending(floor) == 0


async def test_a_job_waits_for_its_time(floor: ShopFloor, jobs: JobQueue) -> None:
    done: list[Payload] = []

    async def run(payload: Payload, attempt: int) -> None:
        done.append({**payload, "attempt": attempt})

    await enqueue(floor, jobs, "greet", run_after=timedelta(hours=1))
    await enqueue(floor, jobs, "greet", run_after=timedelta(milliseconds=50))
    async with doing(floor, JobKind(name="greet", run=run)):
        await until(lambda: done)
        await asyncio.sleep(0.1)
    assert done == [{"n": 1, "attempt": 0}]
    assert await pending(floor, "queued") == 1


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (CalendarError("busy", retryable=True), 3),
        (CalendarError("bad", retryable=False), 1),
        (DatabaseError("look", "gone", retryable=True), 3),
        (ScheduleUnavailableError("look", "slow", unknown_outcome=False), 3),
        (KeyError("n"), 1),
    ],
)
async def test_a_job_is_tried_as_long_as_that_can_help_and_then_kept(
    floor: ShopFloor, jobs: JobQueue, error: Exception, tries: int
) -> None:
    seen: list[int] = []

    async def run(payload: Payload, attempt: int) -> None:
        seen.append(attempt)
        if len(seen) <= tries:
            raise error

    await enqueue(floor, jobs, "greet")
    desk = JobDesk(floor.pool, jobs)
    async with doing(floor, JobKind(name="greet", run=run, retries=QUICK)):
        await until(lambda: pending(floor, "failed"))
        assert seen == list(range(tries))
        (dead,) = await desk.list_jobs()
        assert (dead.kind, dead.payload, dead.status) == ("greet", {"n": 1}, "failed")
        assert str(error) in dead.reason
        assert await desk.replay([dead.job_id + 1]) == 0
        assert await desk.replay([dead.job_id]) == 1
        await until(lambda: drained(floor))
    assert seen == [*range(tries), 0]
    assert await desk.list_jobs() == ()
    assert await desk.show(dead.job_id) is None


async def test_a_postponed_job_comes_back_however_often(floor: ShopFloor, jobs: JobQueue) -> None:
    seen: list[int] = []

    async def run(payload: Payload, attempt: int) -> None:
        seen.append(attempt)
        if len(seen) < 6:
            raise PostponedError("not now", timedelta(milliseconds=10))

    await enqueue(floor, jobs, "greet")
    async with doing(floor, JobKind(name="greet", run=run, retries=QUICK)):
        await until(lambda: drained(floor))
    assert len(seen) == 6


async def test_a_look_at_a_job_shows_its_steps(floor: ShopFloor, jobs: JobQueue) -> None:
    async def run(payload: Payload, attempt: int) -> None:
        raise CalendarError("rate limit", retryable=attempt == 0)

    await enqueue(floor, jobs, "greet")
    await enqueue(floor, jobs, "other", run_after=timedelta(hours=1))
    async with doing(floor, JobKind(name="greet", run=run, retries=QUICK)):
        await until(lambda: pending(floor, "failed"))
    desk = JobDesk(floor.pool)
    (dead,) = await desk.list_jobs()
    shown = await desk.show(dead.job_id)
    assert shown is not None
    assert [step.status for step in shown.history][-1] == "failed"
    assert len([step for step in shown.history if "rate limit" in step.reason]) == 2
    assert shown.as_json()["reason"] == shown.reason
    kinds = [job.kind for job in await desk.list_jobs(("queued", "failed"))]
    assert sorted(kinds) == ["greet", "other"]


async def test_a_dead_letter_whose_twin_waits_goes_away_in_its_favour(
    floor: ShopFloor, jobs: JobQueue
) -> None:
    await enqueue(floor, jobs, "greet", dedupe_key="a")
    await floor.pool.execute("UPDATE pgqueuer SET status = 'failed'")
    await enqueue(floor, jobs, "greet", dedupe_key="a")
    assert await JobDesk(floor.pool).replay() == 1
    assert (await pending(floor, "queued"), await pending(floor)) == (1, 1)


async def test_the_sweeper_frees_what_callers_held_and_did_not_book(
    floor: ShopFloor, jobs: JobQueue
) -> None:
    desk = floor.desk(hold_ttl_s=0.01)
    outcome = await desk.hold(
        service_code=SERVICE, start=NINE, customer_id=1, vehicle_id=1, call_sid="CA1"
    )
    assert outcome.hold is not None
    await asyncio.sleep(0.05)
    await enqueue(floor, jobs, "holds_sweeper")
    async with doing(floor, holds_sweeper_kind(desk)):
        await until(lambda: drained(floor))
    assert await floor.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []


async def call(floor: ShopFloor, sid: str, days_ago: float) -> None:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    await floor.pool.execute(
        "INSERT INTO calls (call_sid, direction, started_at) VALUES ($1, 'inbound', $2)", sid, at
    )
    await floor.pool.execute(
        "INSERT INTO call_turns (call_sid, turn, role, text, at) VALUES ($1, 0, 'caller', 'x', $2)",
        sid,
        at,
    )
    await floor.pool.execute(
        "INSERT INTO call_state (call_sid, owner, owner_epoch, updated_at) VALUES ($1, 'w', 1, $2)",
        sid,
        at,
    )


@pytest.mark.parametrize(("keep_days", "left"), [(30, ["new"]), (0, ["new", "old"])])
async def test_calls_are_deleted_with_their_words_when_they_are_too_old(
    floor: ShopFloor,
    jobs: JobQueue,
    monkeypatch: pytest.MonkeyPatch,
    keep_days: int,
    left: Sequence[str],
) -> None:
    monkeypatch.setattr("scheduler.housekeeping.BATCH", 1)
    await call(floor, "new", 29)
    await call(floor, "old", 31)
    await floor.pool.execute(
        "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint, aggregated)"
        " VALUES (now() - interval '40 days', 999999, 'successful', 0, 'x', true)"
    )
    await enqueue(floor, jobs, RETENTION)
    async with doing(floor, retention_kind(floor.pool, keep_days=keep_days)):
        await until(lambda: drained(floor))
    for table in ("calls", "call_turns", "call_state"):
        rows = await floor.rows(f"SELECT call_sid FROM {table} ORDER BY 1")
        assert [row["call_sid"] for row in rows] == left
    assert await floor.rows("SELECT 1 FROM pgqueuer_log WHERE job_id = 999999") == []


async def test_what_the_clock_rings_for_is_done_once_by_two_workers(floor: ShopFloor) -> None:
    await call(floor, "old", 400)
    stop = asyncio.Event()
    duties = Duties(schedule={RETENTION: "* * * * * */1"}, keep_calls_days=30)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            worker = run_worker(floor.dsn, zone=ZONE, calendar=None, stop=stop, duties=duties)
            tasks.create_task(worker)
        await until(lambda: gone(floor))
        await asyncio.sleep(2.0)
        stop.set()
    rows = await floor.rows(
        "SELECT count(*) AS n, count(DISTINCT date_trunc('second', created)) AS seconds"
        " FROM pgqueuer_log WHERE entrypoint = 'retention' AND status = 'successful'"
    )
    assert 1 <= rows[0]["n"] <= rows[0]["seconds"] + 1


async def gone(floor: ShopFloor) -> bool:
    return await floor.rows("SELECT 1 FROM calls") == []


def test_only_errors_of_ours_are_retried() -> None:
    assert issubclass(SmsNotSentError, SchedulerError)
    assert str(SmsNotSentError("busy", retryable=True)) == "SMS not sent: busy"
