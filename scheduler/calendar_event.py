"""One appointment as an event of Google Calendar: its id, its body, its times."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.errors import CalendarError

# Alphabet of Google's event ids: RFC 4648 base32hex in lower case, 0-9 and a-v, 5 to 1024 of them.
# Source: Google Calendar API v3, Events resource, `id`.
EVENT_ID_LENGTH = 40
KEY_PROPERTY = "booking"
APPOINTMENT_PROPERTY = "appointment_id"
VERSION_PROPERTY = "version"
INSTALLATION_PROPERTY = "installation"


def event_id_for(hold_id: UUID, generation: int = 0) -> str:
    """Return the event id of a booking, the same for every repeat.

    A deleted event burns its id; `generation` counts the ids that are burnt.
    """
    digest = hashlib.sha256(f"{hold_id} {generation}".encode()).digest()
    return base64.b32hexencode(digest).decode().lower()[:EVENT_ID_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """What we want to stand in the calendar.

    `key` ties it to the booking, `installation` to the database; `guests` are email addresses.
    """

    event_id: str
    key: str
    appointment_id: int
    version: int
    summary: str
    description: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    installation: str = ""
    guests: tuple[str, ...] = ()
    private: dict[str, str] = field(default_factory=dict)

    @property
    def send_updates(self) -> str:
        """Whom Google mails about a change: everybody who is invited."""
        return "all" if self.guests else "none"

    def body(self) -> dict[str, Any]:
        """Return the JSON of the event, times with offset and zone.

        The event is transparent: our own bookings must not come back as the calendar's busy
        blocks, which close the whole shop and not just one bay.
        """
        body: dict[str, Any] = {
            "id": self.event_id,
            "summary": self.summary,
            "description": self.description,
            "start": self._time(self.start),
            "end": self._time(self.end),
            "transparency": "transparent",
            "extendedProperties": {
                "private": {
                    **self.private,
                    KEY_PROPERTY: self.key,
                    APPOINTMENT_PROPERTY: str(self.appointment_id),
                    VERSION_PROPERTY: str(self.version),
                    INSTALLATION_PROPERTY: self.installation,
                }
            },
        }
        if self.guests:
            # A guest sees the shop's times, not the other guests' answers.
            body["attendees"] = [{"email": address} for address in self.guests]
            body["guestsCanInviteOthers"] = False
        return body

    def changes(self) -> dict[str, Any]:
        """Return the JSON that makes a stored event this one, even one of whole days."""
        body = self.body()
        for name in ("start", "end"):
            body[name] = {**body[name], "date": None}
        return body

    def _time(self, instant: datetime) -> dict[str, str]:
        local = instant.astimezone(self.zone)
        return {"dateTime": local.isoformat(), "timeZone": self.zone.key}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as the calendar has it; `key` and `version` are None where it is not ours.

    `start` and `end` are None where they are whole days or cannot be read.
    """

    event_id: str
    etag: str
    is_deleted: bool
    key: str | None
    version: str | None
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def parse(cls, item: dict[str, Any]) -> StoredEvent:
        """Read an Event resource.

        Raises:
            CalendarError: it is not one.
        """
        properties = item.get("extendedProperties")
        private = properties.get("private") if isinstance(properties, dict) else None
        private = private if isinstance(private, dict) else {}
        try:
            return cls(
                event_id=str(item["id"]),
                etag=str(item["etag"]),
                is_deleted=item.get("status") == "cancelled",
                key=private.get(KEY_PROPERTY),
                version=private.get(VERSION_PROPERTY),
                start=_instant(item.get("start")),
                end=_instant(item.get("end")),
            )
        except KeyError as error:
            reason = f"an event without {error.args[0]}"
            raise CalendarError(reason, retryable=True) from error


def _instant(value: object) -> datetime | None:
    text = value.get("dateTime") if isinstance(value, dict) else None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
