"""What staff do to our events in the calendar, and what becomes of the appointment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from scheduler.busy_cache import BusyCache
from scheduler.calendar_review import StaffEdit, open_reviews
from scheduler.calendar_sync import CalendarSync
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.jobs import JobQueue
from scheduler.reconcile import Reconciler, Repairs
from scheduler.staff_moves import StaffMoves
from tests.scheduler.conftest import NINE, NOW, SERVICE, ZONE, ShopFloor, hours
from voicecore.sandbox.google import GoogleSandbox
from voicecore.sandbox.google_invites import Mail


@dataclass(frozen=True, slots=True)
class Rig:
    """A shop, its calendar, and the jobs done by hand, one after the other."""

    floor: ShopFloor
    google: GoogleSandbox
    calendar: GoogleCalendar
    jobs: JobQueue
    sync: CalendarSync
    reconciler: Reconciler

    async def book(self, start: datetime = NINE, customer_id: int = 1) -> Any:
        desk = self.floor.desk(on_change=self.jobs.enqueue_calendar_sync)
        return await self.floor.book(desk, start, customer_id)

    async def work(self) -> None:
        """Do every calendar job that is queued."""
        while True:
            payload = await self.floor.pool.fetchval(
                "DELETE FROM pgqueuer WHERE id = (SELECT min(id) FROM pgqueuer)"
                " RETURNING (convert_from(payload, 'UTF8')::jsonb ->> 'appointment_id')::bigint"
            )
            if payload is None:
                return
            await self.sync.sync(payload)

    async def reconcile(self) -> Repairs:
        found = await self.reconciler.run(NOW)
        await self.work()
        return found

    async def starts(self) -> list[datetime]:
        rows = await self.floor.rows(
            "SELECT lower(during) AS starts FROM appointments WHERE status = 'confirmed' ORDER BY 1"
        )
        return [row["starts"].astimezone(ZONE) for row in rows]

    def shown(self) -> list[datetime]:
        return sorted(
            datetime.fromisoformat(one["start"]["dateTime"]) for one in self.google.events
        )


@pytest.fixture
async def rig(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess, jobs: JobQueue
) -> AsyncIterator[Rig]:
    async with GoogleCalendar(access) as calendar:
        busy = BusyCache(calendar, clock=lambda: NOW)
        desk = floor.desk(busy=busy, on_change=jobs.enqueue_calendar_sync)
        sync = CalendarSync(floor.pool, calendar, zone=ZONE, mover=StaffMoves(desk, busy))
        reconciler = Reconciler(floor.pool, calendar, jobs)
        yield Rig(floor, google, calendar, jobs, sync, reconciler)


async def test_an_event_that_staff_moved_moves_the_appointment(rig: Rig) -> None:
    booked = await rig.book()
    await rig.work()
    length = booked.end - booked.start
    rig.google.staff_move(rig.google.events[0]["id"], NINE + hours(2), NINE + hours(2) + length)
    found = await rig.reconcile()
    assert found.differing == (booked.appointment_id,)
    assert await rig.starts() == [NINE + hours(2)] == rig.shown()
    assert await open_reviews(rig.floor.pool) == ()
    assert await rig.floor.events_of(booked.appointment_id) == [
        "held",
        "confirmed",
        "rescheduled",
    ]
    assert (await rig.reconcile()).is_clean


async def test_a_move_out_of_the_window_is_followed_too(rig: Rig) -> None:
    booked = await rig.book()
    await rig.work()
    far = NINE + hours(24 * 42)
    rig.google.staff_move(rig.google.events[0]["id"], far, far + (booked.end - booked.start))
    await rig.reconcile()
    assert await rig.starts() == [far] == rig.shown()


@pytest.mark.parametrize(
    "where",
    ["at night", "off the grid", "into a block", "whole day", "longer"],
)
async def test_a_move_that_does_not_fit_is_flagged_and_both_stay_visible(
    rig: Rig, where: str
) -> None:
    booked = await rig.book()
    await rig.work()
    event_id = rig.google.events[0]["id"]
    length = booked.end - booked.start
    start, end = {
        "at night": (NINE + hours(14), NINE + hours(14) + length),
        "off the grid": (NINE + hours(1.2), NINE + hours(1.2) + length),
        "into a block": (NINE + hours(3), NINE + hours(3) + length),
        "longer": (NINE, NINE + hours(4)),
        "whole day": (NINE, NINE),
    }[where]
    if where == "into a block":
        rig.google.add_staff_event(NINE + hours(3), NINE + hours(4))
    if where == "whole day":
        day = {"date": "2030-06-06", "dateTime": None, "timeZone": None}
        rig.google.staff_edit(event_id, start=day, end={**day, "date": "2030-06-07"})
    else:
        rig.google.staff_move(event_id, start, end)
    for _ in range(2):
        await rig.reconcile()
        (review,) = await open_reviews(rig.floor.pool)
        edit = StaffEdit.RESIZED if where == "longer" else StaffEdit.MOVED
        assert (review.appointment_id, review.edit) == (booked.appointment_id, edit)
        assert await rig.starts() == [NINE]
    (event,) = [one for one in rig.google.events if one["id"] == event_id]
    if where != "whole day":
        assert review.shown_start is not None
        assert datetime.fromisoformat(review.shown_start) == start
        assert datetime.fromisoformat(event["end"]["dateTime"]) == end
    said = [one for one in await rig.floor.events_of(booked.appointment_id) if "calendar" in one]
    assert said == [f"calendar_{edit.value}"]

    # Staff put it back, or an engineer does: settled.
    await rig.sync.restore(booked.appointment_id)
    assert await open_reviews(rig.floor.pool) == ()
    assert (await rig.reconcile()).is_clean


async def test_an_event_that_staff_deleted_is_flagged_and_the_booking_stays(rig: Rig) -> None:
    booked = await rig.book()
    await rig.work()
    rig.google.staff_delete(rig.google.events[0]["id"])
    await rig.reconcile()
    (review,) = await open_reviews(rig.floor.pool)
    assert (review.edit, review.shown_start) == (StaffEdit.DELETED, None)
    assert await rig.starts() == [NINE]
    assert rig.google.events == []
    # It is not pushed behind their back, and not asked about again and again.
    assert (await rig.reconcile()).is_clean
    await rig.floor.desk(on_change=rig.jobs.enqueue_calendar_sync).cancel(
        booked.appointment_id, customer_id=1
    )
    await rig.work()
    assert await open_reviews(rig.floor.pool) == ()


async def test_what_staff_write_into_an_event_stays_and_harms_nothing(rig: Rig) -> None:
    booked = await rig.book()
    await rig.work()
    event_id = rig.google.events[0]["id"]
    rig.google.staff_edit(event_id, description="Bring the spare key", colorId="7")
    assert (await rig.reconcile()).is_clean
    assert rig.google.events[0]["description"] == "Bring the spare key"
    await rig.floor.pool.execute(
        "UPDATE appointments SET status = 'checked_in', version = version + 1"
    )
    await rig.sync.sync(booked.appointment_id)
    assert rig.google.events[0]["colorId"] == "7"


async def test_a_move_while_the_car_is_here_is_flagged(rig: Rig) -> None:
    booked = await rig.book()
    await rig.work()
    await rig.floor.pool.execute(
        "UPDATE appointments SET status = 'checked_in', version = version + 1"
    )
    start = NINE + hours(2)
    rig.google.staff_move(rig.google.events[0]["id"], start, start + (booked.end - booked.start))
    await rig.reconcile()
    (review,) = await open_reviews(rig.floor.pool)
    assert review.edit is StaffEdit.MOVED
    assert rig.shown() == [start]


async def test_a_foreign_event_blocks_the_time_at_once_when_the_caller_says_yes(rig: Rig) -> None:
    busy = BusyCache(rig.calendar, clock=lambda: NOW)
    await busy.refresh()
    desk = rig.floor.desk(busy=busy)
    outcome = await desk.hold(
        service_code=SERVICE, start=NINE, customer_id=1, vehicle_id=1, call_sid="CA1"
    )
    assert outcome.hold is not None
    rig.google.add_staff_event(NINE, NINE + hours(1))
    assert await desk.confirm(outcome.hold.hold_id) is None
    offered = await desk.free_slots(SERVICE, earliest=NINE, latest=NINE + hours(8), limit=3)
    assert offered[0].start == NINE + hours(1)


async def test_a_missing_event_is_pushed_and_orphans_and_copies_are_taken_out(
    rig: Rig,
) -> None:
    booked = await rig.book()
    gone = await rig.book(NINE + hours(1), 2)
    await rig.work()
    ours = next(one for one in rig.google.events if one["id"])
    store = rig.google._store(rig.google.calendar_id)
    # A copy of a live event, a copy of one whose booking is cancelled, one of nobody's, a stranger.
    for number, source in enumerate(rig.google.events):
        store.insert({**source, "id": f"c0c0{number}"})
    nobody = {
        "private": {
            **ours["extendedProperties"]["private"],
            "booking": "00000000-0000-0000-0000-00000000dead",
        }
    }
    store.insert({**ours, "id": "n0b0d0", "extendedProperties": nobody})
    other = {"private": {**nobody["private"], "installation": "0" * 32}}
    store.insert({**ours, "id": "0ther0", "extendedProperties": other})
    foreign = rig.google.add_staff_event(NINE, NINE + hours(1))
    await rig.floor.desk().cancel(gone.appointment_id, customer_id=2)

    found = await rig.reconcile()
    assert set(found.orphans) == {"n0b0d0"}
    assert len(found.duplicates) == 2
    assert gone.appointment_id in found.differing
    assert {one["id"] for one in rig.google.events} == {ours["id"], "0ther0", foreign}

    # The event of a booking vanishes without a trace: it is put back.
    del store._events[ours["id"]]
    await rig.reconcile()
    assert ours["id"] in {one["id"] for one in rig.google.events}
    assert booked.appointment_id > 0
    assert (await rig.reconcile()).is_clean


async def test_what_was_imported_or_lies_far_ahead_or_behind_is_never_pushed(rig: Rig) -> None:
    for start in (NINE, NINE + hours(24 * 60), NINE - hours(24 * 10)):
        await rig.floor.pool.execute(
            "INSERT INTO appointments (customer_id, service_code, bay_id, status, during)"
            " VALUES (1, $1, 6, 'confirmed', tstzrange($2, $3))",
            SERVICE,
            start,
            start + hours(1),
        )
    far = await rig.book(NINE + hours(24 * 42), 2)
    await rig.floor.pool.execute("DELETE FROM pgqueuer")
    assert (await rig.reconcile()).is_clean
    assert rig.google.events == []
    await rig.sync.sync(far.appointment_id)
    assert len(rig.google.events) == 1


async def test_a_job_that_failed_for_good_is_not_written_down_again(rig: Rig) -> None:
    booked = await rig.book()
    await rig.floor.pool.execute("UPDATE pgqueuer SET status = 'failed'")
    assert (await rig.reconciler.run(NOW)).is_clean
    await rig.floor.pool.execute("DELETE FROM pgqueuer")
    assert (await rig.reconciler.run(NOW)).differing == (booked.appointment_id,)
    await rig.reconciler.run(NOW)
    assert await rig.floor.pool.fetchval("SELECT count(*) FROM pgqueuer") == 1


async def test_reconcile_reads_page_after_page(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.google_calendar.PAGE_SIZE", 2)
    for number in range(5):
        await rig.book(NINE + hours(number), number % 3 + 1)
    await rig.work()
    assert (await rig.reconcile()).is_clean
    lists = [seen for seen in rig.google.requests if seen.path.endswith("/events")]
    assert sum(seen.method == "GET" for seen in lists) == 3


async def test_customers_are_invited_changed_and_told_of_the_end(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess
) -> None:
    await floor.pool.execute("UPDATE customers SET email = 'maria@example.com'")
    desk = floor.desk()
    booked = await floor.book(desk)
    async with GoogleCalendar(access) as calendar:
        sync = CalendarSync(floor.pool, calendar, zone=ZONE, invites=True)
        await sync.sync(booked.appointment_id)
        (guest,) = google.events[0]["attendees"]
        assert guest["email"] == "maria@example.com"
        await desk.cancel(booked.appointment_id, customer_id=1)
        await sync.sync(booked.appointment_id)
        await sync.sync(booked.appointment_id)
    assert [mail.about for mail in google.mails] == [Mail.INVITED, Mail.CANCELLED]


async def test_a_late_write_of_a_lost_request_is_found_and_taken_out(
    rig: Rig,
) -> None:
    """The insert arrives after the booking was cancelled and its event looked for in vain."""
    booked = await rig.book()
    await rig.work()
    body = rig.google.events[0]
    store = rig.google._store(rig.google.calendar_id)
    del store._events[body["id"]]
    await rig.floor.desk(on_change=rig.jobs.enqueue_calendar_sync).cancel(
        booked.appointment_id, customer_id=1
    )
    await rig.work()
    store.insert(body)
    assert len(rig.google.events) == 1
    await rig.reconcile()
    assert rig.google.events == []


async def test_a_duplicate_answer_leads_to_a_second_look(
    floor: ShopFloor, google: GoogleSandbox, access: CalendarAccess
) -> None:
    """The first write arrives between the look and the second write."""
    booked = await floor.book(floor.desk())

    class Blind(GoogleCalendar):
        looks = 0

        async def get(self, event_id: str) -> Any:
            self.looks += 1
            return None if self.looks == 1 else await super().get(event_id)

    async with GoogleCalendar(access) as calendar, Blind(access) as blind:
        await CalendarSync(floor.pool, calendar, zone=ZONE).sync(booked.appointment_id)
        await CalendarSync(floor.pool, blind, zone=ZONE).sync(booked.appointment_id)
    assert len(google.events) == 1
