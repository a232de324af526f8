"""The rows of a scenario: written before the call, read and compared after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg

from bench.simulate.people import CARS, PEOPLE
from bench.simulate.script import Row, Script, ScriptError
from bench.simulate.shop_time import ZONE, moment
from crm.demo_people import WRITTEN_CARS, WRITTEN_PEOPLE, WRITTEN_VISITS
from crm.migrate import migrate
from crm.seed import seed_shop
from crm.sound import sound_key
from crm.vin import with_check_digit
from scheduler.desk import ServiceDesk

RIVAL_SID = "RIVAL"
_MOST_BAYS = 10
_RIVALS_SERVICE = "oil_change"
_SHOP_TABLES = (
    *("services", "bays", "technicians", "technician_skills", "technician_shifts"),
    *("technician_breaks", "opening_hours", "special_hours", "closures"),
)
_TABLES = """
SELECT tablename FROM pg_tables
 WHERE schemaname = 'public' AND tablename <> ALL($1::text[]) AND tablename NOT LIKE '%migration%'
   AND tablename NOT LIKE 'pgqueuer%'
"""
_INSERT_APPOINTMENT = """
INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, status, during, hold_id,
                          booked_by)
SELECT $1, $2, s.code, $4, $5,
       tstzrange($6::timestamptz, $6::timestamptz + make_interval(
           mins => s.labour_minutes + s.buffer_minutes)), $7, 'staff'
  FROM services s WHERE s.code = $3
RETURNING appointment_id
"""
_INSERT_EVENT = """
INSERT INTO appointment_events (appointment_id, event, actor, detail)
VALUES ($1, 'estimate', 'staff', $2::jsonb)
"""
# A hold that was given back was never an appointment, and one that was moved stands elsewhere.
_APPOINTMENTS = """
SELECT a.appointment_id, a.customer_id, a.vehicle_id, a.service_code, a.status,
       lower(a.during) AS starts
  FROM appointments a
 WHERE a.call_sid IS DISTINCT FROM $1 AND a.status <> 'rescheduled'
   AND (a.status <> 'cancelled' OR EXISTS (
        SELECT FROM appointment_events e
         WHERE e.appointment_id = a.appointment_id AND e.event = 'confirmed'))
 ORDER BY lower(a.during), a.appointment_id
"""
_EVENTS = """
SELECT event, count(*) FROM appointment_events
 WHERE event IN ('estimate_approved', 'estimate_declined', 'visit_confirmed') GROUP BY event
"""
_CUSTOMERS = """
SELECT c.customer_id, c.first_name, c.last_name, c.email,
       array(SELECT phone_e164 FROM customer_phones p WHERE p.customer_id = c.customer_id
              ORDER BY is_primary DESC, phone_e164) AS phones
  FROM customers c ORDER BY c.customer_id
