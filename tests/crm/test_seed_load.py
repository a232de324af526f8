"""Loading the full dataset: whole, once, and only into a database that is free for it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from crm.dataset.build import Dataset
from crm.dataset.load import load_dataset, seed_database, seed_dataset
from crm.dataset.rows import TABLE_OF
from crm.directory import CrmDirectory
from crm.errors import DatabaseError, InputError
from crm.migrate import migrate
from crm.pool import close_pool, open_pool
from crm.seed import seed_demo
from scheduler.desk import ServiceDesk
from tests.crm.conftest import TODAY, ZONE

SIZES = {"customers": 10_000, "vehicles": 16_000, "appointments": 8_000}


async def dump(connection: asyncpg.Connection) -> list[Any]:
    """The hash of each table."""
    tables = [*TABLE_OF.values(), "services", "opening_hours", "datasets"]
    return [
        await connection.fetchval(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
        )
        for table in tables
    ]


def as_stored(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(asyncpg.Range(*value) if isinstance(value, tuple) else value for value in row)


async def test_the_database_holds_the_rows_of_the_dataset(
    seeded: asyncpg.Connection, dataset: Dataset
) -> None:
    small_shop = {"bays": 5, "technicians": 3, "technician_skills": 10, "technician_shifts": 18}
    for kind, rows in dataset.rows.items():
        table, columns = TABLE_OF[kind], ", ".join(kind._fields)  # type: ignore[attr-defined]
        found = {repr(tuple(row)) for row in await seeded.fetch(f"SELECT {columns} FROM {table}")}
        stored = {repr(as_stored(row)) for row in rows}
        assert len(stored) == len(rows)
        assert stored <= found, table
        assert len(found) == len(stored) + small_shop.get(table, 0), table


async def test_events_are_numbered_in_the_order_of_time(seeded: asyncpg.Connection) -> None:
    backwards = await seeded.fetchval(
        "SELECT count(*) FROM (SELECT at, lag(at) OVER (ORDER BY event_id) AS before"
        " FROM appointment_events) e WHERE at < before"
    )
    assert backwards == 0


async def test_counts_are_exact(seeded: asyncpg.Connection) -> None:
    for table, size in SIZES.items():
        assert await seeded.fetchval(f"SELECT count(*) FROM {table}") == size


async def test_every_constraint_stays_on(seeded: asyncpg.Connection) -> None:
    off = await seeded.fetch(
        "SELECT conname::text FROM pg_constraint WHERE NOT convalidated"
        " UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgenabled <> 'O'"
        " UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    )
    assert off == []


async def test_the_next_rows_get_the_next_ids(seeded: asyncpg.Connection) -> None:
    assert (
        await seeded.fetchval(
            "INSERT INTO customers (first_name, last_name) VALUES ('A', 'B') RETURNING customer_id"
        )
        == 10_001
    )
    assert (
        await seeded.fetchval(
            "INSERT INTO appointments (customer_id, service_code, bay_id, status, during)"
            " VALUES (1, 'oil_change', 1, 'cancelled', '[2026-12-01 15:00, 2026-12-01 16:00)')"
            " RETURNING appointment_id"
        )
        == 8_001
    )


async def test_a_second_run_changes_nothing(seeded: asyncpg.Connection) -> None:
    await seeded.execute("UPDATE customers SET last_name = 'Changed' WHERE customer_id = 77")
    before = await dump(seeded)
    for today in (TODAY, TODAY + timedelta(days=30)):
        assert await seed_dataset(seeded, today, ZONE) is False
    assert await dump(seeded) == before


async def test_what_was_loaded_is_not_loaded_over(
    seeded: asyncpg.Connection, dataset: Dataset
) -> None:
    before = await dump(seeded)
    with pytest.raises(InputError, match="seed 1"):
        await seed_dataset(seeded, TODAY, ZONE, seed=2)
    with pytest.raises(asyncpg.UniqueViolationError):
        await load_dataset(seeded, dataset)
    with pytest.raises(InputError, match="demonstration"):
        await seed_demo(seeded, datetime(2026, 11, 24, 9, tzinfo=ZONE))
    assert await dump(seeded) == before


FOREIGN = (
    "INSERT INTO customers (first_name, last_name) VALUES ('Real', 'Person')",
    "INSERT INTO calls (call_sid, direction, started_at) VALUES ('CA1', 'inbound', now())",
    "INSERT INTO do_not_call (phone_e164) VALUES ('+13125550100')",
    "INSERT INTO closures (during, reason) VALUES ('[2026-12-01, 2026-12-02)', 'Stock-taking')",
    "INSERT INTO special_hours (day, opens, closes) VALUES ('2026-12-24', '08:00', '12:00')",
)


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda sql: sql.split()[2])
async def test_other_peoples_data_is_left_alone(
    connection: asyncpg.Connection, foreign: str
) -> None:
    await connection.execute(foreign)
    before = await dump(connection)
    with pytest.raises(InputError, match="not the dataset's"):
        await seed_dataset(connection, TODAY, ZONE)
    assert await dump(connection) == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE services SET labour_minutes = 50 WHERE code = 'oil_change'",
        "INSERT INTO bays (bay_id, name, bay_type) VALUES (77, 'Bay 77', 'lift')",
        "UPDATE bays SET active = false WHERE bay_id = 1",
        "DELETE FROM opening_hours WHERE weekday = 6",
    ],
)
async def test_a_shop_that_the_dataset_was_not_made_for_is_refused(
    connection: asyncpg.Connection, dataset: Dataset, change: str
) -> None:
    await connection.execute(change)
    if change.startswith("DELETE"):
        await connection.execute("INSERT INTO opening_hours VALUES (6, '09:00', '12:00')")
    before = await dump(connection)
    with pytest.raises(InputError, match="shop"):
        await load_dataset(connection, dataset)
    assert await dump(connection) == before


async def test_two_who_seed_at_once_write_it_once(postgres_dsn: str) -> None:
    await migrate(postgres_dsn)
    told: list[tuple[str, int, int]] = []
    results = await asyncio.gather(
        *(
            seed_database(postgres_dsn, TODAY, ZONE, progress=lambda *step: told.append(step))
            for _ in range(2)
        )
    )
    assert sorted(results) == [False, True]
    done = [step[1] for step in told]
    assert done == sorted(set(done))
    assert done[-1] == told[-1][2]


async def test_a_load_that_breaks_off_leaves_nothing(
    connection: asyncpg.Connection, dataset: Dataset
) -> None:
    before = await dump(connection)

    def pull_the_plug(table: str, _done: int, _all: int) -> None:
        if table == "service_history":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await load_dataset(connection, dataset, pull_the_plug)
    assert await dump(connection) == before


async def test_a_database_that_is_not_there_is_a_typed_error() -> None:
    with pytest.raises(DatabaseError) as caught:
        await seed_database("postgresql://nobody@127.0.0.1:9/nothing", TODAY, ZONE)
    assert caught.value.retryable


async def test_the_product_finds_people_and_free_times_in_it(seeded_dsn: str) -> None:
    now = datetime(2026, 11, 24, 9, tzinfo=ZONE)
    opened = await open_pool(seeded_dsn, statement_cache_size=0)
    try:
        directory = CrmDirectory(opened, zone=ZONE, clock=lambda: now)
        (maria,) = await directory.find_by_phone("+13125550142")
        assert maria.vehicles[0].model == "Camry"
        assert len(maria.visits) == 4
        assert maria.upcoming == ()
        desk = ServiceDesk(opened, zone=ZONE, clock=lambda: now)
        slots = await desk.free_slots(
            "oil_change", earliest=now, latest=now + timedelta(days=7), limit=30
        )
        assert len(slots) >= 3
    finally:
        await close_pool(opened)
