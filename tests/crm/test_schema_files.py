"""What the repository keeps of the schema is what the migrations make."""

from __future__ import annotations

import asyncpg
import pytest

from crm.migrate import Migration, migrate, read_migrations
from crm.schema_facts import Schema, read_schema
from crm.schema_files import DATA_PAGE, SCHEMA_FILE, page_with_diagram
from crm.schema_text import schema_diagram, schema_sql

HINT = "run `python -m crm.schema_files DSN` on a migrated database"


async def schema_at(dsn: str) -> Schema:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()


async def test_the_migrations_make_the_schema_that_is_kept(postgres_dsn: str) -> None:
    await migrate(postgres_dsn)
    schema = await schema_at(postgres_dsn)
    assert schema_sql(schema) == SCHEMA_FILE.read_text(encoding="utf-8"), HINT
    page = DATA_PAGE.read_text(encoding="utf-8")
    assert page_with_diagram(page, schema) == page, HINT


async def test_a_start_cut_off_between_any_two_files_is_repaired_by_the_next(
    postgres_dsn: str,
) -> None:
    files = read_migrations()
    done: list[str] = []
    for size in range(1, len(files) + 1):
        done += await migrate(postgres_dsn, files[:size])
    assert done == [migration.name for migration in files]
    assert schema_sql(await schema_at(postgres_dsn)) == SCHEMA_FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("ALTER TABLE bays ADD COLUMN lift_tons integer", "    lift_tons integer,"),
        ("ALTER TABLE bays ALTER COLUMN active DROP NOT NULL", "    active boolean DEFAULT true,"),
        ("CREATE INDEX extra ON bays (bay_type)",
         "CREATE INDEX extra ON public.bays USING btree (bay_type);"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "AS $function$SELECT 1$"),
        ("ALTER TABLE bays ADD CONSTRAINT small CHECK (bay_id < 9)",
         "    CONSTRAINT small CHECK (bay_id < 9)"),
    ],
)  # fmt: skip
async def test_any_change_shows(postgres_dsn: str, change: str, line: str) -> None:
    await migrate(postgres_dsn, [*read_migrations(), _next(change)])
    text = schema_sql(await schema_at(postgres_dsn))
    assert line in text
    assert text != SCHEMA_FILE.read_text(encoding="utf-8")


async def test_the_diagram_shows_keys_and_how_many(postgres_dsn: str) -> None:
    sql = (
        "CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL UNIQUE);"
        "CREATE TABLE b (id int REFERENCES a, a_id int NOT NULL REFERENCES a,"
        " one int UNIQUE REFERENCES a, at timestamptz, PRIMARY KEY (id, a_id));"
    )
    await migrate(postgres_dsn, [Migration(1, "0001_a.sql", sql)])
    lines = schema_diagram(await schema_at(postgres_dsn)).splitlines()
    assert lines == [
        "erDiagram",
        '    a |o--o| b : "one"',
        '    a ||--o{ b : "a_id"',
        '    a ||--o{ b : "id"',
        "    a {",
        "        integer id PK",
        "        text name UK",
        "    }",
        "    b {",
        "        integer id PK, FK",
        "        integer a_id PK, FK",
        "        integer one FK, UK",
        "        timestamptz at",
        "    }",
    ]


def _next(sql: str) -> Migration:
    version = len(read_migrations()) + 1
    return Migration(version, f"{version:04d}_next.sql", sql)
