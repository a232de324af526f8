from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from crm.errors import DatabaseError, MigrationError
from crm.migrate import Migration, migrate, read_migrations

ONE = Migration(1, "0001_one.sql", "CREATE TABLE one (n int); INSERT INTO one VALUES (1);")
TWO = Migration(2, "0002_two.sql", "CREATE TABLE two (n int);")
NAMES = tuple(migration.name for migration in read_migrations())


async def fetch(dsn: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def test_an_empty_database_gets_every_file_once(postgres_dsn: str) -> None:
    assert await migrate(postgres_dsn) == NAMES
    assert await migrate(postgres_dsn) == ()


async def test_twenty_racing_workers_apply_each_file_once(postgres_dsn: str) -> None:
    results = await asyncio.gather(*(migrate(postgres_dsn) for _ in range(20)))
    assert sorted(name for names in results for name in names) == sorted(NAMES)
    rows = await fetch(postgres_dsn, "SELECT name FROM schema_version ORDER BY version")
    assert tuple(row["name"] for row in rows) == NAMES


async def test_racing_workers_do_not_repeat_what_is_not_repeatable(postgres_dsn: str) -> None:
    await asyncio.gather(migrate(postgres_dsn, [ONE, TWO]), migrate(postgres_dsn, [ONE, TWO]))
    assert len(await fetch(postgres_dsn, "SELECT * FROM one")) == 1


async def test_a_changed_file_is_refused_before_anything_runs(postgres_dsn: str) -> None:
    await migrate(postgres_dsn, [ONE])
    changed = Migration(1, ONE.name, ONE.sql + " -- slightly different")
    with pytest.raises(MigrationError, match=r"0001_one\.sql"):
        await migrate(postgres_dsn, [changed, TWO])
    rows = await fetch(postgres_dsn, "SELECT to_regclass('two') AS found")
    assert rows[0]["found"] is None


async def test_a_renamed_file_is_refused(postgres_dsn: str) -> None:
    await migrate(postgres_dsn, [ONE])
    with pytest.raises(MigrationError, match=r"0001_other\.sql"):
        await migrate(postgres_dsn, [Migration(1, "0001_other.sql", ONE.sql)])


async def test_a_failing_file_leaves_nothing_behind_and_the_next_start_goes_on(
    postgres_dsn: str,
) -> None:
    broken = Migration(2, "0002_two.sql", "CREATE TABLE half (n int); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match="22012"):
        await migrate(postgres_dsn, [ONE, broken])
    rows = await fetch(
        postgres_dsn, "SELECT to_regclass('half') AS half, to_regclass('one') AS one"
    )
    assert rows[0]["half"] is None
    assert rows[0]["one"] is not None
    assert await migrate(postgres_dsn, [ONE, TWO]) == (TWO.name,)


async def test_a_worker_cut_off_in_a_file_leaves_it_to_the_next(postgres_dsn: str) -> None:
    suicide = Migration(
        2,
        TWO.name,
        "CREATE TABLE half (n int); SELECT pg_terminate_backend(pg_backend_pid());",
    )
    with pytest.raises((DatabaseError, MigrationError)):
        await migrate(postgres_dsn, [ONE, suicide])
    assert await migrate(postgres_dsn, [ONE, TWO]) == (TWO.name,)


async def test_older_code_leaves_a_newer_database_alone(postgres_dsn: str) -> None:
    await migrate(postgres_dsn, [ONE, TWO])
    assert await migrate(postgres_dsn, [ONE]) == ()


async def test_a_database_that_is_not_there_is_a_typed_error() -> None:
    with pytest.raises(DatabaseError) as caught:
        await migrate("postgresql://nobody@127.0.0.1:9/nothing")
    assert caught.value.retryable


async def test_the_migrations_need_no_extension(postgres_dsn: str) -> None:
    await migrate(postgres_dsn)
    rows = await fetch(postgres_dsn, "SELECT extname FROM pg_extension")
    assert [row["extname"] for row in rows] == ["plpgsql"]  # part of every PostgreSQL


def test_files_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "0002_b.sql").write_text("SELECT 2")
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    assert [item.version for item in read_migrations(tmp_path)] == [1, 2]


@pytest.mark.parametrize("names", [("1_a.sql",), ("0001_a.sql", "0003_c.sql"), ("0002_b.sql",)])
def test_names_and_numbers_must_be_regular(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError):
        read_migrations(tmp_path)


def test_two_files_with_one_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    (tmp_path / "0001_b.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="should have number 2"):
        read_migrations(tmp_path)


def test_the_checksum_does_not_depend_on_line_ends(tmp_path: Path) -> None:
    for folder, text in (("unix", b"SELECT\n1\n"), ("dos", b"SELECT\r\n1\r\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0001_a.sql").write_bytes(text)
    assert read_migrations(tmp_path / "unix") == read_migrations(tmp_path / "dos")
