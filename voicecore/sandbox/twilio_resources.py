"""The JSON that Twilio's REST interface answers with: calls, messages, lists and errors.

Source: Twilio, Calls resource, Messages resource; field names as read by twilio-python 9.13.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from voicecore.sandbox.twilio_call import CallStatus, PlacedCall

API_VERSION = "2010-04-01"

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_ESCAPED = frozenset("^{}\\[~]|€")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A text message that the server asked for."""

    sid: str
    account_sid: str
    to: str
    from_: str | None
    messaging_service_sid: str | None
    body: str
    status_callback: str | None
    created: datetime


def error_json(status: int, code: int, message: str) -> dict[str, object]:
    """Return the body of an error."""
    return {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


def segments(text: str) -> int:
    """Return how many text messages it takes to carry `text`.

    Source: 3GPP TS 23.038 (alphabet), TS 23.040 (concatenation): 160 or 153 septets, else 70 or
    67 UTF-16 units.
    """
    if all(letter in _GSM or letter in _GSM_ESCAPED for letter in text):
        size = sum(2 if letter in _GSM_ESCAPED else 1 for letter in text)
        whole, part = 160, 153
    else:
        size = len(text.encode("utf-16-le")) // 2
        whole, part = 70, 67
    return 1 if size <= whole else -(-size // part)


def message_json(message: SentMessage) -> dict[str, object]:
    """Return a message as Twilio shows it right after it was created."""
    uri = f"/{API_VERSION}/Accounts/{message.account_sid}/Messages/{message.sid}"
    created = format_datetime(message.created)
    return {
        "account_sid": message.account_sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": created,
        "date_sent": None,
        "date_updated": created,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": message.from_,
        "messaging_service_sid": message.messaging_service_sid,
        "num_media": "0",
        "num_segments": str(segments(message.body)),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": "accepted" if message.messaging_service_sid else "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to,
        "uri": f"{uri}.json",
    }


def call_json(call: PlacedCall) -> dict[str, object]:
    """Return a call as it stands."""
    plan = call.plan
    uri = f"/{API_VERSION}/Accounts/{plan.account_sid}/Calls/{call.call_sid}"
    created = datetime.fromtimestamp(call.created_at, UTC)
    ended = created if call.over else None
    parts = ("Events", "Notifications", "Payments", "Recordings", "Siprec", "Streams")
    return {
        "account_sid": plan.account_sid,
        "annotation": None,
        "answered_by": None,
        "api_version": API_VERSION,
        "caller_name": None,
        "date_created": format_datetime(created),
        "date_updated": format_datetime(created),
        "direction": str(plan.direction),
        "duration": str(round(call.line.now_s())) if call.over else None,
        "end_time": format_datetime(ended) if ended else None,
        "forwarded_from": None,
        "from": call.from_,
        "from_formatted": formatted(call.from_),
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": "PN" + "0" * 32,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": call.call_sid,
        "start_time": None if call.status is CallStatus.QUEUED else format_datetime(created),
        "status": str(call.status),
        "subresource_uris": {part.lower(): f"{uri}/{part}.json" for part in parts},
        "to": call.to,
        "to_formatted": formatted(call.to),
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }


def page_json(name: str, path: str, entries: Sequence[dict[str, object]]) -> dict[str, object]:
    """Return a list that fits on one page."""
    return {
        name: list(entries),
        "end": max(0, len(entries) - 1),
        "first_page_uri": f"{path}?PageSize=50&Page=0",
        "next_page_uri": None,
        "page": 0,
        "page_size": 50,
        "previous_page_uri": None,
        "start": 0,
        "uri": f"{path}?PageSize=50&Page=0",
    }


def formatted(number: str) -> str:
    """Return a North American number as people write it, any other unchanged."""
    parts = re.fullmatch(r"\+1(\d{3})(\d{3})(\d{4})", number)
    return "({}) {}-{}".format(*parts.groups()) if parts else number
