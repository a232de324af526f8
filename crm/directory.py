"""The CRM as the dialog asks for it: one class, every call under a deadline of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

import asyncpg

from crm import customers
from crm.addresses import Address, update_address
from crm.appointments import Appointment, upcoming_of

# Who asks the directory knows the record from here.
from crm.caller_records import CallerRecord as CallerRecord
from crm.caller_records import records_by_phone, records_of
from crm.customers import Customer
from crm.history import Spend, Visit, spent_by_customers, spent_on_vehicles, visits_of
from crm.name_search import customers_by_name
from crm.notes import Note, append_note, notes_of
from crm.phone import caller_number
from crm.pool import connection_of, transaction_of
from crm.vehicles import vehicles_by_plate, vehicles_by_vin, vehicles_of
from crm.verification import Fact, Means, Verification, mark_verified, verification_of


@dataclass(frozen=True, slots=True)
class SpendReport:
    """`total` is None where nothing was spent; cars on which nothing was spent are left out."""

    total: Spend | None
    on_vehicles: tuple[Spend, ...]


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
            return await records_by_phone(connection, number, now=self._clock(), zone=self._zone)

    async def find_by_name(
        self,
        last_name: str,
        *,
        first_name: str | None = None,
        plate: str | None = None,
        postcode: str | None = None,
        phone_suffix: str | None = None,
    ) -> Sequence[CallerRecord]:
        """Return who is called something that sounds alike, the closest spelling first.

        At most 20; the filters are those of `crm.name_search.customers_by_name`.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "find_by_name") as connection:
            matches = await customers_by_name(
                connection,
                last_name,
                first_name=first_name,
                plate=plate,
                postcode=postcode,
                phone_suffix=phone_suffix,
            )
            return await self._records(connection, [match.customer_id for match in matches])

    async def find_by_vin(self, vin: str) -> Sequence[CallerRecord]:
        """Return the owners of the cars with this VIN, or with these last 8 characters of it.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "find_by_vin") as connection:
            cars = await vehicles_by_vin(connection, vin)
            return await self._records(connection, [car.customer_id for car in cars])

    async def find_by_plate(self, plate: str) -> Sequence[CallerRecord]:
        """Return the owners of the cars with this plate, those of plates that look alike last.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "find_by_plate") as connection:
            cars = await vehicles_by_plate(connection, plate)
            return await self._records(connection, [car.customer_id for car in cars])

    async def history(self, customer_id: int, limit: int) -> Sequence[Visit]:
        """Return the last `limit` jobs of a customer, at most 100, the latest first.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "history") as connection:
            return await visits_of(connection, [customer_id], limit)

    async def upcoming(self, customer_id: int) -> Sequence[Appointment]:
        """Return what a customer has booked and is not over, the next first.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "upcoming") as connection:
            return await upcoming_of(connection, [customer_id], now=self._clock(), zone=self._zone)

    async def spend(self, customer_id: int, *, since: date = date.min) -> SpendReport:
        """Return what a customer spent from the day `since` on, in all and on each car they own.

        Raises:
            InputError: `since` is an instant.
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "spend") as connection:
            cars = await vehicles_of(connection, [customer_id])
            total = await spent_by_customers(connection, [customer_id], since=since)
            on_cars = await spent_on_vehicles(
                connection, [car.vehicle_id for car in cars], since=since
            )
        return SpendReport(total[0] if total else None, on_cars)

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

    async def update_address(self, customer_id: int, *, version: int, address: Address) -> Customer:
        """Change the postal address.

        Raises:
            InputError, NotFoundError, ConflictError: as `crm.addresses.update_address`.
            DatabaseError: no answer in time; the change may have been made.
        """
        async with transaction_of(self._pool, "update_address") as connection:
            return await update_address(connection, customer_id, version=version, address=address)

    async def mark_verified(
        self, customer_id: int, fact: Fact, *, version: int, by: Means
    ) -> Customer:
        """Record that a fact was verified just now.

        Raises:
            InputError, NotFoundError, ConflictError: as `crm.verification.mark_verified`.
            DatabaseError: no answer in time; the change may have been made.
        """
        async with transaction_of(self._pool, "mark_verified") as connection:
            return await mark_verified(
                connection, customer_id, fact, version=version, by=by, at=self._clock()
            )

    async def verification(self, customer_id: int) -> Verification:
        """Return which of a customer's data was verified.

        Raises:
            NotFoundError: there is no such customer.
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "verification") as connection:
            return await verification_of(connection, customer_id, zone=self._zone)

    async def append_note(
        self,
        customer_id: int,
        text: str,
        *,
        author: str = "agent",
        vehicle_id: int | None = None,
        call_sid: str | None = None,
    ) -> Note:
        """Add a note about a customer, or about one of their cars.

        Raises:
            InputError, NotFoundError: as `crm.notes.append_note`.
            DatabaseError: no answer in time; the note may have been added.
        """
        async with connection_of(self._pool, "append_note") as connection:
            return await append_note(
                connection,
                customer_id,
                text,
                author=author,
                zone=self._zone,
                vehicle_id=vehicle_id,
                call_sid=call_sid,
            )

    async def notes(self, customer_id: int, limit: int) -> Sequence[Note]:
        """Return the last `limit` notes about a customer, at most 100, the latest first.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "notes") as connection:
            return await notes_of(connection, customer_id, limit, zone=self._zone)

    async def _records(
        self, connection: asyncpg.Connection, customer_ids: Sequence[int]
    ) -> Sequence[CallerRecord]:
        return await records_of(connection, customer_ids, now=self._clock(), zone=self._zone)
