"""What is left when a race is over: the rows, their history, and the events of the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg

from crm.pool import close_pool, connection_of, open_pool

READ_DEADLINE_S = 60.0

_ROWS = """
SELECT a.appointment_id, coalesce(a.call_sid, '') AS intent, a.hold_id::text AS key, a.status,
       a.bay_id, a.technician_id, lower(a.during) AS starts, upper(a.during) AS ends,
       a.rescheduled_from, s.labour_minutes
FROM appointments a JOIN services s ON s.code = a.service_code ORDER BY a.appointment_id
"""
_STEPS = """
SELECT appointment_id, event, at FROM appointment_events ORDER BY at, event_id
"""
_DAYS = "SELECT day, labour_minutes, booked_minutes FROM day_capacity ORDER BY day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An appointment; `intent` is the caller's intent that it was made for."""

    appointment_id: int
    intent: str
    key: str
    status: str
    bay_id: int
    technician_id: int | None
    starts: datetime
    ends: datetime
    rescheduled_from: int | None
    labour_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the append-only history."""

    appointment_id: int
    event: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day gives out, and what it says that it has given."""

    day: date
    labour_minutes: int
    booked_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A live event of the calendar; `key` is the hold that it says it stands for."""

    event_id: str
    key: str
    starts: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything that is left."""

    rows: tuple[Row, ...]
    steps: tuple[Step, ...]
    days: tuple[Day, ...]
    events: tuple[Event, ...]


async def read_records(dsn: str, events: Iterable[Mapping[str, Any]]) -> Records:
    """Read the database, and take in the calendar's live events as Google shows them.

    Raises:
        DatabaseError: the database failed.
    """
    pool = await open_pool(dsn, max_size=1)
    try:
        async with connection_of(pool, "read the records", deadline_s=READ_DEADLINE_S) as conn:
            return Records(
                rows=tuple(Row(**dict(row)) for row in await _fetch(conn, _ROWS)),
                steps=tuple(Step(**dict(row)) for row in await _fetch(conn, _STEPS)),
                days=tuple(Day(**dict(row)) for row in await _fetch(conn, _DAYS)),
                events=tuple(_event(item) for item in events),
            )
    finally:
        await close_pool(pool)


async def _fetch(conn: asyncpg.Connection, query: str) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await conn.fetch(query)
    return rows


def _event(item: Mapping[str, Any]) -> Event:
    private = item.get("extendedProperties", {}).get("private", {})
    return Event(
        event_id=str(item["id"]),
        key=str(private.get("booking", "")),
        starts=datetime.fromisoformat(item["start"]["dateTime"]),
    )
