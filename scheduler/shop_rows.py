"""What the database says about the shop: services, bays, people, hours, and what is taken."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from scheduler.occupancy import Span
from scheduler.shop import Bay, OpeningHours, Service, Shop, SpecialHours, Technician

_SERVICES = """
SELECT code, name, labour_minutes, buffer_minutes, bay_type, price_cents, skill, drop_off
FROM services WHERE active ORDER BY name
"""
_BAYS = "SELECT bay_id, name, bay_type FROM bays WHERE active ORDER BY bay_id"
_HOURS = "SELECT weekday, opens, closes FROM opening_hours ORDER BY weekday, opens"
_SPECIAL_HOURS = "SELECT day, opens, closes FROM special_hours ORDER BY day, opens"
_TECHNICIANS = """
SELECT t.technician_id, t.name,
       array(SELECT skill FROM technician_skills s WHERE s.technician_id = t.technician_id)
           AS skills
FROM technicians t WHERE t.active ORDER BY t.technician_id
"""
_SHIFTS = "SELECT technician_id, weekday, starts, ends FROM technician_shifts ORDER BY 1, 2, 3"
_BREAKS = "SELECT technician_id, weekday, starts, ends FROM technician_breaks ORDER BY 1, 2, 3"
# One answer for all: a row is an appointment, a closure (0), or the labour that a day has left,
# which has no bay and no technician and its day in place of an appointment. Holds that have
# expired still count in `booked_minutes` until somebody removes them. A closure without end is
# cut off at the edges that were asked for.
_TAKEN = """
SELECT appointment_id AS key, floor(extract(epoch FROM lower(during)) / 60)::bigint AS starts,
       ceil(extract(epoch FROM upper(during)) / 60)::bigint AS ends, bay_id, technician_id,
       false AS is_day
FROM appointments
WHERE lower(during) >= $1::timestamptz - interval '24 hours' AND lower(during) < $2
  AND upper(during) > $1 AND status IN ('held', 'confirmed', 'checked_in', 'in_progress')
  AND (status <> 'held' OR hold_expires_at > now())
UNION ALL
SELECT 0, floor(extract(epoch FROM lower(during * tstzrange($1, $2))) / 60)::bigint,
       ceil(extract(epoch FROM upper(during * tstzrange($1, $2))) / 60)::bigint, bay_id, NULL,
       false
FROM closures WHERE during && tstzrange($1, $2)
UNION ALL
SELECT d.day - date '1970-01-01', d.labour_minutes - d.booked_minutes + coalesce((
           SELECT sum(s.labour_minutes) FROM appointments a JOIN services s
               ON s.code = a.service_code
           WHERE a.status = 'held' AND a.hold_expires_at <= now()
             AND (lower(a.during) AT TIME ZONE $3)::date = d.day), 0),
       0, NULL, NULL, true
FROM day_capacity d
WHERE d.day BETWEEN ($1 AT TIME ZONE $3)::date AND ($2 AT TIME ZONE $3)::date
"""
_SERVICE_OF = """
SELECT service_code FROM appointments WHERE appointment_id = $1 AND customer_id = $2
"""
_LAST_TECHNICIAN = """
SELECT h.technician_id FROM service_history h JOIN technicians t USING (technician_id)
WHERE h.customer_id = $1 AND t.active ORDER BY h.on_date DESC, h.history_id DESC LIMIT 1
"""
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class TakenRows:
    """What was taken in a stretch of time when it was read.

    `spans` are keyed by their appointment, closures by 0; `room` has the minutes of labour that
    a day has left, days without a limit left out.
    """

    spans: Sequence[tuple[int, Span]]
    room: Mapping[date, int]


async def load_services(conn: asyncpg.Connection) -> tuple[Service, ...]:
    """Return the services on offer, by name."""
    return tuple(Service(**dict(row)) for row in await conn.fetch(_SERVICES))


async def load_shop(
    conn: asyncpg.Connection, zone: ZoneInfo, holidays: Container[date] = frozenset()
) -> Shop:
    """Return the active bays and technicians, and all hours."""
    bays = tuple(Bay(**dict(row)) for row in await conn.fetch(_BAYS))
    hours = tuple(OpeningHours(**dict(row)) for row in await conn.fetch(_HOURS))
    special = tuple(SpecialHours(**dict(row)) for row in await conn.fetch(_SPECIAL_HOURS))
    shifts = _by_technician(await conn.fetch(_SHIFTS))
    breaks = _by_technician(await conn.fetch(_BREAKS))
    technicians = tuple(
        Technician(
            key := row["technician_id"],
            row["name"],
            frozenset(row["skills"]),
            tuple(shifts.get(key, ())),
            tuple(breaks.get(key, ())),
        )
        for row in await conn.fetch(_TECHNICIANS)
    )
    return Shop(zone, hours, bays, technicians, special, holidays)


async def load_taken(
    conn: asyncpg.Connection, since: datetime, until: datetime, zone: ZoneInfo
) -> TakenRows:
    """Return bookings, live holds and closures that touch [since, until), and the room of days."""
    spans = []
    room = {}
    for key, starts, ends, bay_id, technician_id, is_day in await conn.fetch(
        _TAKEN, since, until, zone.key
    ):
        if is_day:
            room[_EPOCH + timedelta(days=key)] = starts
        else:
            spans.append((key, Span(starts, ends, bay_id, technician_id)))
    return TakenRows(spans, room)


async def service_of(conn: asyncpg.Connection, appointment_id: int, customer_id: int) -> str | None:
    """Return the code of the service that a customer's appointment is for."""
    code: str | None = await conn.fetchval(_SERVICE_OF, appointment_id, customer_id)
    return code


async def last_technician(conn: asyncpg.Connection, customer_id: int) -> int | None:
    """Return who last worked on a car of this customer and still works here."""
    technician_id: int | None = await conn.fetchval(_LAST_TECHNICIAN, customer_id)
    return technician_id


def _by_technician(rows: Iterable[asyncpg.Record]) -> dict[int, list[OpeningHours]]:
    found: dict[int, list[OpeningHours]] = {}
    for key, weekday, starts, ends in rows:
        found.setdefault(key, []).append(OpeningHours(weekday, starts, ends))
    return found
