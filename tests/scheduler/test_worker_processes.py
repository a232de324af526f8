"""Workers in processes of their own: the work is shared, and a dead one's is taken over."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from scheduler.jobs import JobQueue
from tests.scheduler.conftest import NINE, ZONE, ShopFloor, hours
from tests.scheduler.test_worker import agreement, drained, pending, until
from voicecore.sandbox.google import GoogleSandbox

ROOT = Path(__file__).resolve().parents[2]
TAKEOVER_S = 1.5


@asynccontextmanager
async def processes(
    floor: ShopFloor, google: GoogleSandbox, tmp_path: Path
) -> AsyncIterator[Callable[[], subprocess.Popen[bytes]]]:
    """Give a function that starts `cli.py worker`; those that are left are ended."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, ROOT / "cli.py", "worker", "--takeover-s", str(TAKEOVER_S)]
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": floor.dsn,
            "SHOP_TIMEZONE": ZONE.key,
            "GOOGLE_CALENDAR_ID": google.calendar_id,
            "GOOGLE_CLIENT_ID": google.client_id,
            "GOOGLE_CLIENT_SECRET": google.client_secret,
            "GOOGLE_REFRESH_TOKEN": google.refresh_token,
            "GOOGLE_API_ROOT": google.api_root,
            "GOOGLE_TOKEN_URL": google.token_url,
        }
        started.append(subprocess.Popen(command, cwd=tmp_path, env=environment))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in started:
            await asyncio.to_thread(process.wait, 20)


async def test_two_processes_share_the_jobs_and_stop_when_they_are_told(
    floor: ShopFloor, google: GoogleSandbox, jobs: JobQueue, tmp_path: Path
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    async with processes(floor, google, tmp_path) as start:
        workers = [start(), start()]
        for number in range(24):
            await floor.book(desk, NINE + hours(number // 3), number % 3 + 1)
        await until(lambda: drained(floor), timeout_s=40)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        codes = [await asyncio.to_thread(worker.wait, 20) for worker in workers]
    assert codes == [0, 0]
    await agreement(floor, google)
    # Each job was done once: one insert for each booking, and nobody met somebody else.
    inserts = [seen for seen in google.requests if seen.method == "POST"]
    assert len(inserts) == len(google.all_events) == 24
    rows = await floor.rows(
        "SELECT job_id FROM pgqueuer_log WHERE status = 'successful'"
        " AND entrypoint = 'calendar_sync' GROUP BY job_id HAVING count(*) > 1"
    )
    assert rows == []


async def test_the_job_of_a_killed_worker_is_done_once_by_another(
    floor: ShopFloor, google: GoogleSandbox, jobs: JobQueue, tmp_path: Path
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    async with processes(floor, google, tmp_path) as start:
        doomed = start()
        # Every answer of Google takes its time, so the worker dies with work in its hands: some
        # before the push, some between the push and its note.
        google.delay_s = 0.3
        for number in range(6):
            await floor.book(desk, NINE + hours(number), number % 3 + 1)
        await until(lambda: google.all_events, timeout_s=30)
        assert await pending(floor, "picked") > 0
        doomed.kill()
        await asyncio.to_thread(doomed.wait, 20)
        google.delay_s = 0.0
        assert await pending(floor) > 0
        start()
        await until(lambda: drained(floor), timeout_s=25)
    await agreement(floor, google)
    assert len(google.all_events) == 6
