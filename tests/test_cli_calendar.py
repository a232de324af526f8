"""The calendar and the job queue from the command line, against the stand-in for Google."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import cli
from crm.pool import close_pool, open_pool
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.jobs import CALENDAR_SYNC, JobQueue
from scheduler.worker import Duties, run_worker
from tests.scheduler.conftest import NINE, ZONE, ShopFloor
from tests.scheduler.test_calendar_login import press
from tests.scheduler.test_worker import QUICK, pending, quick_gate, until
from voicecore.config import Settings
from voicecore.sandbox.google import GoogleSandbox

FULL = "https://www.googleapis.com/auth/calendar"

BREAK: dict[str, tuple[Callable[[GoogleSandbox], object], str]] = {
    "revoked token": (lambda google: google.revoke_refresh_token(), "calendar login"),
    "wrong secret": (
        lambda google: setattr(google.oauth, "client_secret", "another"),
        "GOOGLE_CLIENT_SECRET",
    ),
    "missing scope": (
        lambda google: setattr(google.oauth, "scope", FULL + ".readonly"),
        "lacks the scope",
    ),
    "forbidden calendar": (
        lambda google: google.forbidden_calendars.add(google.calendar_id),
        "share that calendar",
    ),
    "reader only": (
        lambda google: google.read_only_calendars.add(google.calendar_id),
        "right to make changes",
    ),
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without `.env`, an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def google(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GoogleSandbox]:
    async with GoogleSandbox(zone=ZONE) as sandbox:
        _point_at(monkeypatch, sandbox)
        yield sandbox


@pytest.fixture
async def floor(monkeypatch: pytest.MonkeyPatch, crm_dsn: str) -> AsyncIterator[ShopFloor]:
    """A shop with one customer, whose database the command line uses."""
    pool = await open_pool(crm_dsn, max_size=8)
    await pool.execute(
        "INSERT INTO customers (customer_id, first_name, last_name, email)"
        " VALUES (1, 'Maria', 'Lopez', 'a@b@c')"
    )
    monkeypatch.setenv("DATABASE_URL", crm_dsn)
    yield ShopFloor(crm_dsn, pool)
    await close_pool(pool)


def _point_at(monkeypatch: pytest.MonkeyPatch, sandbox: GoogleSandbox) -> None:
    monkeypatch.setenv("GOOGLE_CALENDAR_ID", sandbox.calendar_id)
    monkeypatch.setenv("GOOGLE_CLIENT_ID", sandbox.client_id)
    monkeypatch.setenv("GOOGLE_CLIENT_SECRET", sandbox.client_secret)
    monkeypatch.setenv("GOOGLE_REFRESH_TOKEN", sandbox.refresh_token)
    monkeypatch.setenv("GOOGLE_API_ROOT", sandbox.api_root)
    monkeypatch.setenv("GOOGLE_TOKEN_URL", sandbox.token_url)
    monkeypatch.setenv("GOOGLE_AUTH_URL", sandbox.auth_url)


async def _run(*arguments: str) -> Result:
    """Run a command while the stand-in, which lives in this loop, answers it."""
    return await asyncio.to_thread(CliRunner().invoke, cli.app, arguments)


async def _json(*arguments: str, code: int = 0) -> Any:
    result = await _run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (code, "")
    return json.loads(result.stdout)


async def test_status_of_a_calendar_that_works(google: GoogleSandbox, floor: ShopFloor) -> None:
    told = await _json("calendar", "status")
    assert (told["ok"], told["calendar_id"]) == (True, google.calendar_id)
    assert [check["ok"] for check in told["checks"]] == [True, True, True]
    assert told["backlog"] == {"waiting": 0, "running": 0, "failed": 0, "oldest_s": None}
    result = await _run("calendar", "status")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "token: ok" in result.stdout


@pytest.mark.parametrize("name", list(BREAK))
async def test_each_trouble_with_the_account_is_one_line_that_helps(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spoil, says = BREAK[name]
    async with GoogleSandbox(zone=ZONE) as sandbox:
        _point_at(monkeypatch, sandbox)
        spoil(sandbox)
        told = await _json("calendar", "status", code=1)
        problem = next(check["problem"] for check in told["checks"] if not check["ok"])
        assert (told["ok"], says in problem, "\n" in problem) == (False, True, False)
        result = await _run("calendar", "status")
        assert (result.exit_code, problem in result.stdout) == (1, True)
        assert sandbox.client_secret not in result.output


async def test_a_zone_that_google_does_not_know_is_named(
    monkeypatch: pytest.MonkeyPatch, google: GoogleSandbox
) -> None:
    def unknown(name: str) -> None:
        raise KeyError(name)

    # The zones of this machine and those of Google differ by their age only.
    monkeypatch.setattr("voicecore.sandbox.google_events.ZoneInfo", unknown)
    told = await _json("calendar", "status", code=1)
    assert [check["name"] for check in told["checks"] if not check["ok"]] == ["busy times"]
    assert "set SHOP_TIMEZONE" in told["checks"][1]["problem"]


async def test_without_a_token_bookings_go_on(google: GoogleSandbox, floor: ShopFloor) -> None:
    google.revoke_refresh_token()
    slots = await _run("slots", "oil_change", "--limit", "1", "--json")
    assert slots.exit_code == 0
    start = json.loads(slots.stdout)["slots"][0]["start"]
    booked = await _run("book", "oil_change", "--at", start, "--customer", "1", "--json")
    assert (booked.exit_code, json.loads(booked.stdout)["status"]) == (0, "booked")
    (line,) = booked.stderr.splitlines()
    assert line.startswith("without the calendar's blocks: google calendar: invalid_grant")
    assert "`cli.py calendar login`" in line
    told = await _json("calendar", "status", code=1)
    assert told["backlog"]["waiting"] == 1


async def test_what_the_calendar_commands_need_is_named(
    monkeypatch: pytest.MonkeyPatch, google: GoogleSandbox
) -> None:
    monkeypatch.delenv("GOOGLE_CALENDAR_ID")
    result = await _run("calendar", "status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "GOOGLE_CALENDAR_ID: is missing, and calendar status needs it\n"
    monkeypatch.delenv("GOOGLE_CLIENT_ID")
    result = await _run("calendar", "login")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "GOOGLE_CLIENT_ID: is missing, and calendar login needs it\n"


async def _login(decision: str, *arguments: str) -> tuple[int, str, str]:
    """Run `calendar login` and be the person at the browser; return code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()

    def command() -> int:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.app(["calendar", "login", *arguments])
            except SystemExit as end:
                return int(end.code or 0)
        return 0

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(asyncio.to_thread(command))
        await until(lambda: running.done() or "http" in err.getvalue())
        address = next(part for part in err.getvalue().split() if part.startswith("http"))
        await press(address, decision)
    return running.result(), out.getvalue(), err.getvalue()


