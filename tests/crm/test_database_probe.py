"""A look at the database that changes nothing."""

from __future__ import annotations

import asyncpg
import pytest

from crm.database_probe import OLDEST_SERVER, server_version, unapplied_migrations
from crm.errors import DatabaseError
from crm.migrate import read_migrations


async def test_the_version_of_the_server_is_told(postgres_dsn: str) -> None:
    assert await server_version(postgres_dsn) >= OLDEST_SERVER


async def test_migrations_that_are_missing_or_differ_are_told(
    postgres_dsn: str, crm_dsn: str
) -> None:
    names = tuple(item.name for item in read_migrations())
    assert await unapplied_migrations(postgres_dsn) == names
    assert await unapplied_migrations(crm_dsn) == ()
    connection = await asyncpg.connect(crm_dsn, timeout=10)
    try:
        await connection.execute("UPDATE schema_version SET sha256 = 'x' WHERE version = 3")
    finally:
        await connection.close()
    assert await unapplied_migrations(crm_dsn) == names[2:3]


@pytest.mark.parametrize("dsn", ["postgresql://nobody@127.0.0.1:1/none", "nonsense://x"])
async def test_a_database_that_is_not_there_is_said_so(dsn: str) -> None:
    with pytest.raises(DatabaseError):
        await server_version(dsn)
    with pytest.raises(DatabaseError):
        await unapplied_migrations(dsn)
