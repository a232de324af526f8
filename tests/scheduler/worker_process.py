"""A worker in a process of its own, for tests that kill it: DSN, API root, calendar, takeover."""

from __future__ import annotations

import asyncio
import signal
import sys

from scheduler.calendar_gate import CalendarGate
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.worker import run_worker
from tests.scheduler.conftest import ZONE
from voicecore.sandbox.google import GoogleSandbox


async def work(dsn: str, api_root: str, calendar_id: str, takeover_s: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    known = GoogleSandbox()
    access = CalendarAccess(
        calendar_id=calendar_id,
        client_id=known.client_id,
        client_secret=known.client_secret,
        refresh_token=known.refresh_token,
        api_root=api_root,
        token_url=f"{api_root}token",
        timeout_s=5.0,
    )
    async with GoogleCalendar(access) as calendar:
        await run_worker(
            dsn,
            zone=ZONE,
            calendar=calendar,
            stop=stop,
            takeover_s=takeover_s,
            gate=CalendarGate(first_pause_s=0.05, longest_pause_s=0.2),
        )


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
