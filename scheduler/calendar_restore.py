"""Asks a worker to put an event back as it is booked, over what staff did to it."""

from __future__ import annotations

import asyncpg

from crm.pool import connection_of
from scheduler.jobs import CALENDAR_SYNC, JobQueue

_IS_SHOWN = """
SELECT EXISTS (
    SELECT FROM calendar_entries JOIN appointments USING (appointment_id)
    WHERE appointment_id = $1 AND status IN ('confirmed', 'checked_in', 'in_progress'))
"""


async def enqueue_restore(pool: asyncpg.Pool, appointment_id: int) -> bool:
    """Write the job down; return False where no such appointment belongs in the calendar.

    Raises:
        DatabaseError: the database failed.
    """
    jobs = JobQueue(pool)
    await jobs.install()
    async with connection_of(pool, "restore an event") as conn:
        if not await conn.fetchval(_IS_SHOWN, appointment_id):
            return False
        payload = {"appointment_id": appointment_id, "restore": True}
        key = f"{CALENDAR_SYNC} restore {appointment_id}"
        await jobs.enqueue(conn, CALENDAR_SYNC, payload, dedupe_key=key)
        return True
