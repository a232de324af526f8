"""The calendar client against the stand-in for Google."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from scheduler.calendar_event import CalendarEvent, event_id_for
from scheduler.errors import CalendarError
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.taken import Taken
from tests.scheduler.conftest import NINE, ZONE, hours
from voicecore.sandbox.google import GoogleSandbox
from voicecore.sandbox.google_events import EVENT_ID

BOOKING = UUID("7d0f7c3e-5f3e-4a53-9c53-1f4f5f0f2a11")
EVENT = CalendarEvent(
    event_id=event_id_for(BOOKING),
    key=str(BOOKING),
    appointment_id=7,
    version=2,
    summary="Oil change",
    description="Bay 1",
    start=NINE.astimezone(UTC),
    end=NINE.astimezone(UTC) + timedelta(minutes=45),
    zone=ZONE,
)


@pytest.fixture
async def calendar(access: CalendarAccess) -> AsyncIterator[GoogleCalendar]:
    async with GoogleCalendar(access) as opened:
        yield opened


async def test_an_event_carries_its_booking_its_zone_and_no_busy_time(
    google: GoogleSandbox, calendar: GoogleCalendar
) -> None:
    stored = await calendar.insert(EVENT)
    assert (stored.key, stored.version, stored.is_deleted) == (str(BOOKING), "2", False)
    (event,) = google.events
    assert event["start"] == {
        "dateTime": "2030-06-05T09:00:00-05:00",
        "timeZone": "America/Chicago",
    }
    assert event["extendedProperties"]["private"]["appointment_id"] == "7"
    assert await calendar.busy(NINE - hours(5), NINE + hours(5)) == ()


async def test_the_life_of_an_event(google: GoogleSandbox, calendar: GoogleCalendar) -> None:
    assert await calendar.get(EVENT.event_id) is None
    stored = await calendar.insert(EVENT)
    with pytest.raises(CalendarError, match="duplicate") as twice:
        await calendar.insert(EVENT)
    assert (twice.value.status, twice.value.retryable) == (409, False)
    moved = await calendar.patch(replace(EVENT, summary="Moved", version=3), stored.etag)
    assert moved.version == "3"
    with pytest.raises(CalendarError, match="conditionNotMet") as stale:
        await calendar.patch(EVENT, stored.etag)
    assert stale.value.retryable
    await calendar.delete(EVENT.event_id)
    await calendar.delete(EVENT.event_id)
    await calendar.delete("never0")
    gone = await calendar.get(EVENT.event_id)
    assert gone is not None
    assert gone.is_deleted
    assert google.events == []


async def test_busy_blocks_are_read_and_an_error_inside_a_200_is_a_failure(
    google: GoogleSandbox, calendar: GoogleCalendar, access: CalendarAccess
) -> None:
    google.add_staff_event(NINE, NINE + hours(2))
    assert await calendar.busy(NINE - hours(24), NINE + hours(24)) == (
        Taken(NINE.astimezone(UTC), (NINE + hours(2)).astimezone(UTC)),
    )
    async with GoogleCalendar(replace(access, calendar_id="nobody@example.com")) as other:
        with pytest.raises(CalendarError, match="GOOGLE_CALENDAR_ID") as missing:
            await other.busy(NINE, NINE + hours(1))
        assert not missing.value.retryable


async def test_fifty_first_requests_make_one_refresh_and_so_do_fifty_rejections(
    google: GoogleSandbox, calendar: GoogleCalendar
) -> None:
    await asyncio.gather(*(calendar.get("none0") for _ in range(50)))
    assert google.token_requests == 1
    google.expire_access_tokens()
    await asyncio.gather(*(calendar.get("none0") for _ in range(50)))
    assert google.token_requests == 2


@pytest.mark.parametrize(
    ("status", "retryable"), [(403, True), (429, True), (500, True), (503, True)]
)
async def test_rate_limits_and_server_errors_can_be_retried(
    google: GoogleSandbox, calendar: GoogleCalendar, status: int, retryable: bool
) -> None:
    google.fail_next(1, status)
    with pytest.raises(CalendarError) as caught:
        await calendar.insert(EVENT)
    assert (caught.value.status, caught.value.retryable) == (status, retryable)


async def test_what_an_engineer_has_to_mend_is_said(
    google: GoogleSandbox, access: CalendarAccess
) -> None:
    async with GoogleCalendar(replace(access, client_secret="wrong")) as calendar:
        with pytest.raises(CalendarError, match="GOOGLE_CLIENT_SECRET"):
            await calendar.get("none0")
    async with GoogleCalendar(access) as calendar:
        google.forbidden_calendars.add(google.calendar_id)
        with pytest.raises(CalendarError, match="right to make changes"):
            await calendar.insert(EVENT)
        google.forbidden_calendars.clear()
        google.oauth.scope = "https://www.googleapis.com/auth/calendar.readonly"
        with pytest.raises(CalendarError, match="scope"):
            await calendar.insert(EVENT)
        google.revoke_refresh_token()
        with pytest.raises(CalendarError, match="GOOGLE_REFRESH_TOKEN") as revoked:
            await calendar.insert(EVENT)
        assert not revoked.value.retryable
        assert google.refresh_token not in str(revoked.value)
    assert google.refresh_token not in repr(access)
    assert google.client_secret not in repr(access)


async def test_silence_is_bounded_and_a_dead_port_is_an_error(
    google: GoogleSandbox, access: CalendarAccess
) -> None:
    async with GoogleCalendar(replace(access, timeout_s=0.2)) as calendar:
        await calendar.get("none0")
        google.delay_s = 1.0
        with pytest.raises(CalendarError) as slow:
            await calendar.get("none0")
        assert slow.value.retryable
        google.delay_s = 0.0
    await google.stop()
    async with GoogleCalendar(access) as calendar:
        with pytest.raises(CalendarError) as dead:
            await calendar.get("none0")
        assert dead.value.retryable
    with pytest.raises(CalendarError, match="not open"):
        await calendar.get("none0")


def test_event_ids_are_legal_stable_and_differ() -> None:
    ids = {event_id_for(UUID(int=number), round_) for number in range(50) for round_ in range(3)}
    assert len(ids) == 150
    assert all(EVENT_ID.fullmatch(item) for item in ids)
    assert event_id_for(BOOKING) == event_id_for(BOOKING)


def test_times_carry_the_offset_of_their_own_day() -> None:
    winter = replace(EVENT, start=datetime(2026, 11, 26, 20, tzinfo=UTC))
    assert winter.body()["start"]["dateTime"] == "2026-11-26T14:00:00-06:00"
