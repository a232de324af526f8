"""What happened to an appointment, as it was written down at the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import asyncpg

EVENTS_MAX = 100

_OF_APPOINTMENT = """
SELECT event, actor, call_sid, detail, at FROM appointment_events
 WHERE appointment_id = $1 ORDER BY event_id LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentEvent:
    """One step; `actor` is who took it, `detail` a JSON object as text, `at` in the shop's zone."""

    event: str
    actor: str
    call_sid: str | None
    detail: str
    at: datetime


async def events_of(
    connection: asyncpg.Connection, appointment_id: int, *, zone: tzinfo
) -> Sequence[AppointmentEvent]:
    """Return the steps of an appointment, the first first; at most 100, none for one unknown."""
    rows = await connection.fetch(_OF_APPOINTMENT, appointment_id, EVENTS_MAX)
    return tuple(
        AppointmentEvent(
            event=row["event"],
            actor=row["actor"],
            call_sid=row["call_sid"],
            detail=row["detail"],
            at=row["at"].astimezone(zone),
        )
        for row in rows
    )
