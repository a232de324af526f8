"""Bookings reach the calendar, once each, whatever Google and the workers do meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from scheduler.calendar_event import event_id_for
from scheduler.calendar_gate import CalendarGate
from scheduler.calendar_review import StaffEdit, open_reviews
from scheduler.calendar_sync import CalendarSync
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.jobs import CALENDAR_SYNC, JobQueue, RetryPolicy
from scheduler.worker import run_worker
from tests.scheduler.conftest import NINE, ZONE, ShopFloor, hours
from voicecore.sandbox.google import GoogleSandbox

QUICK = RetryPolicy(tries=30, first_s=0.05, longest_s=0.2)


def quick_gate() -> CalendarGate:
    return CalendarGate(first_pause_s=0.02, longest_pause_s=0.1, account_pause_s=0.2)


@asynccontextmanager
async def working(
    dsn: str, access: CalendarAccess, retry: RetryPolicy = QUICK, workers: int = 1
) -> AsyncIterator[None]:
    """Run workers beside the block and let them finish at its end."""
    stop = asyncio.Event()
    async with GoogleCalendar(access) as calendar, asyncio.TaskGroup() as tasks:
        for _ in range(workers):
            tasks.create_task(
                run_worker(
                    dsn, zone=ZONE, calendar=calendar, stop=stop, retry=retry, gate=quick_gate()
                )
            )
        try:
            yield
        finally:
            stop.set()


async def until(is_so: Callable[[], Any], timeout_s: float = 15.0) -> None:
    """Wait for a condition (awaited where it is a coroutine), at most `timeout_s`."""
    async with asyncio.timeout(timeout_s):
        while True:
            answer = is_so()
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            await asyncio.sleep(0.02)


async def pending(floor: ShopFloor, status: str | None = None, *, kind: str | None = None) -> int:
    """Jobs that are not done; without `kind` also those that the clock rings for at any minute."""
    count = await floor.pool.fetchval(
        "SELECT count(*) FROM pgqueuer WHERE ($1::text IS NULL OR status::text = $1)"
        " AND ($2::text IS NULL OR entrypoint = $2)",
        status,
        kind,
    )
    assert isinstance(count, int)
    return count


async def drained(floor: ShopFloor) -> bool:
    return await pending(floor) == 0


async def agreement(floor: ShopFloor, google: GoogleSandbox) -> None:
    """One live event for every confirmed appointment, none for any other."""
    rows = await floor.rows(
        "SELECT appointment_id, calendar_event_id, lower(during) AS starts FROM appointments"
        " WHERE status = 'confirmed' ORDER BY appointment_id"
    )
    live = sorted(
        google.events, key=lambda item: int(item["extendedProperties"]["private"]["appointment_id"])
    )
    assert [row["calendar_event_id"] for row in rows] == [event["id"] for event in live]
    for row, event in zip(rows, live, strict=True):
        assert row["starts"].astimezone(ZONE).isoformat() == event["start"]["dateTime"]


async def test_booking_moving_and_cancelling_show_in_the_calendar(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    booked = await floor.book(desk)
    # The job is written with the booking, long before any worker looks at it.
    assert await pending(floor, "queued", kind=CALENDAR_SYNC) == 1
    async with working(floor.dsn, access):
        await until(lambda: drained(floor))
        (event,) = google.events
        assert event["summary"] == "Brake inspection: Maria 1 Lopez, 2019 Toyota Camry"
        assert event["extendedProperties"]["private"]["call_sid"] == "CA0001"
        await agreement(floor, google)

        moved = await desk.reschedule(booked.appointment_id, start=NINE + hours(2), customer_id=1)
        await until(lambda: drained(floor))
        await agreement(floor, google)

        assert moved.appointment is not None
        await desk.cancel(moved.appointment.appointment_id, customer_id=1)
        await until(lambda: drained(floor))
        assert google.events == []
        await agreement(floor, google)


async def test_the_calendar_catches_up_after_faults_with_one_event_each(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    rng = random.Random(7)
    async with working(floor.dsn, access, workers=2):
        for number in range(6):
            google.fail_next(rng.randint(1, 4), rng.choice([403, 429, 503]))
            google.drop_after_commit_next(rng.randint(0, 2))
            booked = await floor.book(desk, NINE + hours(number // 3), number % 3 + 1)
            if number % 3 == 1:
                await desk.cancel(booked.appointment_id, customer_id=booked.customer_id)
            if number % 3 == 2:
                await desk.reschedule(
                    booked.appointment_id,
                    start=NINE + hours(4 + number // 3),
                    customer_id=booked.customer_id,
                )
        await until(lambda: drained(floor))
    await agreement(floor, google)
    assert len(google.events) == 4


async def test_a_lost_answer_makes_no_second_event(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    google.drop_after_commit_next(1)
    await floor.book(desk)
    async with working(floor.dsn, access):
        await until(lambda: drained(floor))
    await agreement(floor, google)
    assert len(google.all_events) == 1


async def test_a_revoked_token_is_said_once_and_a_new_one_lets_the_jobs_through(
    floor: ShopFloor,
    google: GoogleSandbox,
    access: CalendarAccess,
    jobs: JobQueue,
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    async with working(floor.dsn, replace(access, refresh_token="1//revoked")):
        for number in (1, 2, 3):
            booked = await floor.book(desk, NINE + hours(number), number)
            assert booked.status == "confirmed"
        await until(lambda: google.token_requests > 3)
    said = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.message for record in said] == ["calendar_held_back"]
    assert "GOOGLE_REFRESH_TOKEN" in said[0].__dict__["reason"]
    assert google.events == []
    assert await pending(floor, "queued", kind=CALENDAR_SYNC) == 3
    async with working(floor.dsn, access):
        await until(lambda: drained(floor))
    await agreement(floor, google)
    assert len(google.events) == 3


async def test_a_worker_that_dies_between_google_and_the_note_loses_nothing(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    booked = await floor.book(desk)
    async with GoogleCalendar(access) as calendar:

        class Dying(GoogleCalendar):
            async def insert(self, event: Any) -> Any:
                await calendar.insert(event)
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            async with Dying(access) as dying:
                await CalendarSync(floor.pool, dying, zone=ZONE).sync(booked.appointment_id)
        assert len(google.events) == 1
        # Cancelled before anybody knew of the event: it has to go all the same.
        await desk.cancel(booked.appointment_id, customer_id=1)
    async with working(floor.dsn, access):
        await until(lambda: drained(floor))
    assert google.events == []


async def test_an_event_that_staff_deleted_is_flagged_and_restored_under_another_id(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess
) -> None:
    booked = await floor.book(floor.desk())
    async with GoogleCalendar(access) as calendar:
        sync = CalendarSync(floor.pool, calendar, zone=ZONE)
        await sync.sync(booked.appointment_id)
        google.staff_delete(google.events[0]["id"])
        await sync.sync(booked.appointment_id)
        (review,) = await open_reviews(floor.pool)
        assert (review.edit, google.events) == (StaffEdit.DELETED, [])
        await sync.restore(booked.appointment_id)
        hold_id = await floor.pool.fetchval("SELECT hold_id FROM appointments")
        assert [event["id"] for event in google.events] == [event_id_for(hold_id, 1)]
        assert await open_reviews(floor.pool) == ()
        await sync.sync(987654)
    await agreement(floor, google)


async def test_many_pushes_of_one_booking_at_once_are_one_event(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    booked = await floor.book(floor.desk())
    async with floor.pool.acquire() as conn, conn.transaction():
        for _ in range(12):
            await jobs.enqueue_calendar_sync(conn, booked.appointment_id)
    async with working(floor.dsn, access, workers=2):
        await until(lambda: drained(floor))
    await agreement(floor, google)
    assert len(google.all_events) == 1


async def test_the_queue_is_installed_by_whoever_comes_first(floor: ShopFloor) -> None:
    queues = [JobQueue(floor.pool) for _ in range(5)]
    await asyncio.gather(*(queue.install() for queue in queues))
    desk = floor.desk(on_change=JobQueue(floor.pool).enqueue_calendar_sync, deadline_s=5.0)
    await floor.book(desk)
    assert await pending(floor, "queued", kind=CALENDAR_SYNC) == 1


async def test_the_first_booking_installs_the_queue_if_nobody_did(floor: ShopFloor) -> None:
    desk = floor.desk(on_change=JobQueue(floor.pool).enqueue_calendar_sync, deadline_s=5.0)
    await floor.book(desk)
    assert await pending(floor, "queued", kind=CALENDAR_SYNC) == 1


async def test_a_worker_without_a_calendar_leaves_the_jobs(
    floor: ShopFloor, jobs: JobQueue
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    await floor.book(desk)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_worker(floor.dsn, zone=ZONE, calendar=None, stop=stop))
        await asyncio.sleep(0.4)
        stop.set()
    assert await pending(floor, "queued", kind=CALENDAR_SYNC) == 1


async def test_a_worker_outlives_its_connections(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    async with working(floor.dsn, access):
        await floor.book(desk)
        await until(lambda: drained(floor))
        other = await asyncpg.connect(floor.dsn, timeout=5)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        await asyncio.sleep(0.1)
        await floor.book(desk, NINE + hours(2))
        await until(lambda: drained(floor))
    await agreement(floor, google)


def test_retries_wait_longer_each_time_with_jitter_up_to_a_bound() -> None:
    policy = RetryPolicy(first_s=1.0, longest_s=300.0)
    for attempt, ceiling_s in ((0, 1), (3, 8), (8, 256), (9, 300), (10_000, 300)):
        for _ in range(20):
            assert ceiling_s / 2 <= policy.delay(attempt).total_seconds() <= ceiling_s
