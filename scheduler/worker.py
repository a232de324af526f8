"""A worker does the background jobs; any number of them share one database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from zoneinfo import ZoneInfo

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.errors import FailingListenerError

from crm.errors import DatabaseError
from crm.pool import close_pool, open_pool
from scheduler.calendar_sync import CalendarSync, EventStore
from scheduler.jobs import JobQueue, RetryPolicy, register_calendar_sync

log = logging.getLogger(__name__)

# One connection listens, one per running job holds its lock, the rest serve the queue.
POOL_SIZE = 10
# Upper bound of a poll; notifications wake the worker sooner.
POLL_S = 2.0
BATCH = 10
# A job whose worker has died is taken over by another one after this long.
TAKEOVER_S = 30.0
RESTART_S = 1.0
RESTART_LONGEST_S = 30.0
DATABASE_LOST = (
    DatabaseError,
    FailingListenerError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
)


async def run_worker(
    dsn: str,
    *,
    zone: ZoneInfo,
    calendar: EventStore | None,
    stop: asyncio.Event | None = None,
    retry: RetryPolicy | None = None,
    takeover_s: float = TAKEOVER_S,
) -> None:
    """Do jobs until `stop` is set or the task is cancelled; running jobs are finished on `stop`.

    It outlives the database: while that is gone, it tries again with growing pauses. Jobs that had
    failed for good are tried once more at the start, as their cause (a revoked token, a wrong
    setting) is what people restart a worker for. Without a calendar its jobs wait.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    pause_s = RESTART_S
    is_first = True
    while not stop.is_set():
        begun = loop.time()
        try:
            await _work(dsn, zone, calendar, stop, retry, takeover_s, replay=is_first)
            is_first = False
        except* DATABASE_LOST as lost:
            names = sorted({type(error).__name__ for error in lost.exceptions})
            log.warning("worker_lost_database", extra={"reason": ", ".join(names)})
        pause_s = RESTART_S if loop.time() - begun > RESTART_LONGEST_S else pause_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stop.wait()
        pause_s = min(2 * pause_s, RESTART_LONGEST_S)


async def _work(
    dsn: str,
    zone: ZoneInfo,
    calendar: EventStore | None,
    stop: asyncio.Event,
    retry: RetryPolicy | None,
    takeover_s: float,
    *,
    replay: bool,
) -> None:
    pool = await open_pool(dsn, max_size=POOL_SIZE)
    try:
        jobs = JobQueue(pool)
        await jobs.install()
        if replay:
            await jobs.replay_failed()
        queue = PgQueuer.from_asyncpg_pool(pool)
        if calendar is not None:
            register_calendar_sync(queue, CalendarSync(pool, calendar, zone=zone), retry)
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(_pass_on(stop, queue.qm.shutdown))
            # Only the queue manager: an empty cron table would be polled every second.
            await queue.qm.run(
                dequeue_timeout=timedelta(seconds=POLL_S),
                batch_size=BATCH,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=timedelta(seconds=takeover_s),
            )
            watcher.cancel()
    finally:
        await close_pool(pool)


async def _pass_on(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stop.wait()
    shutdown.set()
