"""Postal addresses of customers."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from crm.customers import Customer, get_customer
from crm.errors import ConflictError, InputError, NotFoundError
from crm.postcode import read_postcode
from crm.problem import Problem
from crm.text import clean_line

_MAX_CHARS = {"street": 200, "city": 100, "region": 60}

_READ = "SELECT street, city, region, postcode FROM customers WHERE customer_id = $1"
_UPDATE = """
UPDATE customers
   SET street = $3, city = $4, region = $5, postcode = $6,
       address_verified_at = CASE WHEN (street, city, region, postcode) IS DISTINCT FROM
                                       ($3::text, $4::text, $5::text, $6::text)
                                  THEN NULL ELSE address_verified_at END,
       version = version + 1,
       updated_at = now()
 WHERE customer_id = $1 AND version = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a customer lives; `region` is a state or province, such as "IL"."""

    street: str
    city: str
    region: str
    postcode: str


async def address_of(connection: asyncpg.Connection, customer_id: int) -> Address | None:
    """Return the address of a customer; None where it is not on file, or not complete.

    Raises:
        NotFoundError: there is no such customer.
    """
    row = await connection.fetchrow(_READ, customer_id)
    if row is None:
        raise NotFoundError("customers", customer_id)
    return None if None in row.values() else Address(**row)


async def update_address(
    connection: asyncpg.Connection, customer_id: int, *, version: int, address: Address
) -> Customer:
    """Change the address of a customer; one that differs is not verified any more.

    Must run in a transaction.

    Raises:
        InputError: a part of it cannot be stored.
        NotFoundError: there is no such customer.
        ConflictError: the customer is no longer at `version`.
    """
    postcode = read_postcode(address.postcode)
    if isinstance(postcode, Problem):
        raise InputError("postcode", "is not one")
    street = clean_line(address.street, "street", _MAX_CHARS["street"])
    city = clean_line(address.city, "city", _MAX_CHARS["city"])
    region = clean_line(address.region, "region", _MAX_CHARS["region"])
    status = await connection.execute(
        _UPDATE, customer_id, version, street, city, region, postcode.code
    )
    if status != "UPDATE 1":
        await get_customer(connection, customer_id)
        raise ConflictError("customers", customer_id, version)
    return await get_customer(connection, customer_id)