"""
_OUTCOME = "SELECT outcome, stats FROM calls WHERE call_sid = $1"
_EXPIRE = "UPDATE appointments SET hold_expires_at = now() - interval '1 s' WHERE status = 'held'"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRows:
    """What stands in the database after a call.

    `appointments` are (customer, car, service, start, status), those of rivals left out; `events`
    counts steps that a caller took by word; `customers` maps ids to (name, e-mail, phones).
    """

    appointments: tuple[tuple[int, int | None, str, datetime, str], ...]
    events: Mapping[str, int]
    customers: Mapping[int, tuple[str, str | None, tuple[str, ...]]]
    outcome: str | None
    stats: Mapping[str, object]


async def prepare_database(dsn: str) -> None:
    """Bring an empty database to the schema with the small shop in it."""
    await migrate(dsn)
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await seed_shop(connection)
    finally:
        await connection.close()


class ShopRows:
    """Writes and reads the rows of one scenario after the other in one database of its own."""

    def __init__(self, connection: asyncpg.Connection, desk: ServiceDesk) -> None:
        self._connection = connection
        self._desk = desk
        self._clear = ""

    async def reset(self, script: Script, now: datetime) -> Mapping[int, int]:
        """Empty the tables and write the script's rows; returns appointment ids by place."""
        connection = self._connection
        if not self._clear:
            names = [row["tablename"] for row in await connection.fetch(_TABLES, _SHOP_TABLES)]
            self._clear = "; ".join(f"DELETE FROM {name}" for name in names)
        async with connection.transaction():
            # Without triggers: what happened to an appointment is otherwise never deleted.
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(self._clear)
        async with connection.transaction():
            await self._people(script, now)
        return await self._appointments(script, now)

    async def _people(self, script: Script, now: datetime) -> None:
        people: list[tuple[int, str, str, str | None, str]] = [
            (row.customer_id, row.first_name, row.last_name, row.email, row.phone_e164)
            for row in WRITTEN_PEOPLE
        ]
        for place, row in enumerate(script.before.get("people", ())):
            first, last = str(row.get("first", "Nameless")), str(row["last"])
            people.append((50 + place, first, last, None, str(row["phone"])))
        await self._connection.executemany(
            "INSERT INTO customers (customer_id, first_name, last_name, email, first_name_sound,"
            " last_name_sound) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                (key, first, last, mail, sound_key(first), sound_key(last))
                for key, first, last, mail, _ in people
            ],
        )
        await self._connection.executemany(
            "INSERT INTO customer_phones (customer_id, phone_e164, is_primary)"
            " VALUES ($1, $2, true)",
            [(key, phone) for key, *_, phone in people],
        )
        await self._cars(script)
        await self._connection.executemany(
            "INSERT INTO service_history (customer_id, vehicle_id, service_code, on_date, mileage,"
            " cost_cents) SELECT v.customer_id, v.vehicle_id, s.code, $3, $4, s.price_cents"
            " FROM vehicles v, services s WHERE v.vehicle_id = $1 AND s.code = $2",
            [
                (
                    row.vehicle_id,
                    row.service_code,
                    now.date() - timedelta(days=row.days_ago),
                    row.mileage,
                )
                for row in WRITTEN_VISITS
            ],
        )
        await self._connection.executemany(
            "INSERT INTO customer_notes (customer_id, author, text) VALUES ($1, 'staff', $2)",
            [(PEOPLE[str(row["who"])], str(row["text"])) for row in script.before.get("notes", ())],
        )
        await self._connection.execute(
            "SELECT setval(pg_get_serial_sequence('customers', 'customer_id'), 1000),"
            " setval(pg_get_serial_sequence('vehicles', 'vehicle_id'), 1000),"
            " setval(pg_get_serial_sequence('appointments', 'appointment_id'), 1000)"
        )

    async def _cars(self, script: Script) -> None:
        cars = [
            (
                row.vehicle_id,
                row.customer_id,
                row.year,
                row.make,
                row.model,
                row.plate,
                row.vin,
                row.mileage,
            )
            for row in WRITTEN_CARS
        ]
        for place, row in enumerate(script.before.get("cars", ())):
            vin = with_check_digit(f"1HGCR2F30FA{place:06d}")
            who, year = PEOPLE[str(row["who"])], int(str(row.get("year", 2015)))
            cars.append(
                (
                    70 + place,
                    who,
                    year,
                    str(row["make"]),
                    str(row["model"]),
                    f"XX{place:04d}",
                    vin,
                    50_000,
                )
            )
        await self._connection.executemany(
            "INSERT INTO vehicles (vehicle_id, customer_id, year, make, model, plate, vin, mileage)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            cars,
        )

    async def _appointments(self, script: Script, now: datetime) -> Mapping[int, int]:
        written = {}
        for place, row in enumerate(script.before.get("appointments", ())):
            if str(row.get("status", "confirmed")) == "confirmed":
                number = await self._book(row, now)
            else:
                number = await self._insert(row, now)
            written[place] = number
            estimate = row.get("estimate")
            if isinstance(estimate, dict):
                detail = {"work": estimate["work"], "price_cents": estimate["cents"]}
                await self._connection.execute(_INSERT_EVENT, number, json.dumps(detail))
        return written

    async def _book(self, row: Row, now: datetime) -> int:
        """Book as the desk does, so that everything that counts on it is right."""
        outcome = await self._desk.hold(
            service_code=str(row["service"]),
            start=moment(str(row["at"]), now),
            customer_id=PEOPLE[str(row["who"])],
            vehicle_id=_car(row),
            call_sid="BEFORE",
        )
        booked = outcome.hold and await self._desk.confirm(outcome.hold.hold_id)
        if not booked:
            raise ScriptError(f"{row['at']} is not free for {row['service']}")
        return booked.appointment_id

    async def _insert(self, row: Row, now: datetime) -> int:
        """Write a car that is in the workshop already: the desk books the future only."""
        number: int = await self._connection.fetchval(
            _INSERT_APPOINTMENT,
            PEOPLE[str(row["who"])],
            _car(row),
            str(row["service"]),
            int(str(row.get("bay", 1))),
            str(row["status"]),
            moment(str(row["at"]), now),
            uuid4(),
        )
        return number

    async def take(self, start: datetime) -> None:
        """Let others book an oil change at this time in every bay that could take one."""
        for _ in range(_MOST_BAYS):
            outcome = await self._desk.hold(
                service_code=_RIVALS_SERVICE,
                start=start,
                customer_id=PEOPLE["other_wei"],
                vehicle_id=CARS["escape"],
                call_sid=RIVAL_SID,
            )
            if outcome.hold is None:
                return
            await self._desk.confirm(outcome.hold.hold_id)

    async def expire_holds(self) -> None:
        """Let every hold be over."""
        await self._connection.execute(_EXPIRE)

    async def read(self, call_sid: str) -> EndRows:
        """Return what stands there now."""
        appointments = await self._connection.fetch(_APPOINTMENTS, RIVAL_SID)
        call = await self._connection.fetchrow(_OUTCOME, call_sid)
        return EndRows(
            appointments=tuple(
                (
                    row["customer_id"],
                    row["vehicle_id"],
                    row["service_code"],
                    row["starts"].astimezone(ZONE),
                    row["status"],
                )
                for row in appointments
            ),
            events={row["event"]: row["count"] for row in await self._connection.fetch(_EVENTS)},
            customers={
                row["customer_id"]: (
                    f"{row['first_name']} {row['last_name']}",
                    row["email"],
                    tuple(row["phones"]),
                )
                for row in await self._connection.fetch(_CUSTOMERS)
            },
            outcome=None if call is None else call["outcome"],
            stats={} if call is None else json.loads(call["stats"]),
        )


def _car(row: Row) -> int | None:
    return CARS[str(row["car"])] if row.get("car") else None


def wanted_appointments(
    rows: Sequence[Row], now: datetime
) -> list[tuple[int | None, int | None, str | None, datetime | None, str]]:
    """Return the rows that a scenario wants, None where it leaves a column open."""
    return [
        (
            PEOPLE[str(row["who"])] if "who" in row else None,
            _car(row),
            str(row["service"]) if "service" in row else None,
            moment(str(row["at"]), now) if "at" in row else None,
            str(row.get("status", "confirmed")),
        )
        for row in rows
    ]
