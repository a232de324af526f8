"""Notes about customers: added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import asyncpg

from crm.errors import InputError, NotFoundError
from crm.text import storable

NOTE_MAX_CHARS = 4000
AUTHOR_MAX_CHARS = 100
NOTES_MAX = 100

# A car of somebody else cannot be named: no row comes of it.
_INSERT = """
INSERT INTO customer_notes (customer_id, vehicle_id, author, call_sid, text)
SELECT c.customer_id, v.vehicle_id, $3, $4, $5
  FROM customers c LEFT JOIN vehicles v ON v.vehicle_id = $2 AND v.customer_id = c.customer_id
 WHERE c.customer_id = $1 AND ($2::bigint IS NULL OR v.vehicle_id IS NOT NULL)
RETURNING note_id, customer_id, vehicle_id, author, call_sid, text, at
"""
_LATEST = """
SELECT note_id, customer_id, vehicle_id, author, call_sid, text, at FROM customer_notes
 WHERE customer_id = $1 ORDER BY note_id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note; `vehicle_id` is the car that it is about, `at` is in the shop's zone."""

    note_id: int
    customer_id: int
    vehicle_id: int | None
    author: str
    call_sid: str | None
    text: str
    at: datetime


async def append_note(
    connection: asyncpg.Connection,
    customer_id: int,
    text: str,
    *,
    author: str,
    zone: tzinfo,
    vehicle_id: int | None = None,
    call_sid: str | None = None,
) -> Note:
    """Add a note, cut after 4,000 characters; `author` is who wrote it, such as "agent".

    Raises:
        InputError: the note or its author is empty.
        NotFoundError: there is no such customer, or the car is not theirs.
    """
    row = await connection.fetchrow(
        _INSERT,
        customer_id,
        vehicle_id,
        _filled(author, "author", AUTHOR_MAX_CHARS),
        None if call_sid is None else storable(call_sid)[:AUTHOR_MAX_CHARS],
        _filled(text, "note", NOTE_MAX_CHARS),
    )
    if row is None:
        raise NotFoundError("customers", customer_id)
    return _note(row, zone)


async def notes_of(
    connection: asyncpg.Connection, customer_id: int, limit: int, *, zone: tzinfo
) -> Sequence[Note]:
    """Return the last `limit` notes about a customer, 0 to 100, the latest first."""
    rows = await connection.fetch(_LATEST, customer_id, max(0, min(limit, NOTES_MAX)))
    return tuple(_note(row, zone) for row in rows)


def _filled(text: str, field: str, max_chars: int) -> str:
    kept = storable(text).strip()[:max_chars]
    if not kept:
        raise InputError(field, "is empty")
    return kept


def _note(row: asyncpg.Record, zone: tzinfo) -> Note:
    return Note(
        note_id=row["note_id"],
        customer_id=row["customer_id"],
        vehicle_id=row["vehicle_id"],
        author=row["author"],
        call_sid=row["call_sid"],
        text=row["text"],
        at=row["at"].astimezone(zone),
    )
