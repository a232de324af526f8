"""The stand-in's answer to `freeBusy`.

Source: Google Calendar API v3, Freebusy: query.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from voicecore.sandbox.google_events import EventStore, GoogleFault, Json, read_instant, read_zone

CALENDARS_LIMIT = 50


def free_busy(body: Json, store_of: Callable[[str], EventStore | None]) -> Json:
    """Return the busy blocks of the calendars in `body`; an unknown one is an error inside.

    Raises:
        GoogleFault: 400 for a missing, empty or unreadable window, zone or list.
    """
    if "timeMin" not in body or "timeMax" not in body:
        raise GoogleFault(400, "required", "Missing required field: timeMin or timeMax")
    time_min, time_max = read_instant(body["timeMin"]), read_instant(body["timeMax"])
    if time_max <= time_min:
        raise GoogleFault(400, "timeRangeEmpty", "The specified time range is empty.")
    zone = read_zone(body.get("timeZone", "UTC"))
    names = [str(item.get("id")) for item in body.get("items", [])]
    if len(names) > CALENDARS_LIMIT:
        raise GoogleFault(400, "tooManyCalendarsRequested", "Too many calendars requested.")

    def shown(instant: datetime) -> str:
        return instant.astimezone(zone).isoformat().replace("+00:00", "Z")

    calendars: Json = {}
    for name in names:
        store = store_of(name)
        if store is None:
            errors = [{"domain": "global", "reason": "notFound"}]
            calendars[name] = {"errors": errors, "busy": []}
            continue
        blocks = store.busy(time_min, time_max)
        calendars[name] = {
            "busy": [{"start": shown(start), "end": shown(end)} for start, end in blocks]
        }
    return {
        "kind": "calendar#freeBusy",
        "timeMin": shown(time_min),
        "timeMax": shown(time_max),
        "calendars": calendars,
    }
