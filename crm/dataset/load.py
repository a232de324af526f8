"""Writes the dataset into a database: one transaction, by COPY, with every constraint on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from crm.dataset.big_shop import ALL_BAYS, ALL_SKILLS, ALL_TECHNICIANS, BREAKS, MORE_SHIFTS
from crm.dataset.build import DEFAULT_SEED, Dataset, build_dataset
from crm.dataset.rows import TABLE_OF, ClosureRow
from crm.errors import InputError
from crm.pool import translated
from crm.seed import HOURS, SERVICES, SHIFTS, seed_shop

DATASET_NAME = "car service centre"
# Rows that go to the server at once, and after which progress is told.
CHUNK_ROWS = 5_000
SEED_DEADLINE_S = 120.0

# "vcseed" in ASCII: any number that nothing else locks. Two who seed at once take turns.
_LOCK_KEY = 0x766373656564
_LOCK = "SELECT pg_advisory_xact_lock($1)"
_KNOWN = "SELECT seed, today, zone FROM datasets WHERE name = $1"
_INSERT_DATASET = "INSERT INTO datasets (name, seed, today, zone) VALUES ($1, $2, $3, $4)"
# What a person or a call has left behind; the shop itself may be there already.
_OTHERS_TABLES = (
    "customers", "vehicles", "appointments", "service_history", "calls", "call_state",
    "outbound_attempts", "do_not_call", "closures", "special_hours", "day_capacity", "datasets",
)  # fmt: skip
_IS_FOREIGN = "SELECT " + " OR ".join(f"EXISTS (SELECT FROM {table})" for table in _OTHERS_TABLES)
_SEQUENCES = (
    ("customers", "customer_id"),
    ("vehicles", "vehicle_id"),
    ("appointments", "appointment_id"),
    ("service_history", "history_id"),
    ("closures", "closure_id"),
    ("customer_notes", "note_id"),
)
# The shop as the dataset was made for it; another one would not fit the appointments.
_SHOP: Sequence[tuple[str, Sequence[tuple[Any, ...]]]] = (
    ("SELECT code, name, labour_minutes, buffer_minutes, bay_type, skill, price_cents"
     " FROM services WHERE active", SERVICES),
    ("SELECT weekday, opens, closes FROM opening_hours", HOURS),
    ("SELECT bay_id, name, bay_type FROM bays WHERE active", ALL_BAYS),
    ("SELECT technician_id, name FROM technicians WHERE active", ALL_TECHNICIANS),
    ("SELECT technician_id, skill FROM technician_skills", ALL_SKILLS),
    ("SELECT technician_id, weekday, starts, ends FROM technician_shifts",
     (*SHIFTS, *MORE_SHIFTS)),
    ("SELECT technician_id, weekday, starts, ends FROM technician_breaks", BREAKS),
)  # fmt: skip

# Told after each chunk: the table, the rows written so far, and the rows there are in all.
Progress = Callable[[str, int, int], None]


async def seed_database(
    dsn: str,
    today: date,
    zone: ZoneInfo,
    *,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> bool:
    """Do as `seed_dataset` over a connection of its own, also through a transaction pooler.

    Raises:
        InputError: as `seed_dataset`.
        DatabaseError: the database cannot be reached, or takes too long; nothing was changed then.
    """
    async with translated("seed", SEED_DEADLINE_S), asyncio.timeout(SEED_DEADLINE_S):
        connection = await asyncpg.connect(dsn, statement_cache_size=0)
        try:
            return await seed_dataset(connection, today, zone, seed=seed, progress=progress)
        finally:
            connection.terminate()


async def seed_dataset(
    connection: asyncpg.Connection,
    today: date,
    zone: ZoneInfo,
    *,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> bool:
    """Make the dataset and write it, unless it is there; return whether it was written now.

    `today` is a day at the shop, whose zone is `zone`. A dataset that is there stays as it is,
    whatever happened to it since, also when it was made for another `today`.

    Raises:
        InputError: the database holds people or a shop that are not the dataset's, or the dataset
            of another seed; or `today` is out of range. Nothing was changed then.
    """
    async with connection.transaction():
        await connection.execute(_LOCK, _LOCK_KEY)
        if await _is_loaded(connection, seed):
            return False
        await load_dataset(connection, build_dataset(today, zone, seed), progress)
    return True


async def load_dataset(
    connection: asyncpg.Connection, dataset: Dataset, progress: Progress | None = None
) -> None:
    """Write the rows into a migrated database that holds nothing but the small shop, if that.

    Raises:
        InputError: the database holds more, or another shop. Nothing was changed then.
    """
    async with connection.transaction():
        await seed_shop(connection)
        done = 0
        for kind, rows in dataset.rows.items():
            if kind is ClosureRow:
                # The shop is written, and everything that comes now was made for it.
                await _check_shop(connection)
            for start in range(0, len(rows), CHUNK_ROWS):
                chunk = rows[start : start + CHUNK_ROWS]
                await _copy(connection, kind, chunk)
                done += len(chunk)
                if progress is not None:
                    progress(TABLE_OF[kind], done, dataset.size)
        for table, column in _SEQUENCES:
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column}))"
                f" FROM {table}"
            )
        await connection.execute(
            _INSERT_DATASET, DATASET_NAME, dataset.seed, dataset.today, dataset.zone
        )
        await connection.execute(f"ANALYZE {', '.join(TABLE_OF.values())}")


async def _is_loaded(connection: asyncpg.Connection, seed: int) -> bool:
    known = await connection.fetchrow(_KNOWN, DATASET_NAME)
    if known is not None:
        if known["seed"] != seed:
            raise InputError("database", f"holds the dataset of seed {known['seed']}")
        return True
    if await connection.fetchval(_IS_FOREIGN):
        raise InputError("database", "holds data that is not the dataset's")
    return False


async def _copy(
    connection: asyncpg.Connection, kind: type, rows: Sequence[tuple[Any, ...]]
) -> None:
    columns: Sequence[str] = kind._fields  # type: ignore[attr-defined]  # a NamedTuple
    records = [_half_open(row) for row in rows] if "during" in columns else rows
    await connection.copy_records_to_table(TABLE_OF[kind], records=records, columns=columns)


def _half_open(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the row with its pair of instants as the range that ends before the second."""
    return tuple(asyncpg.Range(*value) if isinstance(value, tuple) else value for value in row)


async def _check_shop(connection: asyncpg.Connection) -> None:
    for query, wanted in _SHOP:
        found = {tuple(row) for row in await connection.fetch(query)}
        if found != {tuple(row) for row in wanted}:
            raise InputError("database", "holds a shop that is not the dataset's")
