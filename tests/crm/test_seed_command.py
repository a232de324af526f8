"""`cli.py seed`, as a person runs it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from typer.testing import CliRunner, Result

import cli
from voicecore.sandbox.postgres import EmbeddedPostgres


@pytest.fixture
def database(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """DSN of an empty database, which is also the one of the settings."""

    async def make() -> None:
        connection = await asyncpg.connect(postgres.dsn(), timeout=10)
        await connection.execute("DROP DATABASE IF EXISTS seed_command WITH (FORCE)")
        await connection.execute("CREATE DATABASE seed_command TEMPLATE template0")
        await connection.close()

    asyncio.run(make())
    monkeypatch.setenv("DATABASE_URL", postgres.dsn("seed_command"))
    return postgres.dsn("seed_command")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["seed", *arguments])


def customers(dsn: str) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM customers"))
        finally:
            await connection.close()

    return asyncio.run(count())


def test_an_empty_database_is_filled_once(database: str) -> None:
    first = run("--today", "2026-11-24")
    assert (first.exit_code, customers(database)) == (0, 10_000), first.output
    assert "wrote 89," in first.output
    second = run()
    assert second.exit_code == 0
    assert "already" in second.output
    other = run("--seed", "2")
    assert other.exit_code == 1
    assert "holds the dataset of seed 1" in other.output
    assert run("--demo").exit_code == 1


def test_the_demonstration_can_be_written_again(database: str) -> None:
    for _ in range(2):
        assert run("--demo").exit_code == 0
    assert customers(database) == 100
    refused = run()
    assert refused.exit_code == 1
    assert "not the dataset's" in refused.output


def test_seed_needs_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    result = run()
    assert result.exit_code == 1
    assert "DATABASE_URL" in result.output


def test_a_server_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    result = run()
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
