"""The events of one stand-in calendar: ids, etags, tombstones and busy time, without HTTP.

Source: Google Calendar API v3 - Events resource, Freebusy resource, "Handle API errors".
"""

from __future__ import annotations

import base64
import copy
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from multidict import MultiMapping

EVENT_ID = re.compile(r"[0-9a-v]{5,1024}")
PAGE_SIZE = 250
PAGE_SIZE_LIMIT = 2500
OWN_FIELDS = frozenset({"kind", "etag", "created", "updated", "iCalUID", "htmlLink", "sequence"})

Json = dict[str, Any]
Block = tuple[datetime, datetime]


class GoogleFault(Exception):
    """An answer other than success, in the shape of Google's error body."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location

    def body(self) -> Json:
        """Return the JSON body that Google sends with this status."""
        detail = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location is not None:
            detail["locationType"], detail["location"] = self.location
        return {
            "error": {"errors": [detail], "code": self.status, "message": self.message},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What `events.list` was asked for; times bound the end and the start of an event."""

    time_min: datetime | None = None
    time_max: datetime | None = None
    updated_min: datetime | None = None
    private: tuple[tuple[str, str], ...] = ()
    text: str = ""
    show_deleted: bool = False
    by_start: bool = False
    page_size: int = PAGE_SIZE
    page_token: str | None = None


