"""Row security over the real database: who acts for a caller meets that caller's rows only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest

from crm.errors import DatabaseError
from crm.pool import connection_of, transaction_of
from crm.principal import RowSecurity, is_limited
from crm.seed import seed_demo
from tests.crm.conftest import ZONE

MARIA, OTHER = 1, 4
TABLES = (
    "customers",
    "customer_phones",
    "vehicles",
    "appointments",
    "service_history",
    "customer_notes",
)
_OWNERS = {table: f"SELECT DISTINCT customer_id FROM {table}" for table in TABLES}
_EVENTS = """
SELECT DISTINCT a.customer_id FROM appointment_events JOIN appointments a USING (appointment_id)
"""

_PLACE = """
WITH placed AS (
    INSERT INTO appointments (customer_id, service_code, bay_id, status, during)
    VALUES ($1, 'oil_change', 2, 'confirmed',
            tstzrange('2031-01-07 15:00Z', '2031-01-07 16:00Z'))
    RETURNING appointment_id
), noted AS (
    INSERT INTO appointment_events (appointment_id, event, actor)
    SELECT appointment_id, 'confirmed', 'agent' FROM placed
)
SELECT appointment_id FROM placed
"""


@pytest.fixture
async def people(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Pool]:
    """The shop with the demonstration's people, each with a row in every table."""
    async with pool.acquire() as connection:
        await seed_demo(connection, datetime(2026, 11, 24, 10, tzinfo=ZONE))
        for customer_id in (MARIA, OTHER):
            await connection.execute(
                "WITH one AS (INSERT INTO appointments (customer_id, service_code, bay_id, status,"
                " during) SELECT $1::bigint, 'oil_change', $1::bigint::int, 'confirmed',"
                " tstzrange('2030-01-07 15:00Z', '2030-01-07 16:00Z') RETURNING appointment_id)"
                " INSERT INTO appointment_events (appointment_id, event, actor)"
                " SELECT appointment_id, 'confirmed', 'agent' FROM one",
                customer_id,
            )
            await connection.execute(
                "INSERT INTO customer_notes (customer_id, author, text) VALUES ($1, 'a', 'b')",
                customer_id,
            )
    yield pool


async def owners(pool: asyncpg.Pool, query: str) -> set[int]:
    async with connection_of(pool, "look") as connection:
        return {row[0] for row in await connection.fetch(query)}


@pytest.mark.parametrize("query", [*_OWNERS.values(), _EVENTS])
async def test_a_caller_sees_their_own_rows_and_the_shop_sees_all(
    people: asyncpg.Pool, query: str
) -> None:
    with RowSecurity.acting_as(MARIA):
        assert await owners(people, query) == {MARIA}
    with RowSecurity.acting_as(None):
        assert await owners(people, query) == set()
    assert await owners(people, query) >= {MARIA, OTHER}


async def test_the_limit_reaches_every_task_that_is_started_under_it(people: asyncpg.Pool) -> None:
    with RowSecurity.acting_as(MARIA):
        found = await asyncio.gather(*(owners(people, _OWNERS["vehicles"]) for _ in range(5)))
    assert found == [{MARIA}] * 5


async def test_one_connection_serves_one_caller_after_the_other(people: asyncpg.Pool) -> None:
    """The limit ends with the transaction, whether it ends well or not."""
    for customer_id in (MARIA, OTHER, MARIA):
        with RowSecurity.acting_as(customer_id), pytest.raises(ZeroDivisionError):
            async with transaction_of(people, "fail") as connection:
                assert {row[0] for row in await connection.fetch(_OWNERS["customers"])} == {
                    customer_id
                }
                raise ZeroDivisionError
        with RowSecurity.acting_as(customer_id):
            assert await owners(people, _OWNERS["customers"]) == {customer_id}
    assert len(await owners(people, _OWNERS["customers"])) > 2


