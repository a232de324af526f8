"""Which of a customer's data was verified, when and by which means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

import asyncpg

from crm.customers import Customer, get_customer
from crm.errors import ConflictError, InputError, NotFoundError
from crm.instants import require_aware

_READ = """
SELECT c.email_verified_at, c.email_verified_by, c.address_verified_at, c.address_verified_by,
       p.verified_at AS phone_verified_at, p.verified_by AS phone_verified_by, c.quality_flags
  FROM customers c LEFT JOIN customer_phones p ON p.customer_id = c.customer_id AND p.is_primary
 WHERE c.customer_id = $1
"""
# What is not on file cannot be verified, so each statement asks for it.
_VERIFY_EMAIL = """
UPDATE customers
   SET email_verified_at = $3, email_verified_by = $4, version = version + 1, updated_at = now()
 WHERE customer_id = $1 AND version = $2 AND email IS NOT NULL
"""
_VERIFY_ADDRESS = """
UPDATE customers
   SET address_verified_at = $3, address_verified_by = $4,
       version = version + 1, updated_at = now()
 WHERE customer_id = $1 AND version = $2 AND street IS NOT NULL
"""
_VERIFY_PHONE = """
WITH changed AS (
    UPDATE customers SET version = version + 1, updated_at = now()
     WHERE customer_id = $1 AND version = $2 AND EXISTS (
           SELECT FROM customer_phones WHERE customer_id = $1 AND is_primary)
    RETURNING customer_id
)
UPDATE customer_phones p SET verified_at = $3, verified_by = $4
  FROM changed WHERE p.customer_id = changed.customer_id AND p.is_primary
"""


class Fact(StrEnum):
    """What can be verified of a customer; a phone is the primary one."""

    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


class Means(StrEnum):
    """How it was verified."""

    CALLER_ID = "caller_id"
    READ_BACK = "read_back"
    SMS_CODE = "sms_code"
    EMAIL_LINK = "email_link"
    DOCUMENT = "document"
    STAFF = "staff"


_VERIFY = {
    Fact.PHONE: _VERIFY_PHONE,
    Fact.EMAIL: _VERIFY_EMAIL,
    Fact.ADDRESS: _VERIFY_ADDRESS,
}


@dataclass(frozen=True, slots=True)
class Verified:
    """When and by which means; instants are in the shop's zone."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The state of each fact, None where it was never verified, and the flags of the record."""

    phone: Verified | None
    email: Verified | None
    address: Verified | None
    quality_flags: tuple[str, ...]


async def verification_of(
    connection: asyncpg.Connection, customer_id: int, *, zone: tzinfo
) -> Verification:
    """Return what is verified of a customer.

    Raises:
        NotFoundError: there is no such customer.
    """
    row = await connection.fetchrow(_READ, customer_id)
    if row is None:
        raise NotFoundError("customers", customer_id)
    return Verification(
        phone=_verified(row, Fact.PHONE, zone),
        email=_verified(row, Fact.EMAIL, zone),
        address=_verified(row, Fact.ADDRESS, zone),
        quality_flags=tuple(row["quality_flags"]),
    )


async def mark_verified(
    connection: asyncpg.Connection,
    customer_id: int,
    fact: Fact,
    *,
    version: int,
    by: Means,
    at: datetime,
) -> Customer:
    """Record that a fact was verified. Must run in a transaction.

    Raises:
        InputError: `at` has no zone, or the customer has nothing on file to verify.
        NotFoundError: there is no such customer.
        ConflictError: the customer is no longer at `version`.
    """
    require_aware(at, "at")
    status = await connection.execute(_VERIFY[fact], customer_id, version, at, by.value)
    customer = await get_customer(connection, customer_id)
    if status == "UPDATE 1":
        return customer
    if customer.version != version:
        raise ConflictError("customers", customer_id, version)
    raise InputError(fact.value, "is not on file")


def _verified(row: asyncpg.Record, fact: Fact, zone: tzinfo) -> Verified | None:
    at = row[f"{fact.value}_verified_at"]
    by = row[f"{fact.value}_verified_by"]
    return None if at is None else Verified(at.astimezone(zone), by or "")
