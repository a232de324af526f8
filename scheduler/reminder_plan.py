"""Finds whom to remind of tomorrow's appointments, and writes down one job for each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from crm.outbound import ReminderRow, due_reminders
from crm.phone import mask_phone
from crm.pool import connection_of
from scheduler.jobs import JobQueue
from scheduler.reminder_rules import Decision, ReminderRules, RingAt, WhyNot

log = logging.getLogger(__name__)

REMINDER_CALL = "reminder_call"
PLAN_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReminder:
    """One of tomorrow's appointments, and what will be done about it."""

    row: ReminderRow
    decision: Decision

    def line(self) -> str:
        """Return it in one line, with the number as logs may show it."""
        row = self.row
        phone = mask_phone(row.phone_e164) if row.phone_e164 else "-"
        who = f"{row.first_name} {row.last_name}".strip()
        what = f"appointment {row.appointment_id}, {row.start.isoformat(timespec='minutes')}"
        if isinstance(self.decision, WhyNot):
            return f"no    {phone}  {who}  {what}: {self.decision.value}"
        return f"call  {phone}  {who}  {what}: at {self.decision.at.isoformat(timespec='seconds')}"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, times in ISO 8601."""
        row = self.row
        found: dict[str, Any] = {
            "appointment_id": row.appointment_id,
            "version": row.version,
            "start": row.start.isoformat(),
            "service_code": row.service_code,
            "customer_id": row.customer_id,
            "name": f"{row.first_name} {row.last_name}".strip(),
            "phone_e164": row.phone_e164,
            "attempts": row.attempts,
        }
        if isinstance(self.decision, WhyNot):
            return found | {"call": False, "why_not": self.decision.name.lower()}
        return found | {"call": True, "at": self.decision.at.isoformat()}


async def preview_reminders(
    pool: asyncpg.Pool, rules: ReminderRules, now: datetime
) -> tuple[PlannedReminder, ...]:
    """Return every confirmed appointment of tomorrow with the decision on it; nothing is written.

    Raises:
        DatabaseError: the database failed.
    """
    begin, end = rules.tomorrow(now)
    async with connection_of(pool, "find reminders", deadline_s=PLAN_DEADLINE_S) as conn:
        rows = await due_reminders(conn, begin, end, now)
    return tuple(PlannedReminder(row=row, decision=rules.decide(row, now)) for row in rows)


class ReminderPlanner:
    """Writes the jobs down; run it as often as you like, an appointment has one job at a time."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        jobs: JobQueue,
        rules: ReminderRules,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._jobs = jobs
        self._rules = rules
        self._clock = clock

    async def run(self) -> int:
        """Write a job down for everybody who is to be rung; return how many are new.

        Raises:
            DatabaseError: the database failed; run it again.
        """
        now = self._clock()
        count = 0
        for planned in await preview_reminders(self._pool, self._rules, now):
            if isinstance(planned.decision, RingAt):
                count += await self._write_down(planned.row, planned.decision.at - now)
        if count:
            log.info("reminders_planned", extra={"count": count})
        return count

    async def _write_down(self, row: ReminderRow, run_after: timedelta) -> bool:
        async with connection_of(self._pool, "plan a reminder") as conn:
            return await enqueue_call(
                self._jobs, conn, row.appointment_id, row.version, run_after=run_after
            )


async def enqueue_call(
    jobs: JobQueue,
    conn: asyncpg.Connection,
    appointment_id: int,
    version: int,
    *,
    run_after: timedelta,
) -> bool:
    """Write the job of one call down in `conn`'s transaction; False: it waits already."""
    return await jobs.enqueue(
        conn,
        REMINDER_CALL,
        {"appointment_id": appointment_id, "version": version},
        dedupe_key=f"{REMINDER_CALL} {appointment_id} {version}",
        run_after=run_after,
    )
