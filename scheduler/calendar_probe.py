"""Writes an event to the calendar and deletes it again, for `cli.py doctor`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from scheduler.calendar_event import CalendarEvent, event_id_for
from scheduler.google_calendar import CalendarAccess, GoogleCalendar

FAR_AWAY = timedelta(days=3650)


async def calendar_takes_an_event(access: CalendarAccess, zone: ZoneInfo) -> str:
    """Insert an event ten years ahead, where nobody looks, and delete it.

    Raises:
        CalendarError: refused or unanswered; the advice in it says what to do.
    """
    key = uuid4()
    start = datetime.now(UTC) + FAR_AWAY
    event = CalendarEvent(
        event_id=event_id_for(key),
        key=str(key),
        appointment_id=0,
        version=0,
        summary="Test of the connection; may be deleted",
        description="",
        start=start,
        end=start + timedelta(minutes=5),
        zone=zone,
    )
    async with GoogleCalendar(access) as calendar:
        await calendar.check_token()
        await calendar.insert(event)
        await calendar.delete(event.event_id)
    return "an event was written and deleted"
