"""Caller records as text for the cache: versioned, and readable back or not at all.

The version is a fingerprint of the fields and types of the records, so that a release which adds a
field cannot read what an older one has written; nobody has to remember to count it up.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from crm.directory import CallerRecord

# Count up when the meaning of a field changes and its type does not.
MEANING = 1
# What is larger than this would cost every reader more than the queries do.
TEXT_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """`phone` repeats the key: an answer that belongs to another question is seen at once."""

    phone: str
    people: tuple[CallerRecord, ...]


_ENTRIES = TypeAdapter(_Entry)
_SHAPE = json.dumps([MEANING, _ENTRIES.json_schema()], sort_keys=True)

VERSION_PREFIX = f"V{hashlib.sha256(_SHAPE.encode()).hexdigest()[:12]}:"


def encode(phone: str, people: tuple[CallerRecord, ...]) -> str | None:
    """Return the records as text, or None where no text can hold them."""
    try:
        body = _ENTRIES.dump_json(_Entry(phone=phone, people=people))
    except (PydanticSerializationError, UnicodeError):
        return None
    if len(body) > TEXT_MAX_BYTES:
        return None
    return VERSION_PREFIX + body.decode("utf-8")


def decode(text: str, phone: str, *, zone: tzinfo) -> tuple[CallerRecord, ...] | None:
    """Return the records of `phone`, or None for anything that `encode` did not write for it.

    Instants come back in `zone`.
    """
    if not text.startswith(VERSION_PREFIX):
        return None
    try:
        entry = _ENTRIES.validate_json(text[len(VERSION_PREFIX) :], strict=True)
        if entry.phone != phone:
            return None
        return tuple(_in_zone(record, zone) for record in entry.people)
    except (ValidationError, ValueError, OverflowError):
        return None


def without_past(people: tuple[CallerRecord, ...], now: datetime) -> tuple[CallerRecord, ...]:
    """Return the records without the appointments that are over at `now`."""
    if all(item.end > now for record in people for item in record.upcoming):
        return people
    return tuple(
        replace(record, upcoming=tuple(item for item in record.upcoming if item.end > now))
        for record in people
    )


def _in_zone(record: CallerRecord, zone: tzinfo) -> CallerRecord:
    if not record.upcoming:
        return record
    return replace(
        record,
        upcoming=tuple(
            replace(item, start=item.start.astimezone(zone), end=item.end.astimezone(zone))
            for item in record.upcoming
        ),
    )
