"""Makes the calendar agree with one appointment, whatever happened before.

The job says only which appointment; what is to be done is read from the row, so jobs may be lost,
repeated or overtake each other. An advisory lock keeps two of them off one appointment, and a row
that changed while Google was being asked is read again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from zoneinfo import ZoneInfo

import asyncpg

from crm.pool import connection_of
from scheduler.calendar_event import CalendarEvent, StoredEvent, event_id_for
from scheduler.errors import CalendarError

# Statuses that have an event; a visit that is over keeps the one it had.
LIVE = frozenset({"confirmed", "checked_in", "in_progress"})
GONE = frozenset({"cancelled", "rescheduled"})
# How many deleted events of one booking are stepped over before we give up.
GENERATIONS = 8
ROUNDS = 4
# Covers the calls to Google of one round, each with its own timeout, and the wait between rounds.
SYNC_DEADLINE_S = 60.0

_SELECT = """
SELECT a.appointment_id, a.status, a.version, a.hold_id, a.calendar_event_id, a.call_sid,
       a.service_code, s.name AS service_name, b.name AS bay_name,
       c.first_name, c.last_name, v.year, v.make, v.model,
       lower(a.during) AS starts,
       least(upper(a.during), lower(a.during) + make_interval(mins => s.labour_minutes)) AS ends
FROM appointments a
JOIN services s ON s.code = a.service_code
JOIN bays b USING (bay_id)
JOIN customers c ON c.customer_id = a.customer_id
LEFT JOIN vehicles v ON v.vehicle_id = a.vehicle_id
WHERE a.appointment_id = $1
"""
# The version stays: this is bookkeeping of ours and no change of the appointment.
_SET_EVENT = """
UPDATE appointments SET calendar_event_id = $2, calendar_etag = $3 WHERE appointment_id = $1
"""
_GET_VERSION = "SELECT version FROM appointments WHERE appointment_id = $1"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('calendar ' || $1::bigint, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('calendar ' || $1::bigint, 0))"


class EventStore(Protocol):
    """The calendar's side, as `GoogleCalendar` offers it."""

    async def get(self, event_id: str) -> StoredEvent | None:
        """Return the event as it stands; None where the calendar never had it."""
        ...

    async def insert(self, event: CalendarEvent) -> StoredEvent:
        """Put a new event in."""
        ...

    async def patch(self, event: CalendarEvent, etag: str) -> StoredEvent:
        """Change an event that still is what `etag` names."""
        ...

    async def delete(self, event_id: str) -> None:
        """Take an event out; one that is gone already is no error."""
        ...


class CalendarSync:
    """Pushes appointments into a calendar."""

    def __init__(self, pool: asyncpg.Pool, calendar: EventStore, *, zone: ZoneInfo) -> None:
        self._pool = pool
        self._calendar = calendar
        self._zone = zone

    async def sync(self, appointment_id: int) -> None:
        """Make the calendar agree with the appointment; an unknown one is left alone.

        Raises:
            CalendarError: not this time; retryable ones can succeed later.
            DatabaseError: the database failed; the same again is safe.
        """
        async with self._alone(appointment_id) as conn:
            for _ in range(ROUNDS):
                row = await conn.fetchrow(_SELECT, appointment_id)
                if row is None:
                    return
                if row["status"] in LIVE:
                    stored = await self._put(row)
                    await conn.execute(_SET_EVENT, appointment_id, stored.event_id, stored.etag)
                elif row["status"] in GONE:
                    await self._remove(row)
                    await conn.execute(_SET_EVENT, appointment_id, None, None)
                if await conn.fetchval(_GET_VERSION, appointment_id) == row["version"]:
                    return
        raise CalendarError("the appointment keeps changing", retryable=True)

    @asynccontextmanager
    async def _alone(self, appointment_id: int) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection that holds the appointment's advisory lock.

        A connection that is lost frees the lock, as it belongs to the server session.
        """
        async with connection_of(self._pool, "calendar sync", deadline_s=SYNC_DEADLINE_S) as conn:
            if not await conn.fetchval(_TRY_LOCK, appointment_id):
                raise CalendarError("another worker is at this appointment", retryable=True)
            try:
                yield conn
            finally:
                if not conn.is_closed():
                    await conn.execute(_UNLOCK, appointment_id)

    async def _put(self, row: asyncpg.Record) -> StoredEvent:
        """Write the event under the first id of ours that is not burnt."""
        for generation in range(GENERATIONS):
            event = self._event(row, event_id_for(row["hold_id"], generation))
            stored = await self._calendar.get(event.event_id)
            if stored is None:
                return await self._calendar.insert(event)
            if stored.is_deleted or stored.key != event.key:
                continue
            if stored.version == str(event.version):
                return stored
            return await self._calendar.patch(event, stored.etag)
        raise CalendarError("every event id of this booking is burnt", retryable=False)

    async def _remove(self, row: asyncpg.Record) -> None:
        """Delete every live event of the booking, written down or not.

        Its first answer may have been lost, so the ids are walked and not only the stored one used.
        """
        for generation in range(GENERATIONS):
            event_id = event_id_for(row["hold_id"], generation)
            stored = await self._calendar.get(event_id)
            if stored is None:
                return
            if not stored.is_deleted and stored.key == str(row["hold_id"]):
                await self._calendar.delete(event_id)

    def _event(self, row: asyncpg.Record, event_id: str) -> CalendarEvent:
        car = f"{row['year']} {row['make']} {row['model']}" if row["make"] else "no car given"
        private = {"service_code": row["service_code"]}
        if row["call_sid"]:
            private["call_sid"] = row["call_sid"]
        return CalendarEvent(
            event_id=event_id,
            key=str(row["hold_id"]),
            appointment_id=row["appointment_id"],
            version=row["version"],
            summary=f"{row['service_name']}: {row['first_name']} {row['last_name']}, {car}",
            description=f"{row['bay_name']}. Appointment {row['appointment_id']}, by phone.",
            start=row["starts"],
            end=row["ends"],
            zone=self._zone,
            private=private,
        )
