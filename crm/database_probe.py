"""Looks at the database before anything is changed in it, for `cli.py doctor`."""

from __future__ import annotations

import asyncio

import asyncpg

from crm.errors import DatabaseError
from crm.migrate import read_migrations

OLDEST_SERVER = 15
CONNECT_S = 5.0

_VERSION = "SELECT current_setting('server_version_num')::integer"
_HAS_TABLE = "SELECT to_regclass('schema_version') IS NOT NULL"
_APPLIED = "SELECT name, sha256 FROM schema_version"


async def server_version(dsn: str) -> int:
    """Return the major version of the server.

    Raises:
        DatabaseError: it cannot be reached.
    """
    connection = await _connect(dsn)
    try:
        return int(await connection.fetchval(_VERSION)) // 10_000
    finally:
        await connection.close(timeout=CONNECT_S)


async def unapplied_migrations(dsn: str) -> tuple[str, ...]:
    """Return the files that the database has not seen, or has seen with another text.

    Raises:
        DatabaseError: it cannot be reached.
    """
    wanted = await asyncio.to_thread(read_migrations)
    connection = await _connect(dsn)
    try:
        has_any = await connection.fetchval(_HAS_TABLE)
        rows = await connection.fetch(_APPLIED) if has_any else []
    finally:
        await connection.close(timeout=CONNECT_S)
    applied = {(row["name"], row["sha256"]) for row in rows}
    return tuple(item.name for item in wanted if (item.name, item.sha256) not in applied)


async def _connect(dsn: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_S, statement_cache_size=0)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
        raise DatabaseError("connect", type(error).__name__, retryable=True) from error
    except asyncpg.InterfaceError as error:
        raise DatabaseError("connect", str(error), retryable=False) from error
