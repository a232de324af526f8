"""The background jobs of reminders: plan, call, write the result, pick up what was lost."""

from __future__ import annotations

from scheduler.job_kind import JobKind, Payload, RetryPolicy
from scheduler.reminder_call import ReminderCaller
from scheduler.reminder_plan import REMINDER_CALL, ReminderPlanner
from scheduler.reminder_result import REMINDER_RESULT, ReminderResults

REMINDER_PLAN = "reminder_plan"
REMINDER_SWEEP = "reminder_sweep"
# Times of cron, in UTC. Every hour, as what is booked today for tomorrow is reminded of as well.
REMINDER_SCHEDULE = {REMINDER_PLAN: "7 * * * *", REMINDER_SWEEP: "*/10 * * * *"}
CALL_CONCURRENCY = 4
# The day is over before these tries are; a call is decided anew at each.
CALL_RETRY = RetryPolicy(tries=50, first_s=5.0, longest_s=600.0)


def reminder_kinds(
    planner: ReminderPlanner, caller: ReminderCaller, results: ReminderResults
) -> tuple[JobKind, ...]:
    """Return the kinds of job that reminders need."""

    async def plan(payload: Payload, attempt: int) -> None:
        del payload, attempt
        await planner.run()

    async def call(payload: Payload, attempt: int) -> None:
        del attempt
        await caller.run(int(payload["appointment_id"]), int(payload["version"]))

    async def write(payload: Payload, attempt: int) -> None:
        await results.write(int(payload["attempt_id"]), attempt)

    async def sweep(payload: Payload, attempt: int) -> None:
        del payload, attempt
        await results.sweep()

    return (
        JobKind(name=REMINDER_PLAN, run=plan, concurrency=1),
        JobKind(name=REMINDER_CALL, run=call, concurrency=CALL_CONCURRENCY, retries=CALL_RETRY),
        JobKind(name=REMINDER_RESULT, run=write),
        JobKind(name=REMINDER_SWEEP, run=sweep, concurrency=1),
    )
