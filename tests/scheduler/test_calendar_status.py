"""Each thing that can be wrong with the calendar: one clear line, while bookings go on."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from scheduler.calendar_restore import enqueue_restore
from scheduler.calendar_status import look_at_calendar
from scheduler.calendar_sync import CalendarSync
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.job_desk import JobDesk
from scheduler.jobs import CALENDAR_SYNC, JobQueue
from scheduler.worker import Duties, run_worker
from tests.scheduler.conftest import NINE, ZONE, ShopFloor, hours
from tests.scheduler.test_worker import QUICK, drained, pending, quick_gate, until, working
from voicecore.sandbox.google import GoogleSandbox

FULL = "https://www.googleapis.com/auth/calendar"


@pytest.fixture
def strange() -> ZoneInfo:
    """A zone that this machine has and Google does not."""
    raw = files("tzdata.zoneinfo.America").joinpath("Chicago").read_bytes()
    return ZoneInfo.from_file(io.BytesIO(raw), key="Shop/Here")


async def test_a_calendar_that_works_says_ok_and_what_waits(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    await floor.book(floor.desk(on_change=jobs.enqueue_calendar_sync))
    status = await look_at_calendar(access, zone=ZONE, pool=floor.pool)
    assert status.is_ok
    assert [check.name for check in status.checks] == ["token", "busy times", "events"]
    assert status.backlog is not None
    assert (status.backlog.waiting, status.backlog.failed) == (1, 0)
    assert status.backlog.oldest_s is not None
    assert status.as_json()["ok"] is True
    assert "1 to do" in "\n".join(status.lines())
    assert google.events == []


async def test_what_staff_changed_is_listed_with_what_can_be_done(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    booked = await floor.book(floor.desk(on_change=jobs.enqueue_calendar_sync))
    async with GoogleCalendar(access) as calendar:
        sync = CalendarSync(floor.pool, calendar, zone=ZONE)
        await sync.sync(booked.appointment_id)
        event_id = google.events[0]["id"]
        google.staff_move(event_id, NINE + hours(9), NINE + hours(10))
        await sync.sync(booked.appointment_id)
    status = await look_at_calendar(access, zone=ZONE, pool=floor.pool)
    (review,) = status.as_json()["reviews"]
    assert review["booked_start"] == NINE.isoformat()
    assert f"calendar restore {booked.appointment_id}" in "\n".join(status.lines())

    assert not await enqueue_restore(floor.pool, 987654)
    assert await enqueue_restore(floor.pool, booked.appointment_id)
    async with working(floor.dsn, access):
        await until(lambda: drained(floor))
    assert google.events[0]["start"]["dateTime"] == NINE.isoformat()
    assert (await look_at_calendar(access, zone=ZONE, pool=floor.pool)).reviews == ()


BREAK: dict[str, tuple[Callable[[GoogleSandbox], object], str]] = {
    "revoked token": (lambda google: google.revoke_refresh_token(), "calendar login"),
    "missing scope": (
        lambda google: setattr(google.oauth, "scope", FULL + ".readonly"),
        "lacks the scope",
    ),
    "forbidden calendar": (
        lambda google: google.forbidden_calendars.add(google.calendar_id),
        "share that calendar|right to make changes",
    ),
    "reader only": (
        lambda google: google.read_only_calendars.add(google.calendar_id),
        "right to make changes",
    ),
    "unknown zone": (lambda google: None, "SHOP_TIMEZONE"),
}


@pytest.mark.parametrize("name", list(BREAK))
async def test_a_problem_of_the_account_is_said_once_and_bookings_go_on(
    floor: ShopFloor,
    google: GoogleSandbox,
    access: CalendarAccess,
    jobs: JobQueue,
    strange: ZoneInfo,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    spoil, says = BREAK[name]
    spoil(google)
    zone = strange if name == "unknown zone" else ZONE
    status = await look_at_calendar(access, zone=zone)
    problems = [check.problem for check in status.checks if not check.is_ok]
    assert problems
    assert re.search(says, problems[0])

    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    stop = asyncio.Event()
    async with GoogleCalendar(access) as calendar, asyncio.TaskGroup() as tasks:
        tasks.create_task(
            run_worker(
                floor.dsn, zone=zone, calendar=calendar, stop=stop, retry=QUICK, gate=quick_gate()
            )
        )
        for number in (1, 2, 3):
            booked = await floor.book(desk, NINE + hours(number), number)
            assert booked.status == "confirmed"
        await until(lambda: caplog.records)
        await asyncio.sleep(0.5)
        stop.set()
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.message for record in said] == ["calendar_held_back"]
    assert re.search(says, said[0].__dict__["reason"])
    assert "\n" not in said[0].__dict__["reason"]
    assert google.events == []
    assert (await pending(floor, "queued", kind=CALENDAR_SYNC), await pending(floor, "failed")) == (
        3,
        0,
    )


async def test_an_event_that_google_refuses_is_kept_with_googles_words(
    floor: ShopFloor,
    google: GoogleSandbox,
    access: CalendarAccess,
    jobs: JobQueue,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await floor.pool.execute("UPDATE customers SET email = 'a@b@c' WHERE customer_id = 1")
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
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
        await floor.book(desk)
        await floor.book(desk, NINE + hours(2), 2)
        await until(lambda: pending(floor, "failed"))
        # The others are not held up by it.
        await until(lambda: len(google.events) == 1)
        stop.set()
    (dead,) = await JobDesk(floor.pool).list_jobs()
    assert "Invalid attendee email" in dead.reason
    assert "jobs replay" in dead.reason
    said = [record for record in caplog.records if record.message == "job_failed"]
    assert len(said) == 1
    status = await look_at_calendar(access, zone=ZONE, pool=floor.pool)
    assert status.backlog is not None
    assert status.backlog.failed == 1


async def test_without_a_database_only_google_is_looked_at(access: CalendarAccess) -> None:
    status = await look_at_calendar(replace(access, refresh_token="1//revoked"), zone=ZONE)
    assert (status.is_ok, status.backlog, len(status.checks)) == (False, None, 1)
