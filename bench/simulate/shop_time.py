"""Days in the words of a scenario: "thursday 14:00" is the next Thursday after today."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bench.simulate.script_error import ScriptError

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ZONE = ZoneInfo("America/Chicago")
VIRTUAL_NOW = datetime(2026, 12, 1, 10, 0, tzinfo=ZONE)
"""A Tuesday at ten in a week without holidays: when every call in virtual time begins."""


def moment(text: str, now: datetime) -> datetime:
    """Return the moment on the shop's clock; "today" and "tomorrow" are days as well.

    Raises:
        ScriptError: it is no day and time.
    """
    day_word, _, clock = text.partition(" ")
    try:
        at = time.fromisoformat(clock.zfill(5))
    except ValueError as error:
        raise ScriptError(f"{text!r} is no day and time") from error
    today = now.date()
    if day_word in ("today", "tomorrow"):
        day = today + timedelta(days=day_word == "tomorrow")
    elif day_word in DAYS:
        ahead = (DAYS.index(day_word) - today.weekday() - 1) % 7 + 1
        day = today + timedelta(days=ahead)
    else:
        raise ScriptError(f"{text!r} is no day and time")
    return datetime.combine(day, at, tzinfo=now.tzinfo)