async def test_login_writes_a_file_that_only_its_owner_can_read_and_status_uses_it(
    monkeypatch: pytest.MonkeyPatch, google: GoogleSandbox, tmp_path: Path
) -> None:
    monkeypatch.delenv("GOOGLE_REFRESH_TOKEN")
    path = tmp_path / "token.json"
    code, out, _ = await _login("allow", "--file", str(path))
    assert (code, out) == (0, f"GOOGLE_TOKEN_FILE={path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("GOOGLE_TOKEN_FILE", str(path))
    assert (await _json("calendar", "status"))["ok"] is True

    code, out, _ = await _login("allow", "--print")
    assert (code, out.startswith("GOOGLE_REFRESH_TOKEN=1//")) == (0, True)


async def test_login_that_is_refused_says_so(google: GoogleSandbox) -> None:
    code, out, err = await _login("deny")
    assert (code, out) == (1, "")
    assert "access_denied" in err.splitlines()[-1]


async def test_a_job_that_failed_is_listed_shown_and_replayed(
    google: GoogleSandbox, floor: ShopFloor
) -> None:
    assert (await _run("jobs", "list")).stdout == "no job has failed\n"
    await _refused_job(google, floor)

    (listed,) = await _json("jobs", "list")
    assert (listed["kind"], listed["status"]) == (CALENDAR_SYNC, "failed")
    assert "Invalid attendee email" in listed["reason"]
    shown = await _json("jobs", "show", str(listed["job_id"]))
    assert shown["history"][-1]["reason"] == listed["reason"]
    lines = (await _run("jobs", "show", str(listed["job_id"]))).stdout.splitlines()
    assert len(lines) == 1 + len(shown["history"])
    missing = await _run("jobs", "show", "987654")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert missing.stderr == "there is no job 987654: it is done, or never was\n"

    assert await _json("jobs", "replay", "987654") == {"replayed": 0}
    assert await _json("jobs", "replay") == {"replayed": 1}
    assert await _json("jobs", "list") == []
    (waiting,) = await _json("jobs", "list", "--all")
    assert waiting["status"] == "queued"


async def _refused_job(google: GoogleSandbox, floor: ShopFloor) -> None:
    """Book for a customer whose address Google does not take, and let a worker try."""
    jobs = JobQueue(floor.pool)
    await jobs.install()
    await floor.pool.execute(
        "INSERT INTO vehicles (vehicle_id, customer_id, year, make, model, vin)"
        " VALUES (1, 1, 2019, 'Toyota', 'Camry', '00000000000000001')"
    )
    await floor.book(floor.desk(on_change=jobs.enqueue_calendar_sync), NINE)
    access = CalendarAccess(
        calendar_id=google.calendar_id,
        client_id=google.client_id,
        client_secret=google.client_secret,
        refresh_token=google.refresh_token,
        api_root=google.api_root,
        token_url=google.token_url,
    )
    stop = asyncio.Event()
    async with GoogleCalendar(access) as calendar, asyncio.TaskGroup() as tasks:
        tasks.create_task(
            run_worker(
                floor.dsn,
                zone=ZONE,
                calendar=calendar,
                stop=stop,
                retry=QUICK,
                gate=quick_gate(),
                duties=Duties(invites=True),
            )
        )
        await until(lambda: pending(floor, "failed"))
        stop.set()
