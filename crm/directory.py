"""The CRM as the dialog asks for it: one class, every call under a deadline of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import asyncpg

from crm import customers
from crm.appointments import Appointment, upcoming_of
from crm.customers import Customer
from crm.history import Visit, visits_of
from crm.phone import caller_number
from crm.pool import connection_of, transaction_of
from crm.vehicles import Vehicle, vehicles_of

RECENT_VISITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRecord:
    """A person with their cars, last visits (latest first) and coming appointments."""

    customer: Customer
    vehicles: tuple[Vehicle, ...]
    visits: tuple[Visit, ...]
    upcoming: tuple[Appointment, ...]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CrmDirectory:
    """Answers the dialog's questions about people.

    Args:
        pool: from `crm.pool.open_pool`; stays the caller's.
        zone: the shop's zone, in which every instant is returned.
        region: ISO 3166 code of the country of numbers without country code.
        clock: what counts as now.
    """

    __slots__ = ("_clock", "_pool", "_region", "_zone")

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        zone: tzinfo,
        region: str = "US",
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._pool = pool
        self._zone = zone
        self._region = region
        self._clock = clock

    async def find_by_phone(self, phone_e164: str) -> Sequence[CallerRecord]:
        """Return everybody on the number, longest known first; empty where it names nobody.

        Raises:
            DatabaseError: no answer in time.
        """
        number = caller_number(phone_e164, self._region)
        if number is None:
            return ()
        async with connection_of(self._pool, "find_by_phone") as connection:
            people = await customers.customers_by_phone(connection, number)
            if not people:
                return ()
            ids = [person.customer_id for person in people]
            cars = await vehicles_of(connection, ids)
            visits = await visits_of(connection, ids, RECENT_VISITS)
            upcoming = await upcoming_of(connection, ids, now=self._clock(), zone=self._zone)
        return tuple(
            CallerRecord(
                customer=person,
                vehicles=tuple(row for row in cars if row.customer_id == person.customer_id),
                visits=tuple(row for row in visits if row.customer_id == person.customer_id),
                upcoming=tuple(row for row in upcoming if row.customer_id == person.customer_id),
            )
            for person in people
        )

    async def history(self, customer_id: int, limit: int) -> Sequence[Visit]:
        """Return the last `limit` jobs of a customer, at most 100, the latest first.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "history") as connection:
            return await visits_of(connection, [customer_id], limit)

    async def update_contact(
        self, customer_id: int, *, version: int, phone_e164: str | None, email: str | None
    ) -> Customer:
        """Change primary number and e-mail address; None keeps what is there.

        Raises:
            InputError, NotFoundError, ConflictError: as `crm.customers.update_contact`.
            DatabaseError: no answer in time; the change may have been made.
        """
        async with transaction_of(self._pool, "update_contact") as connection:
            return await customers.update_contact(
                connection,
                customer_id,
                version=version,
                phone=phone_e164,
                email=email,
                region=self._region,
            )

    async def create_customer(
        self, *, first_name: str, last_name: str, phone_e164: str
    ) -> Customer:
        """Add a person; the same name on the same number again returns the same person.

        Raises:
            InputError: a name or the number cannot be stored.
            DatabaseError: no answer in time; repeating is safe.
        """
        async with transaction_of(self._pool, "create_customer") as connection:
            return await customers.create_customer(
                connection,
                first_name=first_name,
                last_name=last_name,
                phone=phone_e164,
                region=self._region,
            )
