"""Compares the calendar with the appointments and repairs what differs, both ways.

Only appointments that were booked for the calendar are looked at, and only so many days ahead: what
was imported is never pushed. An appointment that differs gets an ordinary calendar job; events of
ours that belong to nothing are taken out here.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from crm.pool import connection_of
from scheduler.calendar_event import StoredEvent, event_id_for
from scheduler.calendar_sync import GENERATIONS, GONE, LIVE, EventStore, installation_of
from scheduler.errors import CalendarError
from scheduler.jobs import CALENDAR_SYNC, JobQueue

log = logging.getLogger(__name__)

DAYS_AHEAD = 30
# A visit of today that is late, and clocks that differ.
LOOK_BACK = timedelta(days=1)
READ_DEADLINE_S = 30.0
REPAIRS_LIMIT = 1000

_COLUMNS = """
SELECT a.appointment_id, a.status, a.version, a.hold_id, a.calendar_event_id, e.review,
       lower(a.during) AS starts,
       least(upper(a.during), lower(a.during) + make_interval(mins => s.labour_minutes)) AS ends
FROM appointments a JOIN services s ON s.code = a.service_code
"""
_OF_EVENTS = (
    _COLUMNS
    + """
LEFT JOIN calendar_entries e USING (appointment_id)
WHERE a.hold_id = ANY($1::uuid[])
"""
)
_OF_WINDOW = (
    _COLUMNS
    + """
JOIN calendar_entries e USING (appointment_id)
WHERE lower(a.during) >= $1 AND lower(a.during) < $2
  AND a.status IN ('confirmed', 'checked_in', 'in_progress')
"""
)
_DEAD = """
SELECT convert_from(payload, 'UTF8')::jsonb ->> 'appointment_id' AS appointment_id
FROM pgqueuer WHERE entrypoint = $1 AND status = 'failed'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """What was found: appointments that got a job, and events that were taken out."""

    differing: tuple[int, ...] = ()
    orphans: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether both sides agreed."""
        return not (self.differing or self.orphans or self.duplicates)


class Reconciler:
    """Repairs drift between one database and one calendar."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        calendar: EventStore,
        jobs: JobQueue,
        *,
        days_ahead: int = DAYS_AHEAD,
    ) -> None:
        self._pool = pool
        self._calendar = calendar
        self._jobs = jobs
        self._days_ahead = days_ahead

    async def run(self, now: datetime | None = None) -> Repairs:
        """Compare and repair once; return what was done.

        Raises:
            CalendarError: the calendar could not be read or written.
            DatabaseError: the database failed; the same again is safe.
        """
        now = now or datetime.now(UTC)
        since, until = now - LOOK_BACK, now + timedelta(days=self._days_ahead)
        await self._jobs.install()
        async with connection_of(self._pool, "reconcile") as conn:
            installation = await installation_of(conn)
        # The events are read first: a row that is booked in between has none yet, and that is no
        # difference that the job of its own would not settle.
        events = await self._calendar.ours(installation, since, until)
        rows, dead = await self._rows(events, since, until)
        orphans = [event for event in events if event.key not in rows]
        duplicates, differing = _compare(events, rows)
        differing = [number for number in differing if number not in dead][:REPAIRS_LIMIT]
        for event in (*orphans, *duplicates):
            await self._take_out(event)
        await self._enqueue(differing)
        found = Repairs(
            differing=tuple(differing),
            orphans=tuple(event.event_id for event in orphans),
            duplicates=tuple(event.event_id for event in duplicates),
        )
        if not found.is_clean:
            extra = {
                "differing": len(found.differing),
                "orphans": found.orphans[:10],
                "duplicates": found.duplicates[:10],
            }
            log.warning("calendar_repaired", extra=extra)
        return found

    async def _rows(
        self, events: Sequence[StoredEvent], since: datetime, until: datetime
    ) -> tuple[dict[str | None, asyncpg.Record], set[int]]:
        """Return the appointments by their key, and those whose job has failed for good."""
        keys = [key for event in events if (key := _read_key(event.key)) is not None]
        async with connection_of(self._pool, "reconcile", deadline_s=READ_DEADLINE_S) as conn:
            rows = await conn.fetch(_OF_EVENTS, keys)
            rows += await conn.fetch(_OF_WINDOW, since, until)
            dead = await conn.fetch(_DEAD, CALENDAR_SYNC)
        return (
            {str(row["hold_id"]): row for row in rows},
            {int(row["appointment_id"]) for row in dead if row["appointment_id"]},
        )

    async def _take_out(self, event: StoredEvent) -> None:
        try:
            await self._calendar.delete(event.event_id, etag=event.etag)
        except CalendarError as error:
            # Somebody is at it: the next round sees it as it then is.
            if not (error.retryable and error.status is not None and error.status == 412):
                raise

    async def _enqueue(self, differing: Sequence[int]) -> None:
        for appointment_id in differing:
            async with connection_of(self._pool, "reconcile") as conn:
                await self._jobs.enqueue_calendar_sync(conn, appointment_id)


def _compare(
    events: Sequence[StoredEvent], rows: Mapping[str | None, asyncpg.Record]
) -> tuple[list[StoredEvent], list[int]]:
    """Return events that stand beside the right one, and appointments that need a job."""
    by_key: dict[str | None, list[StoredEvent]] = defaultdict(list)
    for event in events:
        if event.key in rows:
            by_key[event.key].append(event)
    duplicates: list[StoredEvent] = []
    differing: list[int] = []
    for key, row in rows.items():
        found = by_key[key]
        if row["status"] in GONE:
            # Its job walks the ids of the booking; a copy that staff made has another one.
            own = _ids_of(row)
            duplicates += [event for event in found if event.event_id not in own]
            found = [event for event in found if event.event_id in own]
        elif row["status"] in LIVE and len(found) > 1:
            right = _right_one(found, row)
            duplicates += [event for event in found if event is not right]
            found = [right]
        if _differs(row, found[0] if found else None):
            differing.append(row["appointment_id"])
    return duplicates, differing


def _right_one(found: Sequence[StoredEvent], row: asyncpg.Record) -> StoredEvent:
    """Return the event that we wrote down, else one that we could have written."""
    own = _ids_of(row)
    return min(
        found,
        key=lambda event: (event.event_id != row["calendar_event_id"], event.event_id not in own),
    )


def _ids_of(row: asyncpg.Record) -> frozenset[str]:
    return frozenset(event_id_for(row["hold_id"], number) for number in range(GENERATIONS))


def _differs(row: asyncpg.Record, event: StoredEvent | None) -> bool:
    if row["status"] in GONE:
        return event is not None
    if row["status"] not in LIVE:
        return False
    if event is None:
        return bool(row["review"] != "deleted")
    shown = (event.start, event.end, event.version, event.event_id)
    booked = (row["starts"], row["ends"], str(row["version"]), row["calendar_event_id"])
    # What staff moved differs for as long as it is not settled; its job finds out what changed.
    return shown != booked or row["review"] is not None


def _read_key(key: str | None) -> UUID | None:
    try:
        return UUID(key or "")
    except ValueError:
        return None