@dataclass(slots=True, kw_only=True)
class EventStore:
    """Keeps the events of one calendar; a deleted one stays as a tombstone that burns its id."""

    calendar_id: str
    zone: ZoneInfo
    clock: Callable[[], datetime]
    _events: dict[str, Json] = field(default_factory=dict)
    _changes: int = 0

    def all_events(self) -> list[Json]:
        """Return copies of every event, tombstones included, oldest first."""
        return [copy.deepcopy(event) for event in self._events.values()]

    def insert(self, body: Json) -> Json:
        """Store a new event.

        Raises:
            GoogleFault: 400 for a bad id, time or field, 409 for an id that was ever used.
        """
        event_id = body.get("id", secrets.token_hex(13))
        if not isinstance(event_id, str) or EVENT_ID.fullmatch(event_id) is None:
            raise GoogleFault(400, "invalid", "Invalid resource id value.")
        if event_id in self._events:
            raise GoogleFault(409, "duplicate", "The requested identifier already exists.")
        fields = {key: value for key, value in body.items() if key not in OWN_FIELDS}
        self._check(fields)
        now = stamp(self.clock())
        event: Json = {
            "kind": "calendar#event",
            "etag": "",
            "id": event_id,
            "status": "confirmed",
            "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
            "created": now,
            "updated": now,
            "creator": {"email": self.calendar_id, "self": True},
            "organizer": {"email": self.calendar_id, "self": True},
            "iCalUID": f"{event_id}@google.com",
            "sequence": 0,
            "reminders": {"useDefault": True},
            "eventType": "default",
            **copy.deepcopy(fields),
        }
        self._touch(event)
        self._events[event_id] = event
        return copy.deepcopy(event)

    def get(self, event_id: str) -> Json:
        """Return one event; a deleted one comes back with status `cancelled`."""
        return copy.deepcopy(self._find(event_id))

    def patch(self, event_id: str, body: Json, if_match: str | None) -> Json:
        """Merge `body` into an event: objects merge, null removes, arrays are replaced."""
        event = self._find(event_id)
        match_etag(event, if_match)
        if event["status"] == "cancelled":
            raise GoogleFault(403, "forbidden", "Forbidden")
        changes = {key: value for key, value in body.items() if key not in OWN_FIELDS}
        if changes.pop("id", event_id) != event_id:
            raise GoogleFault(400, "invalid", "Invalid resource id value.")
        merged = merge(event, changes)
        self._check(merged)
        merged["sequence"] = event["sequence"] + 1
        self._touch(merged)
        self._events[event_id] = merged
        return copy.deepcopy(merged)

    def delete(self, event_id: str, if_match: str | None) -> None:
        """Turn an event into a tombstone; the second time is a 410."""
        event = self._find(event_id)
        match_etag(event, if_match)
        if event["status"] == "cancelled":
            raise GoogleFault(410, "deleted", "Resource has been deleted")
        event["status"] = "cancelled"
        self._touch(event)

    def page(self, wanted: EventFilter) -> Json:
        """Return one page of `events.list`."""
        chosen = [event for event in self._events.values() if self._matches(event, wanted)]
        if wanted.by_start:
            chosen.sort(key=lambda event: (self._span(event)[0], event["id"]))
        first = read_page_token(wanted.page_token)
        page = chosen[first : first + wanted.page_size]
        answer: Json = {
            "kind": "calendar#events",
            "etag": f'"p{self._changes:016d}"',
            "summary": self.calendar_id,
            "updated": stamp(self.clock()),
            "timeZone": self.zone.key,
            "accessRole": "owner",
            "defaultReminders": [],
            "items": copy.deepcopy(page),
        }
        rest = first + wanted.page_size
        if rest < len(chosen):
            answer["nextPageToken"] = make_page_token(rest)
        else:
            answer["nextSyncToken"] = f"sync-{self._changes}"
        return answer

    def busy(self, time_min: datetime, time_max: datetime) -> list[Block]:
        """Return the opaque events between two instants, clipped to them and merged."""
        blocks = []
        for event in self._events.values():
            if event["status"] == "cancelled" or event.get("transparency") == "transparent":
                continue
            start, end = self._span(event)
            if start < time_max and end > time_min:
                blocks.append((max(start, time_min), min(end, time_max)))
        return merge_blocks(blocks)

    def _find(self, event_id: str) -> Json:
        event = self._events.get(event_id)
        if event is None:
            raise GoogleFault(404, "notFound", "Not Found")
        return event

    def _touch(self, event: Json) -> None:
        self._changes += 1
        for name in ("start", "end"):
            if "dateTime" in event[name]:
                # Google shows every time in the calendar's zone, whatever offset it came in.
                local = read_event_time(event[name], name, self.zone).astimezone(self.zone)
                event[name]["dateTime"] = local.isoformat().replace("+00:00", "Z")
                event[name].setdefault("timeZone", self.zone.key)
        event["etag"] = f'"{3_500_000_000_000_000 + self._changes * 2}"'
        event["updated"] = stamp(self.clock())

    def _span(self, event: Json) -> Block:
        return (
            read_event_time(event["start"], "start", self.zone),
            read_event_time(event["end"], "end", self.zone),
        )

    def _check(self, fields: Json) -> None:
        for name in ("start", "end"):
            if not isinstance(fields.get(name), dict):
                raise GoogleFault(400, "required", f"Missing {name} time.")
        start, end = self._span(fields)
        if end < start:
            raise GoogleFault(400, "timeRangeEmpty", "The specified time range is empty.")
        if "recurrence" in fields:
            raise GoogleFault(400, "invalid", "The stand-in keeps single events only.")
        if fields.get("status", "confirmed") not in ("confirmed", "tentative", "cancelled"):
            raise GoogleFault(400, "invalid", "Invalid value for: status")
        if fields.get("transparency", "opaque") not in ("opaque", "transparent"):
            raise GoogleFault(400, "invalid", "Invalid value for: transparency")
        for side in ("private", "shared"):
            properties = fields.get("extendedProperties", {}).get(side, {})
            if not all(isinstance(value, str) for value in properties.values()):
                raise GoogleFault(400, "invalid", f"Invalid value for: {side} property")

    def _matches(self, event: Json, wanted: EventFilter) -> bool:
        if event["status"] == "cancelled" and not wanted.show_deleted:
            return False
        start, end = self._span(event)
        if wanted.time_min is not None and end <= wanted.time_min:
            return False
        if wanted.time_max is not None and start >= wanted.time_max:
            return False
        if wanted.updated_min is not None and read_instant(event["updated"]) < wanted.updated_min:
            return False
        if wanted.text and wanted.text.lower() not in event.get("summary", "").lower():
            return False
        private = event.get("extendedProperties", {}).get("private", {})
        return all(private.get(key) == value for key, value in wanted.private)


