"""One database transaction inside one deadline, repeated where the server itself took it back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

import asyncpg

from crm.errors import DatabaseError
from crm.pool import connection_of, transaction_of
from scheduler.errors import ScheduleUnavailableError, UnknownRecordError

# Two moves that swap places lock each other's rows; the server takes one back, and it is done anew.
ROLLED_BACK = (asyncpg.DeadlockDetectedError.sqlstate, asyncpg.SerializationError.sqlstate)
ROLLED_BACK_TRIES = 5

Result = TypeVar("Result")
AfterCommit: TypeAlias = Callable[[], Awaitable[None]]

_after_commit: ContextVar[list[AfterCommit]] = ContextVar("after_commit")


def after_commit(action: AfterCommit) -> None:
    """Have `action` awaited once the transaction that this task is in has committed.

    It must not raise. It is not called after a rollback, nor when the outcome is unknown.

    Raises:
        LookupError: not called from the work of `in_transaction`.
    """
    _after_commit.get().append(action)


async def in_transaction(
    pool: asyncpg.Pool,
    action: str,
    work: Callable[[asyncpg.Connection], Awaitable[Result]],
    *,
    deadline_s: float,
) -> Result:
    """Run `work` in a READ COMMITTED transaction and commit it, each try within `deadline_s`.

    `work` may run again, always on a clean slate, after a deadlock.

    Raises:
        ScheduleUnavailableError: the database is slow, gone or refuses; the commit may have
            happened where `unknown_outcome` says so.
        UnknownRecordError: a row names a customer, vehicle or service that does not exist.
    """
    actions: list[AfterCommit] = []
    token = _after_commit.set(actions)
    try:
        result = await _committed(pool, action, work, deadline_s)
    finally:
        _after_commit.reset(token)
    for act in actions:
        await act()
    return result


async def in_statement(
    pool: asyncpg.Pool,
    action: str,
    work: Callable[[asyncpg.Connection], Awaitable[Result]],
    *,
    deadline_s: float,
) -> Result:
    """Run `work` without a transaction around it, each try within `deadline_s`.

    Its one writing statement is a transaction of its own, which saves two round trips.

    Raises:
        ScheduleUnavailableError: as `in_transaction`.
        UnknownRecordError: as `in_transaction`.
    """
    return await _tried(connection_of, pool, action, work, deadline_s)


async def _committed(
    pool: asyncpg.Pool,
    action: str,
    work: Callable[[asyncpg.Connection], Awaitable[Result]],
    deadline_s: float,
) -> Result:
    return await _tried(transaction_of, pool, action, work, deadline_s)


async def _tried(
    lend: Callable[..., AbstractAsyncContextManager[asyncpg.Connection]],
    pool: asyncpg.Pool,
    action: str,
    work: Callable[[asyncpg.Connection], Awaitable[Result]],
    deadline_s: float,
) -> Result:
    for _ in range(ROLLED_BACK_TRIES):
        try:
            async with lend(pool, action, deadline_s=deadline_s) as conn:
                return await work(conn)
        except asyncpg.ExclusionViolationError:
            continue
        except asyncpg.ForeignKeyViolationError as error:
            raise UnknownRecordError(str(error.constraint_name)) from error
        except DatabaseError as error:
            if error.reason not in ROLLED_BACK:
                raise ScheduleUnavailableError(
                    action, error.reason, unknown_outcome=error.retryable
                ) from error
    raise ScheduleUnavailableError(action, "kept being rolled back", unknown_outcome=False)


async def read(
    pool: asyncpg.Pool,
    action: str,
    work: Callable[[asyncpg.Connection], Awaitable[Result]],
    *,
    deadline_s: float,
) -> Result:
    """Run reading statements on one connection within `deadline_s`.

    Raises:
        ScheduleUnavailableError: the database is slow, gone or refuses.
    """
    try:
        async with connection_of(pool, action, deadline_s=deadline_s) as conn:
            return await work(conn)
    except DatabaseError as error:
        raise ScheduleUnavailableError(action, error.reason, unknown_outcome=False) from error
