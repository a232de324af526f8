"""Everything about a caller in one round trip, because that is what a ringing phone waits for.

Cars, visits and appointments come as arrays of rows beside their owner: one statement costs the
server and us less than half of what four cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

import asyncpg

from crm.appointments import UPCOMING_MAX, Appointment
from crm.customers import CUSTOMER_COLUMNS, SHARED_PHONE_LIMIT, Customer, customer_of
from crm.history import Visit
from crm.instants import require_aware
from crm.vehicles import Vehicle

RECENT_VISITS = 5

# Follows the list of `people`. The order of each ROW is that of the fields that `_record` reads.
_WITH_ALL = """)
SELECT c.*,
       ARRAY(SELECT ROW(v.vehicle_id, v.year, v.make, v.model, v.plate, v.vin, v.mileage)
               FROM vehicles v WHERE v.customer_id = c.customer_id
              ORDER BY v.year DESC, v.vehicle_id) AS vehicles,
       ARRAY(SELECT ROW(h.history_id, h.vehicle_id, h.on_date, s.name, h.mileage, h.cost_cents)
               FROM service_history h JOIN services s ON s.code = h.service_code
              WHERE h.customer_id = c.customer_id
              ORDER BY h.on_date DESC, h.history_id DESC LIMIT $3) AS visits,
       ARRAY(SELECT ROW(a.appointment_id, a.vehicle_id, a.service_code, s.name, b.name,
                        coalesce(a.arrival_at, lower(a.during)), upper(a.during), a.status)
               FROM appointments a
               JOIN services s ON s.code = a.service_code
               JOIN bays b USING (bay_id)
              WHERE a.customer_id = c.customer_id
                AND a.status IN ('confirmed', 'checked_in', 'in_progress')
                AND upper(a.during) > $2
              ORDER BY coalesce(a.arrival_at, lower(a.during)), a.appointment_id
              LIMIT $4) AS upcoming
  FROM people c ORDER BY c.customer_id
"""
_BY_PHONE = f"""
WITH people AS MATERIALIZED (
SELECT {CUSTOMER_COLUMNS} FROM customers c
 WHERE c.customer_id IN (SELECT customer_id FROM customer_phones WHERE phone_e164 = $1)
 ORDER BY c.customer_id LIMIT $5
{_WITH_ALL}
"""
_BY_IDS = f"""
WITH people AS MATERIALIZED (
SELECT {CUSTOMER_COLUMNS} FROM customers c WHERE c.customer_id = ANY($1::bigint[])
{_WITH_ALL}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRecord:
    """A person with their cars, last visits (latest first) and coming appointments."""

    customer: Customer
    vehicles: tuple[Vehicle, ...]
    visits: tuple[Visit, ...]
    upcoming: tuple[Appointment, ...]


async def records_by_phone(
    connection: asyncpg.Connection, phone_e164: str, *, now: datetime, zone: tzinfo
) -> tuple[CallerRecord, ...]:
    """Return everybody who has the number, longest known first; at most 20."""
    rows = await connection.fetch(
        _BY_PHONE,
        phone_e164,
        require_aware(now, "now"),
        RECENT_VISITS,
        UPCOMING_MAX,
        SHARED_PHONE_LIMIT,
    )
    return tuple(_record(row, zone) for row in rows)


async def records_of(
    connection: asyncpg.Connection, customer_ids: Sequence[int], *, now: datetime, zone: tzinfo
) -> tuple[CallerRecord, ...]:
    """Return the customers that exist, in the order asked for, each once."""
    if not customer_ids:
        return ()
    rows = await connection.fetch(
        _BY_IDS, customer_ids, require_aware(now, "now"), RECENT_VISITS, UPCOMING_MAX
    )
    found = {row["customer_id"]: _record(row, zone) for row in rows}
    return tuple(found[key] for key in dict.fromkeys(customer_ids) if key in found)


def _record(row: asyncpg.Record, zone: tzinfo) -> CallerRecord:
    owner = row["customer_id"]
    return CallerRecord(
        customer=customer_of(row),
        vehicles=tuple(_vehicle(owner, *fields) for fields in row["vehicles"]),
        visits=tuple(_visit(owner, *fields) for fields in row["visits"]),
        upcoming=tuple(_appointment(owner, zone, *fields) for fields in row["upcoming"]),
    )


def _vehicle(
    owner: int,
    vehicle_id: int,
    year: int,
    make: str,
    model: str,
    plate: str | None,
    vin: str,
    mileage: int,
) -> Vehicle:
    return Vehicle(
        vehicle_id=vehicle_id,
        customer_id=owner,
        year=year,
        make=make,
        model=model,
        plate=plate,
        vin=vin,
        mileage=mileage,
    )


def _visit(
    owner: int, history_id: int, vehicle_id: int, on_date: date, name: str, miles: int, cents: int
) -> Visit:
    return Visit(
        history_id=history_id,
        customer_id=owner,
        vehicle_id=vehicle_id,
        on_date=on_date,
        service_name=name,
        mileage=miles,
        cost_cents=cents,
    )


def _appointment(
    owner: int,
    zone: tzinfo,
    appointment_id: int,
    vehicle_id: int | None,
    service_code: str,
    service_name: str,
    bay_name: str,
    starts: datetime,
    ends: datetime,
    status: str,
) -> Appointment:
    return Appointment(
        appointment_id=appointment_id,
        customer_id=owner,
        vehicle_id=vehicle_id,
        service_code=service_code,
        service_name=service_name,
        bay_name=bay_name,
        start=starts.astimezone(zone),
        end=ends.astimezone(zone),
        status=status,
    )