def stamp(instant: datetime) -> str:
    """Write an instant as Google does: UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{instant.microsecond // 1000:03d}Z"
    )


def read_instant(text: object) -> datetime:
    """Read an RFC 3339 time that carries its offset.

    Raises:
        GoogleFault: 400 where it is not one.
    """
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        raise GoogleFault(400, "badRequest", "Bad Request") from None
    if instant.tzinfo is None or "T" not in str(text):
        raise GoogleFault(400, "badRequest", "Bad Request")
    return instant


def read_zone(name: object) -> ZoneInfo:
    """Read an IANA zone name.

    Raises:
        GoogleFault: 400 where there is no such zone.
    """
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        raise GoogleFault(400, "invalid", "Invalid time zone definition.") from None


def read_event_time(value: Mapping[str, Any], name: str, calendar_zone: ZoneInfo) -> datetime:
    """Return the instant of an event's `start` or `end`; a `date` begins at local midnight.

    Raises:
        GoogleFault: 400 for a missing, malformed or zone-less time.
    """
    zone = read_zone(value["timeZone"]) if value.get("timeZone") else None
    try:
        if "date" in value:
            day = date.fromisoformat(str(value["date"]))
            return datetime.combine(day, time(), tzinfo=calendar_zone)
        instant = datetime.fromisoformat(str(value["dateTime"]))
    except KeyError:
        raise GoogleFault(400, "required", f"Missing {name} time.") from None
    except ValueError:
        raise GoogleFault(400, "invalid", f"Invalid value for: {name} time") from None
    if instant.tzinfo is None:
        if zone is None:
            message = f"Missing time zone definition for {name} time."
            raise GoogleFault(400, "required", message)
        instant = instant.replace(tzinfo=zone)
    return instant


def match_etag(event: Json, if_match: str | None) -> None:
    """Refuse with 412 unless `If-Match` is absent, `*` or the event's etag."""
    if if_match in (None, "*", event["etag"]):
        return
    raise GoogleFault(
        412, "conditionNotMet", "Precondition Failed", location=("header", "If-Match")
    )


def merge(base: Json, changes: Json) -> Json:
    """Apply a PATCH body: nested objects merge, null removes a key, all else replaces."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def merge_blocks(blocks: Iterable[Block]) -> list[Block]:
    """Sort blocks and join those that overlap or touch."""
    joined: list[Block] = []
    for start, end in sorted(blocks):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif end - start > timedelta(0):
            joined.append((start, end))
    return joined


def make_page_token(offset: int) -> str:
    """Return an opaque token for the page that begins at `offset`."""
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def read_page_token(token: str | None) -> int:
    """Return the offset in a page token; 0 without one.

    Raises:
        GoogleFault: 400 for a token that we never gave out.
    """
    if token is None:
        return 0
    try:
        label, _, offset = base64.urlsafe_b64decode(token).decode().partition(":")
        if label == "offset":
            return int(offset)
    except ValueError:
        pass
    raise GoogleFault(400, "invalid", "Invalid page token value.")


def read_filter(query: MultiMapping[str]) -> EventFilter:
    """Read the query of `events.list`.

    Raises:
        GoogleFault: 400 for a bad value, 410 for a sync token (none stays valid here).
    """
    if "syncToken" in query:
        message = "Sync token is no longer valid, a full sync is required."
        raise GoogleFault(410, "fullSyncRequired", message, domain="calendar")
    by_start = query.get("orderBy") == "startTime"
    if by_start and query.get("singleEvents") != "true":
        message = "The requested ordering is not available for the particular query."
        raise GoogleFault(400, "badRequest", message)
    instants = {
        name: read_instant(query[name]) if name in query else None
        for name in ("timeMin", "timeMax", "updatedMin")
    }
    time_min, time_max = instants["timeMin"], instants["timeMax"]
    if time_min is not None and time_max is not None and time_max <= time_min:
        raise GoogleFault(400, "timeRangeEmpty", "The specified time range is empty.")
    size = query.get("maxResults", str(PAGE_SIZE))
    if not size.isdecimal() or int(size) < 1:
        raise GoogleFault(400, "invalidParameter", "Invalid value for: maxResults")
    pairs = [item.partition("=") for item in query.getall("privateExtendedProperty", [])]
    if not all(separator for _, separator, _ in pairs):
        raise GoogleFault(400, "invalid", "Invalid value for: privateExtendedProperty")
    return EventFilter(
        time_min=time_min,
        time_max=time_max,
        updated_min=instants["updatedMin"],
        private=tuple((key, value) for key, _, value in pairs),
        text=query.get("q", ""),
        show_deleted=query.get("showDeleted") == "true",
        by_start=by_start,
        page_size=min(int(size), PAGE_SIZE_LIMIT),
        page_token=query.get("pageToken"),
    )
