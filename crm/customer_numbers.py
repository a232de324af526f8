"""Under which numbers a customer is found: what a change of them has to take out of the cache."""

from __future__ import annotations

import asyncpg

_OF_CUSTOMER = "SELECT phone_e164 FROM customer_phones WHERE customer_id = $1"
# The lock waits for whoever is adding a number, and lets nobody add one until we have committed.
_LOCK_OWNER = """
SELECT c.customer_id FROM customers c JOIN appointments a USING (customer_id)
 WHERE a.appointment_id = $1 FOR SHARE OF c
"""


async def numbers_of_customer(connection: asyncpg.Connection, customer_id: int) -> tuple[str, ...]:
    """Return every number on file for a customer, E.164."""
    rows = await connection.fetch(_OF_CUSTOMER, customer_id)
    return tuple(row["phone_e164"] for row in rows)


async def numbers_of_appointment(
    connection: asyncpg.Connection, appointment_id: int
) -> tuple[str, ...]:
    """Return every number of the customer of an appointment, and lock them until the commit."""
    customer_id = await connection.fetchval(_LOCK_OWNER, appointment_id)
    return () if customer_id is None else await numbers_of_customer(connection, customer_id)
