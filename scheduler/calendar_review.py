"""What staff did in the calendar that a booking could not follow, until a person has looked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import asyncpg

ACTOR = "calendar"
LIST_LIMIT = 200

_FLAG = """
INSERT INTO calendar_entries AS e (appointment_id, review, review_detail, review_since)
VALUES ($1, $2, $3::jsonb, now())
ON CONFLICT (appointment_id) DO UPDATE
   SET review = EXCLUDED.review, review_detail = EXCLUDED.review_detail, review_since = now()
 WHERE (e.review, e.review_detail) IS DISTINCT FROM (EXCLUDED.review, EXCLUDED.review_detail)
RETURNING appointment_id
"""
_CLEAR = """
UPDATE calendar_entries SET review = NULL, review_detail = '{}', review_since = NULL
 WHERE appointment_id = $1 AND review IS NOT NULL
RETURNING appointment_id
"""
_RECORD = """
INSERT INTO appointment_events (appointment_id, event, actor, detail) VALUES ($1, $2, $3, $4::jsonb)
"""
_OPEN = """
SELECT e.appointment_id, e.review, e.review_detail, e.review_since, lower(a.during) AS starts,
       a.status
  FROM calendar_entries e JOIN appointments a USING (appointment_id)
 WHERE e.review IS NOT NULL ORDER BY e.review_since, e.appointment_id LIMIT $1
"""


class StaffEdit(StrEnum):
    """What a person did to one of our events."""

    MOVED = "moved"
    RESIZED = "resized"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One appointment to look at; `shown_start` is where staff put it, None where they deleted it.

    It is booked from `booked_start` on, whatever the calendar shows.
    """

    appointment_id: int
    edit: StaffEdit
    booked_start: datetime
    shown_start: str | None
    since: datetime


async def flag(
    conn: asyncpg.Connection,
    appointment_id: int,
    edit: StaffEdit,
    *,
    start: datetime | None,
    end: datetime | None,
) -> bool:
    """Set the flag; return False where the same was flagged before."""
    detail = json.dumps(
        {
            "start": None if start is None else start.isoformat(),
            "end": None if end is None else end.isoformat(),
        }
    )
    async with conn.transaction():
        if await conn.fetchval(_FLAG, appointment_id, edit.value, detail) is None:
            return False
        await conn.execute(_RECORD, appointment_id, f"calendar_{edit.value}", ACTOR, detail)
        return True


async def clear(conn: asyncpg.Connection, appointment_id: int) -> bool:
    """Take the flag away; return whether there was one."""
    async with conn.transaction():
        if await conn.fetchval(_CLEAR, appointment_id) is None:
            return False
        await conn.execute(_RECORD, appointment_id, "calendar_settled", ACTOR, "{}")
        return True


async def open_reviews(conn: asyncpg.Connection) -> Sequence[Review]:
    """Return what is to be looked at, the oldest first; at most 200."""
    return tuple(
        Review(
            appointment_id=row["appointment_id"],
            edit=StaffEdit(row["review"]),
            booked_start=row["starts"],
            shown_start=json.loads(row["review_detail"]).get("start"),
            since=row["review_since"],
        )
        for row in await conn.fetch(_OPEN, LIST_LIMIT)
    )
