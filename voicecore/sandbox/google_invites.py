"""Who is invited to an event of the stand-in, and which mails Google would have sent.

Source: Google Calendar API v3, Events resource (`attendees`) and `sendUpdates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voicecore.sandbox.google_events import GoogleFault, Json
from voicecore.sandbox.google_oauth import Grant

SEND_UPDATES = ("all", "externalOnly", "none")


class Mail(StrEnum):
    """What a guest is told."""

    INVITED = "invited"
    CHANGED = "changed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SentMail:
    """One mail to a guest."""

    to: str
    event_id: str
    about: Mail


def check_send_updates(value: str) -> None:
    """Refuse a `sendUpdates` that Google does not know."""
    if value not in SEND_UPDATES:
        raise GoogleFault(400, "invalidParameter", "Invalid value for: sendUpdates")


def check_attendees(body: Json, grant: Grant) -> None:
    """Refuse guests without an address, and those that a service account may not invite."""
    attendees = body.get("attendees") or []
    for guest in attendees:
        address = guest.get("email") if isinstance(guest, dict) else None
        if not isinstance(address, str) or address.count("@") != 1 or " " in address:
            raise GoogleFault(400, "invalid", "Invalid attendee email.")
        guest.setdefault("responseStatus", "needsAction")
    if attendees and grant.account and grant.subject in (None, grant.account):
        message = "Service accounts cannot invite attendees without Domain-Wide Delegation."
        raise GoogleFault(403, "forbiddenForServiceAccounts", message, domain="calendar")


def mails_about(event: Json, about: Mail, send_updates: str) -> list[SentMail]:
    """Return the mails that a write of `event` causes."""
    if send_updates == "none":
        return []
    return [SentMail(guest["email"], event["id"], about) for guest in event.get("attendees", [])]
