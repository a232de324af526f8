"""A booking process of the race, which is killed without warning and replaced by a successor.

`children.py` runs it as `python -m bench.race.booking_process FOLDER LINE GENERATION`. A generation
after the first takes over what the killed ones of its line have left.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import asyncpg
import uvloop

from bench.race.caller import Caller
from bench.race.course import Course, read_courses
from bench.race.journal import SUFFIX, Journal, read_journals
from bench.race.operations import PATIENCE_S, RETRY_LONGEST_S, GivenUpError, JournaledDesk
from bench.race.plan import ZONE, RacePlan, Setup
from bench.race.process import stop_when_told
from crm.errors import DatabaseError
from crm.pool import close_pool, open_pool
from scheduler.desk import ServiceDesk
from scheduler.jobs import JobQueue


async def book(folder: Path, line: str, generation: str) -> None:
    """Run the callers of one process until the race is over."""
    setup = Setup.read(folder)
    plan = setup.plan
    stop = stop_when_told()
    left = _left_behind(folder, line)
    pool = await _open(setup.booking_dsn, plan.callers + 4)
    journal = Journal(folder / f"{line}-{generation}{SUFFIX}")
    try:
        jobs = JobQueue(pool)
        desk = JournaledDesk(_desk(pool, plan, jobs), journal)
        callers = [
            Caller(desk, plan, f"{line}-{generation}-{number}") for number in range(plan.callers)
        ]
        await asyncio.gather(
            *(
                caller.run(stop, left[number :: plan.callers])
                for number, caller in enumerate(callers)
            )
        )
    finally:
        journal.close()
        await close_pool(pool)


def _desk(pool: asyncpg.Pool, plan: RacePlan, jobs: JobQueue) -> ServiceDesk:
    return ServiceDesk(
        pool,
        zone=ZONE,
        on_change=jobs.enqueue_calendar_sync,
        hold_ttl_s=plan.hold_ttl_s,
        deadline_s=plan.deadline_s,
    )


def _left_behind(folder: Path, line: str) -> list[Course]:
    """Return what the earlier generations have not brought to an end."""
    courses = read_courses(read_journals(folder, f"{line}-*"))
    return [course for course in courses.values() if not course.ended]


async def _open(dsn: str, size: int) -> asyncpg.Pool:
    """Open the pool, waiting for a server that is just being restarted."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            return await open_pool(dsn, max_size=size)
        except DatabaseError:
            await asyncio.sleep(RETRY_LONGEST_S)
    raise GivenUpError


if __name__ == "__main__":
    uvloop.run(book(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
