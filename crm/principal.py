"""For whom the running task acts: the shop, one customer, or somebody who has not shown who.

Theory of operation: the limit belongs to the task, not to the statement, so that nothing that a
tool calls can forget it. Every connection that `crm.pool` lends under a limit is inside a
transaction that has taken on the role `voicecore_caller`; row security then shows and changes the
rows of `app.customer_id` only, and none without one. Both settings end with the transaction, also
behind a pooler that lends a connection for one transaction only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import asyncpg
from asyncpg.transaction import Transaction

# The role comes last: from then on only what it may do can be done.
_BEGIN = (
    "BEGIN; SELECT set_config('app.customer_id', '{owner}', true),"
    " set_config('role', 'voicecore_caller', true)"
)
_LEAVE = "SELECT set_config('role', 'none', true)"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller; `customer_id` is None until they have shown who they are."""

    customer_id: int | None


_principal: ContextVar[Principal | None] = ContextVar("principal", default=None)


class RowSecurity:
    """Limits what the running task, and every task that it starts, can read and write."""

    @staticmethod
    @contextmanager
    def acting_as(customer_id: int | None) -> Iterator[None]:
        """Limit the block to the rows of one customer; None: to nobody's."""
        token = _principal.set(Principal(customer_id))
        try:
            yield
        finally:
            _principal.reset(token)

    @staticmethod
    @contextmanager
    def as_shop() -> Iterator[None]:
        """Lift the limit: for what concerns all customers, or finds out which one is calling."""
        token = _principal.set(None)
        try:
            yield
        finally:
            _principal.reset(token)


def is_limited() -> bool:
    """Say whether the running task acts for a caller."""
    return _principal.get() is not None


class LimitedTransaction:
    """A transaction that is under the limit from its first statement on, in one round trip."""

    def __init__(self, connection: asyncpg.Connection, principal: Principal) -> None:
        self._connection = connection
        self._principal = principal

    async def start(self) -> None:
        """Begin, and put the limit on."""
        customer_id = self._principal.customer_id
        owner = "" if customer_id is None else int(customer_id)
        await self._connection.execute(_BEGIN.format(owner=owner))

    async def commit(self) -> None:
        """Make it true."""
        await self._connection.execute("COMMIT")

    async def rollback(self) -> None:
        """Take it back."""
        await self._connection.execute("ROLLBACK")


def transaction(connection: asyncpg.Connection) -> LimitedTransaction | Transaction:
    """Return a transaction for the running task: under its limit, if it has one."""
    principal = _principal.get()
    if principal is None:
        return connection.transaction()
    return LimitedTransaction(connection, principal)


async def leave(connection: asyncpg.Connection) -> None:
    """Give the rest of the transaction the shop's rights back, for the shop's own book-keeping."""
    if _principal.get() is not None:
        await connection.fetchval(_LEAVE)
