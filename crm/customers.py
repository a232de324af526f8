"""Customers and their telephone numbers."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from crm.email import normalise_email
from crm.errors import ConflictError, InputError, NotFoundError
from crm.phone import normalise_phone
from crm.sound import sound_key
from crm.text import clean_name

# A number that more people share than this is a switchboard and identifies nobody.
SHARED_PHONE_LIMIT = 20

# What `customer_of` reads, from `customers c`.
CUSTOMER_COLUMNS = """
c.customer_id, c.first_name, c.last_name, c.email, c.version,
(SELECT p.phone_e164 FROM customer_phones p WHERE p.customer_id = c.customer_id
  ORDER BY p.is_primary DESC, p.created_at, p.phone_e164 LIMIT 1) AS phone_e164
"""
_BY_ID = f"SELECT {CUSTOMER_COLUMNS} FROM customers c WHERE c.customer_id = $1"
_NAMESAKE_ON_PHONE = f"""
SELECT {CUSTOMER_COLUMNS} FROM customers c JOIN customer_phones USING (customer_id)
 WHERE customer_phones.phone_e164 = $1
   AND lower(c.first_name) = lower($2) AND lower(c.last_name) = lower($3)
 ORDER BY c.customer_id LIMIT 1
"""
_LOCK_PHONE = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_INSERT = """
INSERT INTO customers (first_name, last_name, email, first_name_sound, last_name_sound)
VALUES ($1, $2, $3, $4, $5) RETURNING customer_id
"""
_UPDATE_EMAIL = """
UPDATE customers
   SET email = coalesce($3, email),
       email_verified_at = CASE WHEN $3 IS DISTINCT FROM email AND $3 IS NOT NULL
                                THEN NULL ELSE email_verified_at END,
       version = version + 1,
       updated_at = now()
 WHERE customer_id = $1 AND version = $2
"""
_DEMOTE_PHONES = """
UPDATE customer_phones SET is_primary = false
 WHERE customer_id = $1 AND is_primary AND phone_e164 <> $2
"""
_UPSERT_PRIMARY_PHONE = """
INSERT INTO customer_phones (customer_id, phone_e164, is_primary) VALUES ($1, $2, true)
ON CONFLICT (customer_id, phone_e164) DO UPDATE SET is_primary = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A person; `phone_e164` is their primary number, `version` guards the next update."""

    customer_id: int
    first_name: str
    last_name: str
    phone_e164: str | None
    email: str | None
    version: int


async def get_customer(connection: asyncpg.Connection, customer_id: int) -> Customer:
    """Return one customer.

    Raises:
        NotFoundError: there is none.
    """
    row = await connection.fetchrow(_BY_ID, customer_id)
    if row is None:
        raise NotFoundError("customers", customer_id)
    return customer_of(row)


async def create_customer(
    connection: asyncpg.Connection,
    *,
    first_name: str,
    last_name: str,
    phone: str,
    email: str | None = None,
    region: str = "US",
) -> Customer:
    """Add a person, or return the one who already has this name on this number.

    Must run in a transaction: the number is locked until its end, so that a repeated or racing
    call cannot add the same person twice.

    Raises:
        InputError: a name, the number or the address cannot be stored.
    """
    first = clean_name(first_name, "first_name")
    last = clean_name(last_name, "last_name")
    phone_e164 = normalise_phone(phone, region)
    address = None if email is None else normalise_email(email)
    await connection.execute(_LOCK_PHONE, phone_e164)
    known = await connection.fetchrow(_NAMESAKE_ON_PHONE, phone_e164, first, last)
    if known is not None:
        return customer_of(known)
    customer_id = await connection.fetchval(
        _INSERT, first, last, address, sound_key(first), sound_key(last)
    )
    await connection.execute(_UPSERT_PRIMARY_PHONE, customer_id, phone_e164)
    return await get_customer(connection, customer_id)


async def update_contact(
    connection: asyncpg.Connection,
    customer_id: int,
    *,
    version: int,
    phone: str | None,
    email: str | None,
    region: str = "US",
) -> Customer:
    """Change e-mail address and primary number; None keeps what is there.

    The old number stays on file as a further one. Must run in a transaction.

    Raises:
        InputError: the number or the address cannot be stored, or neither is given.
        NotFoundError: there is no such customer.
        ConflictError: the customer is no longer at `version`.
    """
    if phone is None and email is None:
        raise InputError("contact", "is empty")
    phone_e164 = None if phone is None else normalise_phone(phone, region)
    address = None if email is None else normalise_email(email)
    status = await connection.execute(_UPDATE_EMAIL, customer_id, version, address)
    if status != "UPDATE 1":
        await get_customer(connection, customer_id)
        raise ConflictError("customers", customer_id, version)
    if phone_e164 is not None:
        await connection.execute(_DEMOTE_PHONES, customer_id, phone_e164)
        await connection.execute(_UPSERT_PRIMARY_PHONE, customer_id, phone_e164)
    return await get_customer(connection, customer_id)


def customer_of(row: asyncpg.Record) -> Customer:
    """Return the customer of a row of `CUSTOMER_COLUMNS`."""
    return Customer(
        customer_id=row["customer_id"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        phone_e164=row["phone_e164"],
        email=row["email"],
        version=row["version"],
    )
