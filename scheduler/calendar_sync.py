"""Makes the calendar agree with one appointment, whatever happened before.

Theory of operation: the job says only which appointment; what is to be done is read from the row,
so jobs may be lost, repeated or overtake each other. An advisory lock keeps two of them off one
appointment, and a row that changed while Google was being asked is read again. Staff may have
edited the event: a live event with other times than ours under the version that we wrote, or a
deleted one that we had written down, is theirs. A move is handed to the booking rules; what they
refuse, and every deletion, is flagged and left as the staff made it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import asyncpg

from crm.pool import connection_of
from scheduler.calendar_event import CalendarEvent, StoredEvent, event_id_for
from scheduler.calendar_review import StaffEdit, clear, flag
from scheduler.errors import CalendarError, SchedulerError

log = logging.getLogger(__name__)

# Statuses that have an event; a visit that is over keeps the one it had.
LIVE = frozenset({"confirmed", "checked_in", "in_progress"})
GONE = frozenset({"cancelled", "rescheduled"})
# How many deleted events of one booking are stepped over before we give up.
GENERATIONS = 8
ROUNDS = 4
# Covers the calls to Google of one round, each with its own timeout, and the wait between rounds.
SYNC_DEADLINE_S = 60.0
DUPLICATE = 409

_SELECT = """
SELECT a.appointment_id, a.customer_id, a.status, a.version, a.hold_id, a.calendar_event_id,
       a.calendar_etag, a.call_sid, a.service_code, s.name AS service_name, s.drop_off,
       b.name AS bay_name, t.name AS technician_name,
       c.first_name, c.last_name, c.email, v.year, v.make, v.model,
       lower(a.during) AS starts,
       least(upper(a.during), lower(a.during) + make_interval(mins => s.labour_minutes)) AS ends
FROM appointments a
JOIN services s ON s.code = a.service_code
JOIN bays b USING (bay_id)
JOIN customers c ON c.customer_id = a.customer_id
LEFT JOIN technicians t ON t.technician_id = a.technician_id
LEFT JOIN vehicles v ON v.vehicle_id = a.vehicle_id
WHERE a.appointment_id = $1
"""
# The version stays: this is bookkeeping of ours and no change of the appointment.
_SET_EVENT = """
UPDATE appointments SET calendar_event_id = $2, calendar_etag = $3 WHERE appointment_id = $1
"""
_GET_VERSION = "SELECT version FROM appointments WHERE appointment_id = $1"
_GET_INSTALLATION = "SELECT id FROM installation"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('calendar ' || $1::bigint, 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('calendar ' || $1::bigint, 0))"


class EventStore(Protocol):
    """The calendar's side, as `GoogleCalendar` offers it."""

    async def get(self, event_id: str) -> StoredEvent | None:
        """Return the event as it stands; None where the calendar never had it."""
        ...

    async def ours(
        self, installation: str, start: datetime, end: datetime
    ) -> tuple[StoredEvent, ...]:
        """Return the live events of one installation between two instants."""
        ...

    async def insert(self, event: CalendarEvent) -> StoredEvent:
        """Put a new event in."""
        ...

    async def patch(self, event: CalendarEvent, etag: str) -> StoredEvent:
        """Change an event that still is what `etag` names."""
        ...

    async def delete(
        self, event_id: str, *, etag: str | None = None, send_updates: str = "none"
    ) -> None:
        """Take an event out; one that is gone already is no error."""
        ...


class Mover(Protocol):
    """The booking rules, as `scheduler.staff_moves` offers them."""

    async def move(self, appointment_id: int, customer_id: int, start: datetime) -> bool:
        """Move an appointment to where staff dragged its event; False: it does not fit."""
        ...


@dataclass(frozen=True, slots=True)
class _Edited:
    """Our event as staff left it."""

    edit: StaffEdit
    start: datetime | None
    end: datetime | None


