"""One appointment as a calendar file; nothing of the customer is in it.

Source: RFC 5545 (iCalendar): content lines of at most 75 octets, CRLF, escaped text.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from voicecore.net.ics_link import IcsLinks

_LINE_BYTES = 75


class Visit(Protocol):
    """The appointment as the file tells it; nothing of the customer."""

    @property
    def appointment_id(self) -> int: ...
    @property
    def service_name(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def version(self) -> int: ...
    @property
    def is_on(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFiles:
    """What the route of the files needs; `find` returns None where there is no such appointment."""

    links: IcsLinks
    find: Callable[[int], Awaitable[Visit | None]]
    shop_name: str
    shop_address: str
    host: str


def render_ics(visit: Visit, files: CalendarFiles) -> str:
    """Return the appointment as iCalendar text; one that was called off says so."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//voicecore//appointments//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:appointment-{visit.appointment_id}@{files.host}",
        f"SEQUENCE:{visit.version}",
        f"DTSTAMP:{_utc(datetime.now(UTC))}",
        f"DTSTART:{_utc(visit.start)}",
        f"DTEND:{_utc(visit.end)}",
        f"SUMMARY:{_escaped(f'{visit.service_name} at {files.shop_name}')}",
        f"LOCATION:{_escaped(files.shop_address)}",
        f"STATUS:{'CONFIRMED' if visit.is_on else 'CANCELLED'}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", ""), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text


def _folded(line: str) -> str:
    """Break a line between characters; what follows begins with a space."""
    parts, size = [""], 0
    for letter in line:
        width = len(letter.encode())
        if size + width > _LINE_BYTES:
            parts.append(" ")
            size = 1
        parts[-1] += letter
        size += width
    return "\r\n".join(parts)
