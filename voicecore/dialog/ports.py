"""What the dialog needs of the world, as structural types.

`crm` and `scheduler` satisfy these without importing them; `cli.py` joins the two. Money is in
whole cents, instants are aware datetimes in the shop's zone, phone numbers are E.164.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol


class Customer(Protocol):
    """A person in the CRM."""

    @property
    def customer_id(self) -> int: ...
    @property
    def first_name(self) -> str: ...
    @property
    def last_name(self) -> str: ...
    @property
    def phone_e164(self) -> str | None: ...
    @property
    def email(self) -> str | None: ...
    @property
    def version(self) -> int: ...


class Vehicle(Protocol):
    """A car of a customer."""

    @property
    def vehicle_id(self) -> int: ...
    @property
    def year(self) -> int: ...
    @property
    def make(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def plate(self) -> str | None: ...
    @property
    def vin(self) -> str: ...
    @property
    def mileage(self) -> int: ...


class Visit(Protocol):
    """One past job on a car."""

    @property
    def vehicle_id(self) -> int: ...
    @property
    def on_date(self) -> date: ...
    @property
    def service_name(self) -> str: ...
    @property
    def mileage(self) -> int: ...
    @property
    def cost_cents(self) -> int: ...


class Service(Protocol):
    """Something the shop does."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def labour_minutes(self) -> int: ...
    @property
    def price_cents(self) -> int: ...


class Appointment(Protocol):
    """A booked visit; `status` is the word of the database (confirmed, cancelled, ...)."""

    @property
    def appointment_id(self) -> int: ...
    @property
    def customer_id(self) -> int: ...
    @property
    def vehicle_id(self) -> int | None: ...
    @property
    def service_code(self) -> str: ...
    @property
    def service_name(self) -> str: ...
    @property
    def bay_name(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def status(self) -> str: ...


class CallerRecord(Protocol):
    """What one look-up brings: the person, their cars, the last visits and what is booked."""

    @property
    def customer(self) -> Customer: ...
    @property
    def vehicles(self) -> Sequence[Vehicle]: ...
    @property
    def visits(self) -> Sequence[Visit]: ...
    @property
    def upcoming(self) -> Sequence[Appointment]: ...


class Slot(Protocol):
    """A time that can be offered; the bay is decided when it is held."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


class Hold(Protocol):
    """A slot kept for this caller until `expires_at`."""

    @property
    def hold_id(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...


class HoldOutcome(Protocol):
    """A hold, or the nearest free slots where the wanted one is taken."""

    @property
    def hold(self) -> Hold | None: ...
    @property
    def alternatives(self) -> Sequence[Slot]: ...


class RescheduleOutcome(Protocol):
    """The moved appointment, or the nearest free slots where the wanted one is taken."""

    @property
    def appointment(self) -> Appointment | None: ...
    @property
    def alternatives(self) -> Sequence[Slot]: ...


class Directory(Protocol):
    """The CRM as the dialog sees it; every call has its own deadline inside."""

    async def find_by_phone(self, phone_e164: str) -> Sequence[CallerRecord]:
        """Return everybody who has this number; empty where nobody has."""
        ...

    async def history(self, customer_id: int, limit: int) -> Sequence[Visit]:
        """Return the last visits of all their cars, latest first."""
        ...

    async def update_contact(
        self, customer_id: int, *, version: int, phone_e164: str | None, email: str | None
    ) -> Customer:
        """Change what is not None, where nobody has changed the record since `version`."""
        ...

    async def create_customer(
        self, *, first_name: str, last_name: str, phone_e164: str
    ) -> Customer:
        """Put somebody new on file."""
        ...


class Schedule(Protocol):
    """The service bays as the dialog sees them."""

    async def services(self) -> Sequence[Service]:
        """Return what can be booked."""
        ...

    async def free_slots(
        self,
        service_code: str,
        *,
        earliest: datetime,
        latest: datetime,
        limit: int,
        part_of_day: str = "any",
        same_technician_for: int | None = None,
    ) -> Sequence[Slot]:
        """Return up to `limit` free times, earliest first.

        `part_of_day` is "any", "morning" or "afternoon"; `same_technician_for` is a customer who
        wants whoever worked for them last.
        """
        ...

    async def hold(
        self,
        *,
        service_code: str,
        start: datetime,
        customer_id: int,
        vehicle_id: int | None,
        call_sid: str,
    ) -> HoldOutcome:
        """Keep the slot for this caller for two minutes."""
        ...

    async def confirm(self, hold_id: str) -> Appointment | None:
        """Turn the hold into an appointment; the same again for the same hold.

        None: the hold has expired, or never was.
        """
        ...

    async def release(self, hold_id: str) -> None:
        """Give a held slot back; safe to repeat."""
        ...

    async def reschedule(
        self, appointment_id: int, *, start: datetime, customer_id: int
    ) -> RescheduleOutcome:
        """Move this customer's appointment to another start."""
        ...

    async def cancel(self, appointment_id: int, *, customer_id: int) -> Appointment | None:
        """Cancel this customer's appointment; None where they have no such one."""
        ...


class Messenger(Protocol):
    """Sends text messages through the gate."""

    async def send_sms(self, to_e164: str, body: str) -> str:
        """Send `body` now and return the SID that Twilio gave it."""
        ...

    async def send_confirmation(self, appointment_id: int, to_e164: str, body: str) -> str:
        """Have an appointment's confirmation sent soon, once; return what it can be found by."""
        ...


class SlotReading(Protocol):
    """What a reader makes of a caller's words: a value, or a question.

    `ask` is empty where `value` may be used; else it is what to ask the caller, and `error` a word
    for the log.
    """

    @property
    def value(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def ask(self) -> str: ...


class SlotReaders(Protocol):
    """Reads and checks what the records hold; all take words as said or as written."""

    def code(self, said: str) -> str:
        """Return the letters and digits of a spelled code in upper case; empty: it is none."""
        ...

    def plate(self, said: str) -> SlotReading:
        """Read a licence plate."""
        ...

    def vin(self, said: str, on_file: Sequence[str]) -> SlotReading:
        """Read a VIN, mended where only one is possible; `on_file` are those of the caller."""
        ...

    def email(self, said: str) -> SlotReading:
        """Read an e-mail address."""
        ...

    def name(self, said: str) -> SlotReading:
        """Check a person's name, and write it the way its owner does."""
        ...


class RowGuard(Protocol):
    """The second wall: what the running task may reach in the database, whatever it asks for."""

    def acting_as(self, customer_id: int | None) -> AbstractContextManager[None]:
        """Limit the block to the rows of one customer; None: to nobody's."""
        ...

    def as_shop(self) -> AbstractContextManager[None]:
        """Lift the limit, for the look-up that finds out who is calling."""
        ...


class AttemptLimiter(Protocol):
    """Counts wrong facts over all calls of a day: by line, and by number that was claimed.

    What others get wrong about a number does not count against its own line.
    """

    async def may_try(self, line_e164: str | None, claimed_e164: str) -> bool:
        """Say whether the line, and other lines about this number, have not erred too often."""
        ...

    async def note_miss(self, line_e164: str | None, claimed_e164: str) -> None:
        """Count one wrong fact about a number, said over a line; None: a withheld number."""
        ...
