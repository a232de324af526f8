"""A worker does the background jobs; any number of them share one database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import Schedule

from crm.errors import DatabaseError
from crm.pool import close_pool, connection_of, open_pool
from scheduler.booking import OnChange
from scheduler.busy_cache import BusyCache
from scheduler.calendar_gate import CalendarGate
from scheduler.calendar_jobs import CALENDAR_CONCURRENCY, RECONCILE, calendar_kinds
from scheduler.calendar_sync import CalendarSync
from scheduler.desk import ServiceDesk
from scheduler.dialer import Dialer
from scheduler.google_calendar import GoogleCalendar
from scheduler.housekeeping import (
    HOLDS_SWEEPER,
    RETENTION,
    holds_sweeper_kind,
    retention_kind,
)
from scheduler.job_desk import JobDesk
from scheduler.job_kind import JobKind, RetryPolicy
from scheduler.jobs import CALENDAR_SYNC, JobQueue
from scheduler.reconcile import DAYS_AHEAD, Reconciler
from scheduler.reminder_call import ReminderCaller
from scheduler.reminder_jobs import REMINDER_SCHEDULE, reminder_kinds
from scheduler.reminder_plan import ReminderPlanner
from scheduler.reminder_result import ReminderResults
from scheduler.reminder_rules import ReminderRules
from scheduler.sms import Texter, sms_kind
from scheduler.staff_moves import StaffMoves

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
KEEP_CALLS_DAYS = 365
DATABASE_LOST = (
    DatabaseError,
    FailingListenerError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What a connection says that is cut off while it is being used.
    asyncpg.InternalClientError,
    OSError,
)
# Times of cron, in UTC: which kind of job is written down when.
SCHEDULE = {
    HOLDS_SWEEPER: "* * * * *",
    RECONCILE: "*/2 * * * *",
    RETENTION: "17 3 * * *",
    **REMINDER_SCHEDULE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What a worker does besides pushing bookings, and how.

    `on_change` runs in the transaction of a move that staff made in the calendar, besides the
    calendar's own job. `holidays` None are those of the United States. Without a `texter` text
    messages wait for another worker, and so do reminder calls without a `dialer`;
    `reminder_attempts` is how often one that nobody answers is made. `invites` makes customers
    guests of their event. `schedule` maps kinds of jobs to times of cron.
    """

    on_change: Callable[[JobQueue], OnChange] | None = None
    texter: Texter | None = None
    dialer: Dialer | None = None
    reminder_attempts: int = 1
    holidays: Container[date] | None = None
    invites: bool = False
    days_ahead: int = DAYS_AHEAD
    keep_calls_days: int = KEEP_CALLS_DAYS
    calendar_concurrency: int = CALENDAR_CONCURRENCY
    schedule: dict[str, str] = field(default_factory=lambda: dict(SCHEDULE))


async def run_worker(
    dsn: str,
    *,
    zone: ZoneInfo,
    calendar: GoogleCalendar | None,
    stop: asyncio.Event | None = None,
    retry: RetryPolicy | None = None,
    takeover_s: float = TAKEOVER_S,
    duties: Duties | None = None,
    gate: CalendarGate | None = None,
) -> None:
    """Do jobs until `stop` is set or the task is cancelled; running jobs are finished on `stop`.

    It outlives the database: while that is gone, it tries again with growing pauses. Calendar jobs
    that wait or have failed for good are tried at once at the start, as people restart a worker
    once they have mended a setting. Without a calendar its jobs wait.
    """
    stop = stop or asyncio.Event()
    worker = _Worker(
        dsn, zone, calendar, stop, retry, takeover_s, duties or Duties(), gate or CalendarGate()
    )
    loop = asyncio.get_running_loop()
    pause_s = RESTART_S
    while not stop.is_set():
        begun = loop.time()
        try:
            await worker.work()
        except* DATABASE_LOST as lost:
            names = sorted({type(error).__name__ for error in lost.exceptions})
            log.warning("worker_lost_database", extra={"reason": ", ".join(names)})
        pause_s = RESTART_S if loop.time() - begun > RESTART_LONGEST_S else pause_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stop.wait()
        pause_s = min(2 * pause_s, RESTART_LONGEST_S)


