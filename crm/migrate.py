"""Applies the numbered SQL files of `crm/migrations`, each once and each whole.

One advisory lock lets any number of workers start together; each file runs in one transaction with
its own row in `schema_version`, so a crash leaves every file applied or not, never half.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from crm.errors import DatabaseError, MigrationError

MIGRATIONS_DIR = Path(__file__).with_name("migrations")
CONNECT_WAIT_S = 10.0
MIGRATION_WAIT_S = 120.0

_FILE_NAME = re.compile(r"(?P<version>[0-9]{4})_[a-z0-9_]+\.sql")

# Any number serves, as long as nothing else locks it: "vcmigr" in ASCII. The lock belongs to the
# transaction, so it also holds behind a pooler that lends a server connection per transaction.
_LOCK_KEY = 0x76636D696772
_LOCK = "SELECT pg_advisory_xact_lock($1)"
_CREATE_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_version (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_SELECT_VERSIONS = "SELECT version, name, sha256 FROM schema_version ORDER BY version"
_INSERT_VERSION = "INSERT INTO schema_version (version, name, sha256) VALUES ($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; `sha256` is taken over its text with plain line ends."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hex digest that says whether the file changed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = MIGRATIONS_DIR) -> tuple[Migration, ...]:
    """Read the SQL files of a folder in order.

    Raises:
        MigrationError: a name that is not `0001_words.sql`, or numbers that do not run 1, 2, 3.
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(path.name, "is not named like 0001_words.sql")
        sql = path.read_text(encoding="utf-8")
        found.append(Migration(version=int(match["version"]), name=path.name, sql=sql))
    for expected, migration in enumerate(found, start=1):
        if migration.version != expected:
            raise MigrationError(migration.name, f"should have number {expected}")
    return tuple(found)


async def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> tuple[str, ...]:
    """Bring the database at `dsn` up to date; return the names of the files applied now.

    A database that is ahead of `migrations` is left alone: older code runs on a newer schema.

    Raises:
        MigrationError: a file changed after it was applied, or fails.
        DatabaseError: the database cannot be reached, or takes too long.
    """
    wanted = await asyncio.to_thread(read_migrations) if migrations is None else migrations
    try:
        # No statement cache: a named statement would not survive a pooler.
        connection = await asyncpg.connect(dsn, timeout=CONNECT_WAIT_S, statement_cache_size=0)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseError("connect", type(error).__name__, retryable=True) from error
    try:
        applied = [item.name for item in wanted if await _apply(connection, item, wanted)]
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        raise DatabaseError("migrate", type(error).__name__, retryable=True) from error
    finally:
        await connection.close(timeout=CONNECT_WAIT_S)
    return tuple(applied)


async def _apply(
    connection: asyncpg.Connection, migration: Migration, wanted: Sequence[Migration]
) -> bool:
    """Run one file unless the database has it; return whether it ran."""
    try:
        async with asyncio.timeout(MIGRATION_WAIT_S), connection.transaction():
            await connection.execute(_LOCK, _LOCK_KEY)
            await connection.execute(_CREATE_VERSIONS)
            if migration.version in _verified(await connection.fetch(_SELECT_VERSIONS), wanted):
                return False
            await connection.execute(migration.sql)
            await connection.execute(
                _INSERT_VERSION, migration.version, migration.name, migration.sha256
            )
            return True
    except asyncpg.PostgresConnectionError as error:
        raise DatabaseError("migrate", type(error).__name__, retryable=True) from error
    except asyncpg.PostgresError as error:
        raise MigrationError(migration.name, f"{error.sqlstate} {error}") from error


def _verified(rows: Sequence[asyncpg.Record], wanted: Sequence[Migration]) -> set[int]:
    """Return the versions that the database has.

    Raises:
        MigrationError: one of them is not the file that we hold under its number.
    """
    known = {migration.version: migration for migration in wanted}
    for row in rows:
        ours = known.get(row["version"])
        if ours is not None and (ours.name, ours.sha256) != (row["name"], row["sha256"]):
            raise MigrationError(ours.name, f"is not the file that was applied ({row['name']})")
    return {row["version"] for row in rows}
