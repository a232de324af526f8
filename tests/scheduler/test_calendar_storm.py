"""Hundreds of random faults at Google while bookings go on: the calendar agrees soon after."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from scheduler.calendar_gate import CalendarGate
from scheduler.calendar_review import open_reviews
from scheduler.desk import ServiceDesk
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.jobs import JobQueue, RetryPolicy
from scheduler.worker import RECONCILE, Duties, run_worker
from tests.scheduler.conftest import NINE, SERVICE, ZONE, ShopFloor, hours
from tests.scheduler.test_worker import pending, until
from voicecore.sandbox.google import GoogleSandbox
from voicecore.sandbox.google_faults import FaultStorm, Mishap

CLIENT_TIMEOUT_S = 0.25
RECOVERY_S = 5.0
DAYS = 20
# 2030 lies far ahead of the clock of a worker.
DUTIES = Duties(days_ahead=365 * 10, schedule={RECONCILE: "* * * * * */2"})


def quick_gate() -> CalendarGate:
    return CalendarGate(first_pause_s=0.02, longest_pause_s=0.1)


@dataclass(slots=True)
class Traffic:
    """People who book, move and cancel, and cars that arrive, one after the other."""

    floor: ShopFloor
    desk: ServiceDesk
    jobs: JobQueue
    rng: random.Random
    live: list[Any] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)

    async def step(self) -> None:
        kind = self.rng.choice(["book", "book", "move", "cancel", "arrive"])
        self.steps[kind] += 1
        if kind == "arrive":
            await self._arrive()
        elif kind == "book" or not self.live:
            await self._book()
        elif kind == "cancel":
            one = self.live.pop(self.rng.randrange(len(self.live)))
            await self.desk.cancel(one.appointment_id, customer_id=one.customer_id)
        else:
            one = self.live.pop(self.rng.randrange(len(self.live)))
            outcome = await self.desk.reschedule(
                one.appointment_id, start=self._time(), customer_id=one.customer_id
            )
            self.live.append(outcome.appointment or one)

    async def _arrive(self) -> None:
        """Change somebody who is in the calendar already, so that their event is patched."""
        async with self.floor.pool.acquire() as conn, conn.transaction():
            appointment_id = await conn.fetchval(
                "UPDATE appointments SET status = 'checked_in', version = version + 1"
                " WHERE appointment_id = (SELECT min(appointment_id) FROM appointments"
                " WHERE status = 'confirmed' AND calendar_event_id IS NOT NULL)"
                " RETURNING appointment_id"
            )
            if appointment_id is not None:
                await self.jobs.enqueue_calendar_sync(conn, appointment_id)
        self.live = [one for one in self.live if one.appointment_id != appointment_id]

    async def _book(self) -> None:
        customer_id = self.rng.randint(1, 3)
        outcome = await self.desk.hold(
            service_code=SERVICE,
            start=self._time(),
            customer_id=customer_id,
            vehicle_id=customer_id,
            call_sid="CA1",
        )
        if outcome.hold is not None:
            booked = await self.desk.confirm(outcome.hold.hold_id)
            assert booked is not None
            self.live.append(booked)

    def _time(self) -> Any:
        return NINE + timedelta(days=self.rng.randrange(DAYS)) + hours(self.rng.randrange(8))


async def differences(floor: ShopFloor, google: GoogleSandbox) -> dict[str, list[str]]:
    """Return confirmed rows without their one event, and events without their row."""
    rows = await floor.rows(
        "SELECT hold_id, calendar_event_id, lower(during) AS starts FROM appointments"
        " WHERE status IN ('confirmed', 'checked_in')"
    )
    events = Counter(
        (event["extendedProperties"]["private"]["booking"], event["start"]["dateTime"])
        for event in google.events
    )
    wanted = Counter(
        (str(row["hold_id"]), row["starts"].astimezone(ZONE).isoformat()) for row in rows
    )
    return {
        "missing": [str(one) for one in (wanted - events)],
        "too much": [str(one) for one in (events - wanted)],
    }


async def weather(
    floor: ShopFloor,
    google: GoogleSandbox,
    access: CalendarAccess,
    jobs: JobQueue,
    *,
    faults: int,
    seed: int,
    gate: CalendarGate,
    retry: RetryPolicy | None,
) -> tuple[Traffic, float]:
    """Book through a storm; return the traffic, and how long the calendar took afterwards."""
    storm = FaultStorm(seed, limit=faults, hang_s=2 * CLIENT_TIMEOUT_S)
    google.storm = storm
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync, deadline_s=10.0)
    traffic = Traffic(floor, desk, jobs, random.Random(seed))
    stop = asyncio.Event()

    async def agrees() -> bool:
        found = await differences(floor, google)
        return not any(found.values()) and await pending(floor, "failed") == 0

    async with (
        GoogleCalendar(replace(access, timeout_s=CLIENT_TIMEOUT_S)) as calendar,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(2):
            tasks.create_task(
                run_worker(
                    floor.dsn,
                    zone=ZONE,
                    calendar=calendar,
                    stop=stop,
                    retry=retry,
                    gate=gate,
                    duties=DUTIES,
                )
            )
        while not storm.is_over:
            await traffic.step()
            # No faster than the calendar can follow, or the storm ends in a backlog.
            while await pending(floor) > 12 and not storm.is_over:
                await asyncio.sleep(0.02)
        over_at = time.monotonic()
        try:
            await until(agrees, timeout_s=RECOVERY_S)
        finally:
            took_s = time.monotonic() - over_at
            stop.set()
    # Which kinds meet the few writes of a short storm depends on the workers' pace.
    assert len(set(storm.happened)) >= (len(Mishap) if faults > 100 else len(Mishap) - 2)
    return traffic, took_s


async def check_after(floor: ShopFloor, google: GoogleSandbox) -> None:
    assert await differences(floor, google) == {"missing": [], "too much": []}
    assert await open_reviews(floor.pool) == ()
    assert await floor.overlaps() == 0
    ids = [event["id"] for event in google.events]
    stored = await floor.rows(
        "SELECT calendar_event_id AS id FROM appointments"
        " WHERE status IN ('confirmed', 'checked_in')"
    )
    assert {row["id"] for row in stored} == set(ids)


async def test_after_sixty_faults_the_calendar_agrees_within_five_seconds(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    quick = RetryPolicy(first_s=0.05, longest_s=0.3)
    await weather(floor, google, access, jobs, faults=60, seed=11, gate=quick_gate(), retry=quick)
    await check_after(floor, google)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_after_five_hundred_faults_the_calendar_agrees_within_five_seconds(
    floor: ShopFloor,
    google: GoogleSandbox,
    access: CalendarAccess,
    jobs: JobQueue,
) -> None:
    """With the pauses and tries of the product."""
    traffic, took_s = await weather(
        floor, google, access, jobs, faults=500, seed=1, gate=CalendarGate(), retry=None
    )
    await check_after(floor, google)
    print(f"{dict(traffic.steps)}, agreed {took_s:.2f} s after the last fault")


async def test_after_an_outage_the_calendar_agrees_within_five_seconds(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> None:
    """With the pauses and tries of the product; every request fails until the end."""
    google.storm = FaultStorm(
        5, limit=10_000, rate=1.0, kinds=[Mishap.UNAVAILABLE, Mishap.LIMIT_403, Mishap.LIMIT_429]
    )
    desk = floor.desk(on_change=jobs.enqueue_calendar_sync)
    stop = asyncio.Event()
    async with GoogleCalendar(access) as calendar, asyncio.TaskGroup() as tasks:
        tasks.create_task(run_worker(floor.dsn, zone=ZONE, calendar=calendar, stop=stop))
        for number in range(12):
            await floor.book(desk, NINE + hours(number // 3), number % 3 + 1)
        await asyncio.sleep(3.0)
        asked = len(google.requests)
        google.storm = None
        await until(lambda: len(google.events) == 12, timeout_s=RECOVERY_S)
        stop.set()
    # A dozen waiting jobs ask no more often than one.
    assert asked < 12
    await check_after(floor, google)
