"""Keeps the customer cache true when an appointment changes."""

from __future__ import annotations

from functools import partial

import asyncpg

from crm.cache import CustomerCache
from crm.customer_numbers import numbers_of_appointment
from scheduler.booking import OnChange
from scheduler.transaction import after_commit


def invalidating(cache: CustomerCache, also: OnChange | None = None) -> OnChange:
    """Return an `on_change` for bookings that takes the customer out of the cache.

    Their numbers get tombstones before the commit, which are taken away after it. `also` runs
    first, in the same transaction.
    """

    async def on_change(conn: asyncpg.Connection, appointment_id: int) -> None:
        if also is not None:
            await also(conn, appointment_id)
        mark = await cache.mark(await numbers_of_appointment(conn, appointment_id))
        after_commit(partial(cache.settle, mark))

    return on_change
