"""A calendar worker of the race, which is killed without warning and replaced.

`children.py` runs it as `python -m bench.race.calendar_process FOLDER`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import uvloop

from bench.race.plan import ZONE, Setup
from bench.race.process import stop_when_told
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.jobs import RetryPolicy
from scheduler.worker import run_worker

RETRY = RetryPolicy(tries=1000, first_s=0.1, longest_s=1.0)
# Jobs of a killed worker go to another one soon, as a race is short.
TAKEOVER_S = 2.0


async def push(folder: Path) -> None:
    """Push bookings into the calendar until the race is over."""
    setup = Setup.read(folder)
    stop = stop_when_told()
    async with GoogleCalendar(CalendarAccess(**asdict(setup.google), timeout_s=5.0)) as calendar:
        await run_worker(
            setup.dsn, zone=ZONE, calendar=calendar, stop=stop, retry=RETRY, takeover_s=TAKEOVER_S
        )


if __name__ == "__main__":
    uvloop.run(push(Path(sys.argv[1])))