class CalendarSync:
    """Pushes appointments into a calendar, and staff's moves back.

    Without a `mover` every move is flagged. `invites` makes customers with an email address guests.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        calendar: EventStore,
        *,
        zone: ZoneInfo,
        mover: Mover | None = None,
        invites: bool = False,
    ) -> None:
        self._pool = pool
        self._calendar = calendar
        self._zone = zone
        self._mover = mover
        self._invites = invites
        self._installation = ""

    async def sync(self, appointment_id: int) -> None:
        """Make the calendar agree with the appointment; an unknown one is left alone.

        Raises:
            CalendarError: not this time; retryable ones can succeed later.
            DatabaseError: the database failed; the same again is safe.
        """
        await self._agree(appointment_id, is_forced=False)

    async def restore(self, appointment_id: int) -> None:
        """Put the event back as it is booked, over whatever staff did to it.

        Raises:
            CalendarError: not this time; retryable ones can succeed later.
            DatabaseError: the database failed; the same again is safe.
        """
        await self._agree(appointment_id, is_forced=True)

    async def _agree(self, appointment_id: int, *, is_forced: bool) -> None:
        async with self._alone(appointment_id) as conn:
            self._installation = self._installation or await installation_of(conn)
            for _ in range(ROUNDS):
                row = await conn.fetchrow(_SELECT, appointment_id)
                if row is None:
                    return
                if row["status"] in LIVE:
                    await self._show(conn, row, is_forced=is_forced)
                elif row["status"] in GONE:
                    await self._remove(row)
                    await conn.execute(_SET_EVENT, appointment_id, None, None)
                    await clear(conn, appointment_id)
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

    async def _show(
        self, conn: asyncpg.Connection, row: asyncpg.Record, *, is_forced: bool
    ) -> None:
        shown = await self._put(row, is_forced=is_forced)
        if isinstance(shown, StoredEvent):
            await conn.execute(_SET_EVENT, row["appointment_id"], shown.event_id, shown.etag)
            await clear(conn, row["appointment_id"])
        elif shown.edit is not StaffEdit.MOVED or not await self._follow(row, shown):
            appointment_id = row["appointment_id"]
            if await flag(conn, appointment_id, shown.edit, start=shown.start, end=shown.end):
                extra = {"appointment_id": appointment_id, "edit": shown.edit.value}
                log.warning("calendar_needs_review", extra=extra)

    async def _follow(self, row: asyncpg.Record, shown: _Edited) -> bool:
        """Move the appointment to where staff dragged it; return whether that was possible.

        A car that waits for its bay has two times, and the event shows one of them.
        """
        is_movable = row["status"] == "confirmed" and not row["drop_off"]
        if self._mover is None or not is_movable or shown.start is None:
            return False
        try:
            return await self._mover.move(row["appointment_id"], row["customer_id"], shown.start)
        except SchedulerError as error:
            raise CalendarError(f"staff's move: {error}", retryable=True) from error

    async def _put(self, row: asyncpg.Record, *, is_forced: bool) -> StoredEvent | _Edited:
        """Write the event under the first id of ours that is not burnt."""
        for generation in range(GENERATIONS):
            event = self._event(row, event_id_for(row["hold_id"], generation))
            stored = await self._calendar.get(event.event_id)
            if stored is None:
                try:
                    return await self._calendar.insert(event)
                except CalendarError as error:
                    # A write of ours that was thought lost has arrived in between.
                    if error.status != DUPLICATE:
                        raise
                    stored = await self._calendar.get(event.event_id)
            if stored is None:
                raise CalendarError("an event that is there and is not", retryable=True)
            if stored.is_deleted or stored.key != event.key:
                if stored.event_id == row["calendar_event_id"] and not is_forced:
                    return _Edited(StaffEdit.DELETED, None, None)
                continue
            return await self._update(row, event, stored, is_forced=is_forced)
        raise CalendarError("every event id of this booking is burnt", retryable=False)

    async def _update(
        self, row: asyncpg.Record, event: CalendarEvent, stored: StoredEvent, *, is_forced: bool
    ) -> StoredEvent | _Edited:
        is_where_booked = (stored.start, stored.end) == (event.start, event.end)
        if not is_where_booked and not is_forced and _is_by_staff(row, stored):
            return _Edited(_edit_of(event, stored), stored.start, stored.end)
        if is_where_booked and stored.version == str(event.version):
            return stored
        return await self._calendar.patch(event, stored.etag)

    async def _remove(self, row: asyncpg.Record) -> None:
        """Delete every live event of the booking, written down or not.

        Its first answer may have been lost, so the ids are walked and not only the stored one used.
        """
        send_updates = "all" if self._guests(row) else "none"
        for generation in range(GENERATIONS):
            event_id = event_id_for(row["hold_id"], generation)
            stored = await self._calendar.get(event_id)
            if stored is None:
                return
            if not stored.is_deleted and stored.key == str(row["hold_id"]):
                await self._calendar.delete(event_id, send_updates=send_updates)

    def _guests(self, row: asyncpg.Record) -> tuple[str, ...]:
        return (row["email"],) if self._invites and row["email"] else ()

    def _event(self, row: asyncpg.Record, event_id: str) -> CalendarEvent:
        car = f"{row['year']} {row['make']} {row['model']}" if row["make"] else "no car given"
        private = {"service_code": row["service_code"]}
        if row["call_sid"]:
            private["call_sid"] = row["call_sid"]
        place = row["bay_name"]
        if row["technician_name"]:
            place = f"{place}, {row['technician_name']}"
        return CalendarEvent(
            event_id=event_id,
            key=str(row["hold_id"]),
            appointment_id=row["appointment_id"],
            version=row["version"],
            summary=f"{row['service_name']}: {row['first_name']} {row['last_name']}, {car}",
            description=f"{place}. Appointment {row['appointment_id']}, by phone.",
            start=row["starts"],
            end=row["ends"],
            zone=self._zone,
            installation=self._installation,
            guests=self._guests(row),
            private=private,
        )


async def installation_of(conn: asyncpg.Connection) -> str:
    """Return the id that this database stamps on its events."""
    found = await conn.fetchval(_GET_INSTALLATION)
    return found.hex if found is not None else ""


def _is_by_staff(row: asyncpg.Record, stored: StoredEvent) -> bool:
    """Tell whether other times are staff's doing and not an older push of ours."""
    if stored.version == str(row["version"]):
        return True
    return row["calendar_etag"] is not None and stored.etag != row["calendar_etag"]


def _edit_of(event: CalendarEvent, stored: StoredEvent) -> StaffEdit:
    if stored.start is None or stored.end is None:
        return StaffEdit.MOVED
    is_as_long = stored.end - stored.start == event.end - event.start
    return StaffEdit.MOVED if is_as_long else StaffEdit.RESIZED
