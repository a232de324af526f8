from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.demo_people import CARS, PEOPLE, VISITS
from crm.errors import InputError
from crm.migrate import migrate
from crm.phone import normalise_phone
from crm.seed import seed_demo, seed_shop
from crm.vin import is_valid_vin, year_code

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 14, tzinfo=ZONE)

TABLES = ("customers", "customer_phones", "vehicles", "service_history", "appointments", "services")


async def dump(connection: asyncpg.Connection) -> dict[str, list[tuple[object, ...]]]:
    found = {}
    for table in TABLES:
        rows = await connection.fetch(
            f"SELECT to_jsonb(t) - 'created_at' - 'updated_at' AS row FROM {table} t ORDER BY 1"
        )
        found[table] = [tuple(row) for row in rows]
    return found


def test_people_and_cars_are_fictional_and_consistent() -> None:
    for person in PEOPLE:
        assert normalise_phone(person.phone_e164) == person.phone_e164
        assert person.phone_e164[5:10] == "55501"
        assert person.email.endswith("@example.com")
    for car in CARS:
        assert is_valid_vin(car.vin)
        assert car.vin[9] == year_code(car.year)
    assert len({car.vin for car in CARS}) == len({car.plate for car in CARS}) == len(CARS)
    mileage = {car.vehicle_id: car.mileage for car in CARS}
    assert all(0 < visit.mileage < mileage[visit.vehicle_id] for visit in VISITS)


async def test_the_shop_can_be_written_twice_and_keeps_what_staff_changed(
    postgres_dsn: str,
) -> None:
    await migrate(postgres_dsn)
    connection = await asyncpg.connect(postgres_dsn)
    await seed_shop(connection)
    await connection.execute("UPDATE services SET price_cents = 1 WHERE code = 'oil_change'")
    await seed_shop(connection)
    price = "SELECT price_cents FROM services WHERE code = 'oil_change'"
    assert await connection.fetchval(price) == 1
    assert await connection.fetchval("SELECT count(*) FROM bays") == 5
    assert await connection.fetchval("SELECT count(*) FROM technicians") == 3
    await connection.close()


async def test_every_service_has_a_bay_and_a_technician_who_can_do_it(
    connection: asyncpg.Connection,
) -> None:
    stranded = await connection.fetch(
        "SELECT code FROM services s"
        " WHERE NOT EXISTS (SELECT FROM bays b WHERE b.bay_type = s.bay_type)"
        " OR NOT EXISTS (SELECT FROM technician_skills k WHERE k.skill = s.skill)"
    )
    assert stranded == []
    minutes = dict(await connection.fetch("SELECT code, labour_minutes FROM services"))
    assert minutes["oil_change"] == 45
    assert minutes["tire_rotation"] == 30
    assert minutes["brake_inspection"] == minutes["state_inspection"] == 60
    assert minutes["full_service"] == 120


async def test_the_demonstration_is_the_same_every_time(connection: asyncpg.Connection) -> None:
    await seed_demo(connection, NOW)
    first = await dump(connection)
    await seed_demo(connection, NOW)
    assert await dump(connection) == first
    assert len(first["customers"]) == 100
    assert len(first["appointments"]) == 12 * 7


async def test_bookings_lie_in_opening_hours(connection: asyncpg.Connection) -> None:
    await seed_demo(connection, NOW)
    outside = await connection.fetch(
        "SELECT a.appointment_id FROM ("
        "  SELECT appointment_id, lower(during) AT TIME ZONE 'America/Chicago' AS starts,"
        "         upper(during) AT TIME ZONE 'America/Chicago' AS ends FROM appointments) a"
        " LEFT JOIN opening_hours h ON h.weekday = extract(isodow FROM a.starts)"
        "  AND a.starts::time >= h.opens AND a.ends::time <= h.closes"
        "  AND a.starts::date = a.ends::date"
        " WHERE h.weekday IS NULL"
    )
    assert outside == []
    wrong_bay = await connection.fetchval(
        "SELECT count(*) FROM appointments a JOIN bays b USING (bay_id)"
        " JOIN services s ON s.code = a.service_code WHERE s.bay_type <> b.bay_type"
    )
    assert wrong_bay == 0


async def test_nobody_brings_a_car_twice_in_one_day(connection: asyncpg.Connection) -> None:
    await seed_demo(connection, NOW)
    most = await connection.fetchval(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM appointments"
        " GROUP BY vehicle_id, lower(during)::date) t"
    )
    assert most == 1


async def test_days_later_only_new_days_are_filled(connection: asyncpg.Connection) -> None:
    await seed_demo(connection, NOW)
    await connection.execute(
        "INSERT INTO customers (first_name, last_name) VALUES ('New', 'Caller')"
    )
    await seed_demo(connection, NOW + timedelta(days=7))
    assert await connection.fetchval("SELECT count(*) FROM customers") == 101
    assert await connection.fetchval("SELECT count(*) FROM appointments") == 18 * 7


async def test_a_database_with_other_people_is_left_alone(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO customers (first_name, last_name) VALUES ('Real', 'Person')"
    )
    with pytest.raises(InputError, match="demonstration"):
        await seed_demo(connection, NOW)
    assert await connection.fetchval("SELECT count(*) FROM vehicles") == 0


async def test_a_clock_without_zone_is_refused(connection: asyncpg.Connection) -> None:
    with pytest.raises(InputError):
        await seed_demo(connection, datetime(2026, 11, 24, 14))


async def test_clocks_that_change_keep_opening_hours(connection: asyncpg.Connection) -> None:
    await seed_demo(connection, datetime(2026, 10, 30, 9, tzinfo=ZONE))
    starts = await connection.fetch(
        "SELECT DISTINCT (lower(during) AT TIME ZONE 'America/Chicago')::time AS at"
        " FROM appointments ORDER BY at LIMIT 1"
    )
    assert starts[0]["at"].hour == 8
