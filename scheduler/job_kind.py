"""One kind of background job: what is done, how many at once, and what happens when it fails.

Source: PgQueuer 1.6, `QueueManager.entrypoint`, `RetryRequested`, `on_failure="hold"`.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from pgqueuer import Job, PgQueuer
from pgqueuer.errors import RetryRequested

from crm.errors import DatabaseError
from scheduler.errors import SchedulerError, ScheduleUnavailableError

log = logging.getLogger(__name__)

Payload: TypeAlias = dict[str, Any]


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


class PostponedError(Exception):
    """The job could not be tried; it comes back after `delay` and that counts as no failure."""

    def __init__(self, reason: str, delay: timedelta) -> None:
        super().__init__(reason, delay)
        self.reason = reason
        self.delay = delay

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """How jobs called `name` are done; `concurrency` bounds them over all workers, 0: no bound.

    `run` may be called again for the same job, so it has to lead to the same result.
    """

    name: str
    run: Callable[[Payload, int], Awaitable[None]]
    concurrency: int = 0
    retries: RetryPolicy = field(default_factory=RetryPolicy)

    def register(self, queue: PgQueuer) -> None:
        """Let this worker do such jobs.

        One that cannot succeed, or has used up its tries, is kept with status `failed`.
        """

        async def do(job: Job) -> None:
            try:
                await self.run(json.loads(job.payload or b"{}"), job.attempts)
            except PostponedError as error:
                raise RetryRequested(error.delay, str(error)) from error
            except (SchedulerError, DatabaseError) as error:
                if not is_retryable(error) or job.attempts + 1 >= self.retries.tries:
                    extra = {"kind": self.name, "job_id": job.id, "reason": str(error)}
                    log.error("job_failed", extra=extra)
                    raise
                raise RetryRequested(self.retries.delay(job.attempts), str(error)) from error

        queue.entrypoint(self.name, concurrency_limit=self.concurrency, on_failure="hold")(do)


def is_retryable(error: SchedulerError | DatabaseError) -> bool:
    """Tell whether the same job can succeed later."""
    if isinstance(error, ScheduleUnavailableError):
        return True
    return bool(getattr(error, "retryable", False))