@dataclass(slots=True)
class _Worker:
    """One process's worker, from one loss of the database to the next."""

    dsn: str
    zone: ZoneInfo
    calendar: GoogleCalendar | None
    stop: asyncio.Event
    retry: RetryPolicy | None
    takeover_s: float
    duties: Duties
    gate: CalendarGate
    has_replayed: bool = False

    async def work(self) -> None:
        """Do jobs until `stop`, or until the database is lost."""
        pool = await open_pool(self.dsn, max_size=POOL_SIZE)
        try:
            jobs = JobQueue(pool)
            await jobs.install()
            if not self.has_replayed:
                await JobDesk(pool, jobs).replay(kind=CALENDAR_SYNC)
                await JobDesk(pool, jobs).hasten(CALENDAR_SYNC)
                self.has_replayed = True
            queue = PgQueuer.from_asyncpg_pool(pool)
            kinds = self._kinds(pool, jobs)
            for kind in kinds:
                kind.register(queue)
            self._plan(queue, pool, jobs, frozenset(kind.name for kind in kinds))
            async with asyncio.TaskGroup() as tasks:
                watcher = tasks.create_task(self._pass_on(queue))
                if queue.sm.registry:
                    # Without an entry it would ask an empty table every second.
                    tasks.create_task(queue.sm.run())
                await queue.qm.run(
                    dequeue_timeout=timedelta(seconds=POLL_S),
                    batch_size=BATCH,
                    shutdown_on_listener_failure=True,
                    heartbeat_timeout=timedelta(seconds=self.takeover_s),
                )
                watcher.cancel()
        finally:
            await close_pool(pool)

    def _kinds(self, pool: asyncpg.Pool, jobs: JobQueue) -> list[JobKind]:
        duties = self.duties
        on_change: OnChange = jobs.enqueue_calendar_sync
        if duties.on_change is not None:
            on_change = duties.on_change(jobs)
        busy = None if self.calendar is None else BusyCache(self.calendar)
        desk = ServiceDesk(
            pool, zone=self.zone, busy=busy, on_change=on_change, holidays=duties.holidays
        )
        kinds = [holds_sweeper_kind(desk), retention_kind(pool, keep_days=duties.keep_calls_days)]
        if duties.texter is not None:
            kinds.append(sms_kind(pool, duties.texter))
        if duties.dialer is not None:
            kinds += self._reminder_kinds(pool, jobs, duties.dialer)
        if self.calendar is not None:
            sync = CalendarSync(
                pool,
                self.calendar,
                zone=self.zone,
                mover=StaffMoves(desk, busy),
                invites=duties.invites,
            )
            reconciler = Reconciler(pool, self.calendar, jobs, days_ahead=duties.days_ahead)
            kinds += calendar_kinds(
                sync,
                reconciler,
                self.gate,
                retries=self.retry,
                concurrency=duties.calendar_concurrency,
            )
        return kinds

    def _reminder_kinds(
        self, pool: asyncpg.Pool, jobs: JobQueue, dialer: Dialer
    ) -> tuple[JobKind, ...]:
        most = self.duties.reminder_attempts
        rules = ReminderRules(zone=self.zone, admits=dialer.admits, most_attempts=most)
        return reminder_kinds(
            ReminderPlanner(pool, jobs, rules),
            ReminderCaller(pool, dialer, rules),
            ReminderResults(pool, jobs, most_attempts=most, dialer=dialer),
        )

    def _plan(
        self, queue: PgQueuer, pool: asyncpg.Pool, jobs: JobQueue, known: frozenset[str]
    ) -> None:
        """Have jobs written down at their times; one of a kind at once, whoever's clock rings."""

        def ring(kind: str) -> Callable[[Schedule], Awaitable[None]]:
            async def write_down(schedule: Schedule) -> None:
                del schedule
                async with connection_of(pool, f"schedule {kind}") as conn:
                    await jobs.enqueue(conn, kind, {}, dedupe_key=kind)

            return write_down

        for kind, times in self.duties.schedule.items():
            if kind in known:
                queue.schedule(kind, times)(ring(kind))

    async def _pass_on(self, queue: PgQueuer) -> None:
        await self.stop.wait()
        self.gate.dismiss()
        queue.shutdown.set()
