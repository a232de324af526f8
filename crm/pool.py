"""The connection pool, and the deadline that every command runs under."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from crm import principal
from crm.errors import DatabaseError
from crm.fair_pool import FairPool, turn_in

COMMAND_DEADLINE_S = 2.0
CONNECT_DEADLINE_S = 3.0
_IDLE_LIFETIME_S = 300.0
_RELEASE_WAIT_S = 0.25

_PING = "SELECT 1"

# Errors after which the same command can succeed on another connection or a moment later.
_RETRYABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
# The driver calls it an internal error when a server says goodbye on a connection that is idle and
# a command meets it before the socket closes.
_DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class PoolHealth:
    """What one look at the pool found; `latency_ms` is a whole round trip, None without one."""

    ok: bool
    latency_ms: float | None
    connections: int
    idle: int
    limit: int


async def open_pool(
    dsn: str, *, min_size: int = 1, max_size: int = 10, statement_cache_size: int = 200
) -> asyncpg.Pool:
    """Open a pool of `min_size` to `max_size` connections; close it with `close_pool`.

    Behind a transaction pooler `statement_cache_size` must be 0, because a prepared statement
    does not follow us from one server connection to the next.

    Raises:
        DatabaseError: the database cannot be reached.
    """
    async with translated("connect"):
        return await FairPool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            max_inactive_connection_lifetime=_IDLE_LIFETIME_S,
            timeout=CONNECT_DEADLINE_S,
            statement_cache_size=statement_cache_size,
            reset=_keep_session,
            server_settings={"application_name": "voicecore"},
        )


async def close_pool(pool: asyncpg.Pool, *, grace_s: float = 5.0) -> None:
    """Close the pool; connections still busy after `grace_s` are cut."""
    try:
        async with asyncio.timeout(grace_s):
            await pool.close()
    except TimeoutError:
        pool.terminate()


@asynccontextmanager
async def connection_of(
    pool: asyncpg.Pool, action: str, *, deadline_s: float = COMMAND_DEADLINE_S
) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection; waiting for it and everything done with it share one deadline.

    When the block does not end well, the connection is dropped instead of being cleaned up over
    a server that may be frozen. Violated constraints come through as asyncpg's own errors, as
    only the caller knows what they mean. Where the task acts for a caller (`crm.principal`), the
    block is one transaction under row security.

    Raises:
        DatabaseError: deadline missed, no connection, or a statement that the server refused.
    """
    lend = transaction_of if principal.is_limited() else _lent
    async with lend(pool, action, deadline_s=deadline_s) as connection:
        yield connection


@asynccontextmanager
async def transaction_of(
    pool: asyncpg.Pool, action: str, *, deadline_s: float = COMMAND_DEADLINE_S
) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection inside a transaction; it commits when the block ends well.

    A `DatabaseError` that is retryable leaves open whether the commit happened: repeat only what
    is idempotent. Row security is as for `connection_of`.

    Raises:
        DatabaseError: as `connection_of`.
    """
    async with _lent(pool, action, deadline_s=deadline_s) as connection:
        transaction = principal.transaction(connection)
        await transaction.start()
        try:
            yield connection
        except (asyncio.CancelledError, OSError, TimeoutError):
            # `_lent` drops the connection, and with it the server drops the transaction; a
            # ROLLBACK would wait for a server that may be frozen.
            raise
        except BaseException:
            if not connection.is_closed():
                await transaction.rollback()
            raise
        await transaction.commit()


@asynccontextmanager
async def _lent(
    pool: asyncpg.Pool, action: str, *, deadline_s: float
) -> AsyncIterator[asyncpg.Connection]:
    async with translated(action, deadline_s), asyncio.timeout(deadline_s), turn_in(pool):
        connection = await pool.acquire()
        try:
            yield connection
        except (asyncio.CancelledError, OSError, TimeoutError):
            connection.terminate()
            raise
        finally:
            await pool.release(connection, timeout=_RELEASE_WAIT_S)


@asynccontextmanager
async def translated(action: str, deadline_s: float = CONNECT_DEADLINE_S) -> AsyncIterator[None]:
    """Turn the driver's errors into `DatabaseError`; `action` names what was tried."""
    try:
        yield
    except TimeoutError as error:
        raise DatabaseError(action, f"no answer within {deadline_s} s", retryable=True) from error
    except asyncpg.IntegrityConstraintViolationError:
        raise
    except _DRIVER_ERRORS as error:
        reason = getattr(error, "sqlstate", None) or type(error).__name__
        retryable = isinstance(error, _RETRYABLE) and not isinstance(error, ValueError)
        raise DatabaseError(action, str(reason), retryable=retryable) from error


async def check_health(pool: asyncpg.Pool, *, deadline_s: float = 0.5) -> PoolHealth:
    """Ask the database for a sign of life; never raises for a database that gives none."""
    begun = time.perf_counter()
    try:
        async with connection_of(pool, "health", deadline_s=deadline_s) as connection:
            await connection.fetchval(_PING)
        latency_ms = (time.perf_counter() - begun) * 1000
    except DatabaseError:
        latency_ms = None
    return PoolHealth(
        ok=latency_ms is not None,
        latency_ms=latency_ms,
        connections=pool.get_size(),
        idle=pool.get_idle_size(),
        limit=pool.get_max_size(),
    )


async def _keep_session(connection: asyncpg.Connection) -> None:
    # asyncpg resets every session when it returns to the pool, one more round trip per command.
    # We change no session settings; an open transaction it rolls back before it comes here.
    del connection
