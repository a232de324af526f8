"""An event is written and deleted; a calendar that refuses is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scheduler.calendar_probe import calendar_takes_an_event
from scheduler.errors import CalendarError
from scheduler.google_calendar import CalendarAccess
from tests.scheduler.conftest import ZONE
from voicecore.sandbox.google import GoogleSandbox


async def test_an_event_is_written_and_nothing_of_it_stays(
    google: GoogleSandbox, access: CalendarAccess
) -> None:
    assert "written and deleted" in await calendar_takes_an_event(access, ZONE)
    assert google.events == []


async def test_a_calendar_that_refuses_is_seen(
    google: GoogleSandbox, access: CalendarAccess
) -> None:
    google.fail_next(20, 503)
    with pytest.raises(CalendarError):
        await calendar_takes_an_event(access, ZONE)
    with pytest.raises(CalendarError):
        await calendar_takes_an_event(replace(access, refresh_token="wrong"), ZONE)
