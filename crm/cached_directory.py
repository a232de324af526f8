"""The directory with the cache before it: reads by number come from Redis, writes keep it true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import lru_cache

import asyncpg

from crm.addresses import Address
from crm.appointments import Appointment
from crm.cache import CustomerCache
from crm.customer_numbers import numbers_of_customer
from crm.customers import Customer
from crm.directory import CallerRecord, CrmDirectory, SpendReport
from crm.errors import CrmError, DatabaseError
from crm.history import Visit
from crm.notes import Note
from crm.phone import caller_number
from crm.pool import connection_of
from crm.principal import is_limited
from crm.verification import Fact, Means, Verification

NUMBERS_REMEMBERED = 4096


class CachedDirectory:
    """A `CrmDirectory` whose look-ups by number are cached; takes and raises what that one does.

    What changes a record that the cache may hold goes through `_changing`.

    Args:
        directory: answers what the cache does not know.
        cache: `CustomerCache.run` should run beside it.
        pool: of the same database; stays the caller's.
        region: ISO 3166 code of the country of numbers without country code.
    """

    def __init__(
        self,
        directory: CrmDirectory,
        cache: CustomerCache,
        *,
        pool: asyncpg.Pool,
        region: str = "US",
    ) -> None:
        self._directory = directory
        self._cache = cache
        self._pool = pool
        self._region = region

    async def find_by_phone(self, phone_e164: str) -> Sequence[CallerRecord]:
        """Return everybody on the number; from the cache where it knows them.

        Who acts for a caller (`crm.principal`) reads anew what row security lets them see.
        """
        number = _number_of(phone_e164, self._region)
        if number is None:
            return ()
        if is_limited():
            return await self._directory.find_by_phone(number)
        return await self._cache.fetch(number, lambda: self._directory.find_by_phone(number))

    async def find_by_name(
        self,
        last_name: str,
        *,
        first_name: str | None = None,
        plate: str | None = None,
        postcode: str | None = None,
        phone_suffix: str | None = None,
    ) -> Sequence[CallerRecord]:
        """Return who is called something that sounds alike; not cached."""
        return await self._directory.find_by_name(
            last_name,
            first_name=first_name,
            plate=plate,
            postcode=postcode,
            phone_suffix=phone_suffix,
        )

    async def find_by_vin(self, vin: str) -> Sequence[CallerRecord]:
        """Return the owners of the cars with this VIN; not cached."""
        return await self._directory.find_by_vin(vin)

    async def find_by_plate(self, plate: str) -> Sequence[CallerRecord]:
        """Return the owners of the cars with this plate; not cached."""
        return await self._directory.find_by_plate(plate)

    async def history(self, customer_id: int, limit: int) -> Sequence[Visit]:
        """Return the last jobs of a customer; not cached."""
        return await self._directory.history(customer_id, limit)

    async def upcoming(self, customer_id: int) -> Sequence[Appointment]:
        """Return what a customer has booked; not cached."""
        return await self._directory.upcoming(customer_id)

    async def spend(self, customer_id: int, *, since: date = date.min) -> SpendReport:
        """Return what a customer spent; not cached."""
        return await self._directory.spend(customer_id, since=since)

    async def verification(self, customer_id: int) -> Verification:
        """Return which of a customer's data was verified; not cached."""
        return await self._directory.verification(customer_id)

    async def notes(self, customer_id: int, limit: int) -> Sequence[Note]:
        """Return the last notes about a customer; not cached."""
        return await self._directory.notes(customer_id, limit)

    async def append_note(
        self,
        customer_id: int,
        text: str,
        *,
        author: str = "agent",
        vehicle_id: int | None = None,
        call_sid: str | None = None,
    ) -> Note:
        """Add a note; no record in the cache holds notes."""
        return await self._directory.append_note(
            customer_id, text, author=author, vehicle_id=vehicle_id, call_sid=call_sid
        )

    async def update_contact(
        self, customer_id: int, *, version: int, phone_e164: str | None, email: str | None
    ) -> Customer:
        """Change primary number and e-mail address, as `CrmDirectory.update_contact`."""
        async with self._changing(customer_id, [phone_e164]):
            return await self._directory.update_contact(
                customer_id, version=version, phone_e164=phone_e164, email=email
            )

    async def create_customer(
        self, *, first_name: str, last_name: str, phone_e164: str
    ) -> Customer:
        """Add a person, as `CrmDirectory.create_customer`."""
        async with self._changing(None, [phone_e164]):
            return await self._directory.create_customer(
                first_name=first_name, last_name=last_name, phone_e164=phone_e164
            )

    async def update_address(self, customer_id: int, *, version: int, address: Address) -> Customer:
        """Change the postal address, as `CrmDirectory.update_address`."""
        async with self._changing(customer_id):
            return await self._directory.update_address(
                customer_id, version=version, address=address
            )

    async def mark_verified(
        self, customer_id: int, fact: Fact, *, version: int, by: Means
    ) -> Customer:
        """Record that a fact was verified, as `CrmDirectory.mark_verified`."""
        async with self._changing(customer_id):
            return await self._directory.mark_verified(customer_id, fact, version=version, by=by)

    @asynccontextmanager
    async def _changing(
        self, customer_id: int | None, phones: Iterable[str | None] = ()
    ) -> AsyncIterator[None]:
        """Keep the customer's numbers, and those given, out of the cache while the block writes."""
        given = [caller_number(phone, self._region) for phone in phones]
        before = await self._numbers(customer_id)
        mark = await self._cache.mark([*before, *(number for number in given if number)])
        try:
            yield
        except CrmError as error:
            # Where the commit may have happened, or may still, the tombstones stay.
            if not (isinstance(error, DatabaseError) and error.retryable):
                await self._cache.settle(mark)
            raise
        try:
            # Another writer may have added a number since; its readers may know the old record.
            after = await self._numbers(customer_id)
        except DatabaseError:
            after = ()
        await self._cache.settle(mark, also=after)

    async def _numbers(self, customer_id: int | None) -> tuple[str, ...]:
        if customer_id is None:
            return ()
        async with connection_of(self._pool, "numbers of a customer") as connection:
            return await numbers_of_customer(connection, customer_id)


# Reading a number takes a third of the time that a cached look-up takes.
@lru_cache(maxsize=NUMBERS_REMEMBERED)
def _number_of(text: str, region: str) -> str | None:
    return caller_number(text, region)
