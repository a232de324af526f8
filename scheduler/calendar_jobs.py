"""The calendar's background jobs: push one appointment, put one back, compare all."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from scheduler.calendar_gate import CalendarGate
from scheduler.calendar_sync import CalendarSync
from scheduler.calendar_trouble import Trouble, trouble_of
from scheduler.errors import CalendarError
from scheduler.job_kind import JobKind, Payload, PostponedError, RetryPolicy
from scheduler.jobs import CALENDAR_SYNC
from scheduler.reconcile import Reconciler

RECONCILE = "reconcile"
# Bursts of writes to one calendar are throttled by Google, so all workers together do a few.
CALENDAR_CONCURRENCY = 4
# Short, as the gate keeps jobs away while Google is gone; bounds how long the calendar lags behind.
CALENDAR_RETRY = RetryPolicy(first_s=0.5, longest_s=3.0)
CONFLICT_STEPS = 2


def calendar_kinds(
    sync: CalendarSync,
    reconciler: Reconciler,
    gate: CalendarGate,
    *,
    retries: RetryPolicy | None = None,
    concurrency: int = CALENDAR_CONCURRENCY,
) -> tuple[JobKind, ...]:
    """Return the kinds of job that need a calendar.

    As long as waiting, or somebody who mends the account, can help, a job comes back for ever.
    """
    policy = retries or CALENDAR_RETRY

    async def through_gate(work: Callable[[], Awaitable[object]], attempt: int) -> None:
        try:
            async with gate.passage():
                await work()
        except CalendarError as error:
            delay = _delay(error, attempt, policy, gate.account_pause_s)
            if delay is None:
                raise
            raise PostponedError(str(error), delay) from error

    async def push(payload: Payload, attempt: int) -> None:
        step = sync.restore if payload.get("restore") else sync.sync
        await through_gate(partial(step, int(payload["appointment_id"])), attempt)

    async def compare(payload: Payload, attempt: int) -> None:
        del payload
        await through_gate(reconciler.run, attempt)

    return (
        JobKind(name=CALENDAR_SYNC, run=push, concurrency=concurrency, retries=policy),
        JobKind(name=RECONCILE, run=compare, concurrency=1, retries=policy),
    )


def _delay(
    error: CalendarError, attempt: int, policy: RetryPolicy, account_pause_s: float
) -> timedelta | None:
    """Return when to come back; None: coming back will not help."""
    match trouble_of(error):
        case Trouble.REFUSED:
            return None
        case Trouble.ACCOUNT:
            return timedelta(seconds=random.uniform(account_pause_s, 2 * account_pause_s))
        case Trouble.CONFLICT:
            return policy.delay(min(attempt, CONFLICT_STEPS))
        case _:
            return policy.delay(attempt)
