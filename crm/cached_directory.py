"""The directory with the cache before it: reads by number come from Redis, writes keep it true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import asyncpg

from crm.cache import CustomerCache
from crm.customer_numbers import numbers_of_customer
from crm.customers import Customer
from crm.directory import CallerRecord, CrmDirectory
from crm.errors import CrmError, DatabaseError
from crm.history import Visit
from crm.phone import caller_number
from crm.pool import connection_of


class CachedDirectory:
    """A `CrmDirectory` whose look-ups by number are cached; takes and raises what that one does.

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
        """Return everybody on the number, as `CrmDirectory.find_by_phone`.

        Raises:
            DatabaseError: not cached, and the database gave no answer in time.
        """
        number = caller_number(phone_e164, self._region)
        if number is None:
            return ()
        return await self._cache.fetch(number, lambda: self._directory.find_by_phone(number))

    async def history(self, customer_id: int, limit: int) -> Sequence[Visit]:
        """Return the last jobs of a customer, as `CrmDirectory.history`; not cached.

        Raises:
            DatabaseError: no answer in time.
        """
        return await self._directory.history(customer_id, limit)

    async def update_contact(
        self, customer_id: int, *, version: int, phone_e164: str | None, email: str | None
    ) -> Customer:
        """Change primary number and e-mail address, as `CrmDirectory.update_contact`.

        Raises:
            InputError, NotFoundError, ConflictError, DatabaseError: as there.
        """
        async with self._changing(customer_id, [phone_e164]):
            return await self._directory.update_contact(
                customer_id, version=version, phone_e164=phone_e164, email=email
            )

    async def create_customer(
        self, *, first_name: str, last_name: str, phone_e164: str
    ) -> Customer:
        """Add a person, as `CrmDirectory.create_customer`.

        Raises:
            InputError, DatabaseError: as there.
        """
        async with self._changing(None, [phone_e164]):
            return await self._directory.create_customer(
                first_name=first_name, last_name=last_name, phone_e164=phone_e164
            )

    @asynccontextmanager
    async def _changing(
        self, customer_id: int | None, phones: Iterable[str | None]
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