async def test_the_shop_may_look_inside_a_limit(people: asyncpg.Pool) -> None:
    with RowSecurity.acting_as(MARIA):
        with RowSecurity.as_shop():
            assert not is_limited()
            assert OTHER in await owners(people, _OWNERS["customers"])
        assert is_limited()
        assert await owners(people, _OWNERS["customers"]) == {MARIA}
    assert not is_limited()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customers SET email = 'x@example.com' WHERE customer_id = 4",
        "UPDATE customers SET email = 'x@example.com'",
        "UPDATE customer_phones SET is_primary = false",
        "UPDATE appointments SET status = 'cancelled'",
        "SELECT * FROM appointments FOR UPDATE",
    ],
)
async def test_foreign_rows_cannot_be_changed(people: asyncpg.Pool, statement: str) -> None:
    before = await foreign_rows(people)
    with RowSecurity.acting_as(MARIA):
        async with connection_of(people, "attack") as connection:
            await connection.execute(statement)
    assert await foreign_rows(people) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE appointments SET customer_id = 4",
        "UPDATE customers SET first_name = 'x'",
        "INSERT INTO customer_phones (customer_id, phone_e164) VALUES (4, '+13125550199')",
        "INSERT INTO customer_notes (customer_id, author, text) VALUES (4, 'a', 'b')",
        "INSERT INTO customer_notes (customer_id, vehicle_id, author, text)"
        " VALUES (1, 4, 'a', 'b')",
        "INSERT INTO appointments (customer_id, service_code, bay_id, status, during) VALUES"
        " (4, 'oil_change', 2, 'confirmed', tstzrange('2031-01-07 15:00Z', '2031-01-07 16:00Z'))",
        "INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, status, during)"
        " VALUES (1, 4, 'oil_change', 2, 'confirmed',"
        " tstzrange('2031-01-07 15:00Z', '2031-01-07 16:00Z'))",
        "INSERT INTO appointment_events (appointment_id, event, actor)"
        " SELECT max(appointment_id), 'cancelled', 'agent' FROM occupied_places",
        "DELETE FROM customers",
        "DELETE FROM appointments",
        "TRUNCATE customers CASCADE",
        "SELECT * FROM calls",
        "SELECT * FROM call_turns",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE customers DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_what_a_caller_may_never_do_is_refused(people: asyncpg.Pool, statement: str) -> None:
    before = await foreign_rows(people)
    with RowSecurity.acting_as(MARIA), pytest.raises(DatabaseError, match="42501"):
        async with connection_of(people, "attack") as connection:
            await connection.execute(statement)
    assert await foreign_rows(people) == before


async def test_every_table_of_people_is_behind_the_wall(connection: asyncpg.Connection) -> None:
    """A table that names a customer is secured, or the caller's role may not read it at all."""
    open_tables = await connection.fetch(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm')"
        " AND a.attname IN ('customer_id', 'appointment_id', 'phone_e164', 'from_e164', 'text')"
        " AND has_table_privilege('voicecore_caller', c.oid, 'SELECT') AND NOT c.relrowsecurity"
    )
    assert [row[0] for row in open_tables] == ["occupied_places"]


async def foreign_rows(pool: asyncpg.Pool) -> list[tuple[str, int, str]]:
    """Return every row that is not Maria's, as text."""
    query = " UNION ALL ".join(
        f"SELECT '{table}', customer_id, t::text FROM {table} t" for table in TABLES
    )
    async with connection_of(pool, "dump") as connection:
        rows = await connection.fetch(f"SELECT * FROM ({query}) x ORDER BY 1, 2, 3")
        events = await connection.fetch("SELECT e::text FROM appointment_events e ORDER BY 1")
    return [
        *(tuple(row) for row in rows if row[1] != MARIA),
        *(("appointment_events", 0, row[0]) for row in events),
    ]


async def test_one_statement_places_an_appointment_and_its_first_event(
    people: asyncpg.Pool,
) -> None:
    """The check of the event has to see an appointment of the same statement."""
    with RowSecurity.acting_as(MARIA):
        async with connection_of(people, "place") as connection:
            number = await connection.fetchval(_PLACE, MARIA)
        assert await owners(people, _EVENTS) == {MARIA}
    with RowSecurity.acting_as(OTHER), pytest.raises(DatabaseError, match="42501"):
        async with connection_of(people, "attack") as connection:
            await connection.execute(
                "INSERT INTO appointment_events (appointment_id, event, actor)"
                " VALUES ($1, 'cancelled', 'agent')",
                number,
            )
