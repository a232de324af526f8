"""What the tools of one call share: the ports, the caller, the handles and what is pending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicecore.dialog import phrases
from voicecore.dialog.agenda import Agenda, Known
from voicecore.dialog.handles import Handles
from voicecore.dialog.identity import Identity
from voicecore.dialog.ledger import Deed, Ledger
from voicecore.dialog.plain_readers import PlainReaders

# Who tells about the desk's things finds the words for it here.
from voicecore.dialog.plain_words import plain_text as plain_text
from voicecore.dialog.ports import (
    Appointment,
    CallerRecord,
    Customer,
    Directory,
    Hold,
    Messenger,
    Schedule,
    Service,
    Slot,
    SlotReaders,
    Vehicle,
    Visit,
)
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.safeguards import Safeguards
from voicecore.dialog.scenarios.scenario import Direction
from voicecore.dialog.shop import ShopProfile
from voicecore.dialog.slots import SlotProblem, find_service
from voicecore.dialog.vehicle_match import match_vehicle
from voicecore.dialog.workshop import Estimate, NoWorkshop, Workshop

PREFETCHED_FOR = timedelta(seconds=60)
"""How long slots that were fetched ahead may be offered."""
MOST_REGISTRATIONS = 2
"""New callers that one call may put on file; a name that is guessed would be put on file too."""
_CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    """A time that was offered for a service, in the shop's zone."""

    start: datetime
    service_code: str


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A write that was read back and waits for a yes.

    `key` says exactly what is to be done; `moments` are the times that the text names, the one
    agreed to last.
    """

    key: tuple[object, ...]
    say: str
    moments: tuple[datetime, ...]
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class NewCaller:
    """The record of somebody who was just registered."""

    customer: Customer
    vehicles: Sequence[Vehicle] = ()
    visits: Sequence[Visit] = ()
    upcoming: Sequence[Appointment] = ()


class CallDesk:
    """One call's working memory; only the tools write to it."""

    def __init__(
        self,
        *,
        directory: Directory,
        schedule: Schedule,
        messenger: Messenger,
        shop: ShopProfile,
        call_sid: str,
        caller_e164: str | None,
        now: Callable[[], datetime],
        workshop: Workshop | None = None,
        reminder: Reminder | None = None,
        safeguards: Safeguards | None = None,
        readers: SlotReaders | None = None,
    ) -> None:
        self.readers: SlotReaders = readers or PlainReaders()
        self._safeguards = safeguards or Safeguards()
        self._registered = 0
        self.workshop: Workshop = workshop or NoWorkshop()
        self.reminder = reminder
        self.agenda = Agenda(Direction.INBOUND if reminder is None else Direction.OUTBOUND)
        self.estimates: Handles[Estimate] = Handles("estimate")
        self.directory = directory
        self.schedule = schedule
        self.messenger = messenger
        self.shop = shop
        self.call_sid = call_sid
        self.identity = Identity(caller_e164, own_line_proves=self._safeguards.own_line_proves)
        self.ledger = Ledger()
        self.vehicles: Handles[Vehicle] = Handles("vehicle")
        self.slots: Handles[OfferedSlot] = Handles("slot")
        self.appointments: Handles[Appointment] = Handles("appointment")
        self.customers: Handles[Customer] = Handles("customer")
        self.services: Sequence[Service] = ()
        self.pending: dict[str, ReadBack] = {}
        self.done: dict[tuple[object, ...], dict[str, object]] = {}
        self.writing = asyncio.Lock()
        self.transfer_failed = False
        self._now = now
        self._zone = shop.zone
        self._line: Sequence[CallerRecord] | None = None
        self._line_fresh = False
        self._ahead: dict[str, tuple[datetime, Sequence[Slot]]] = {}

    def now(self) -> datetime:
        """Return the present moment on the shop's clock."""
        return self._now().astimezone(self._zone)

    def known(self) -> Known:
        """Return what the phases of the scenarios depend on."""
        return Known(
            deeds={deed: self.ledger.count(deed) for deed in Deed},
            caller=self.identity.record is not None,
            appointment=any(entry.status != _CANCELLED for _, entry in self.appointments.items()),
            offer=bool(self.slots.items()),
            estimate=bool(self.estimates.items()),
            pending=frozenset(self.pending),
        )

    def local(self, moment: datetime) -> datetime:
        """Return `moment` on the shop's clock."""
        return moment.astimezone(self._zone)

    async def load_services(self) -> Sequence[Service]:
        """Return what the shop does, asking once per call."""
        if not self.services:
            self.services = tuple(await self.schedule.services())
        return self.services

    async def load_line(self) -> None:
        """Fetch the record of the number that the caller rings from, while the phone rings."""
        if self.identity.caller_e164 is not None:
            self._line = await self.directory.find_by_phone(self.identity.caller_e164)
            self._line_fresh = True
            if self._line:
                self.identity.note_number_on_file()

    def rows_of_caller(self) -> AbstractContextManager[None]:
        """Limit the block to the rows of whoever the caller has shown to be."""
        return self._safeguards.rows.acting_as(self.identity.principal)

    async def records(self, phone_e164: str) -> Sequence[CallerRecord]:
        """Return the people with this number; what was fetched ahead is given out once."""
        if phone_e164 == self.identity.caller_e164 and self._line is not None and self._line_fresh:
            self._line_fresh = False
            return self._line
        with self._safeguards.rows.as_shop():
            return await self.directory.find_by_phone(phone_e164)

    async def identify(
        self, phone_e164: str, *, name: str = "", plate: str = ""
    ) -> CallerRecord | SlotProblem:
        """Take the caller as whom number and facts prove; a problem says what to ask instead.

        Somebody on file and nobody get the same answer after the same work, unless it is proved.
        """
        identity = self.identity
        own_line = identity.own_line_proves and phone_e164 == identity.caller_e164
        if not await self._may_try(phone_e164):
            return SlotProblem("identity_limit", phrases.ASK_IDENTITY_LIMIT)
        if not (own_line or name or plate):
            # Nothing could be proved by it, so that nothing is looked up.
            return SlotProblem("fact_missing", phrases.ASK_ONE_FACT)
        records = await self.records(phone_e164)
        record = self.identity.prove(phone_e164, records, name=name, plate=plate)
        if record is not None:
            self.open_record(record, phone_e164)
            return record
        if name or plate:
            await self.note_miss(phone_e164)
        if self.identity.locked:
            self._forget_records()
        return SlotProblem("not_proved", phrases.ASK_ONE_FACT)

    async def register(
        self, first_name: str, last_name: str, phone_e164: str
    ) -> CallerRecord | SlotProblem:
        """Put a new caller on file, or find the one who already has this name on this number."""
        if self._registered >= MOST_REGISTRATIONS or not await self._may_try(phone_e164):
            return SlotProblem("identity_limit", phrases.ASK_IDENTITY_LIMIT)
        self._registered += 1
        name = f"{first_name} {last_name}"
        known = self.identity.prove_new(phone_e164, await self.records(phone_e164), name=name)
        if known is not None:
            self.open_record(known, phone_e164)
            return known
        # Whoever guesses names by registering is counted like whoever guesses them otherwise.
        await self.note_miss(phone_e164)
        with self._safeguards.rows.as_shop():
            customer = await self.directory.create_customer(
                first_name=first_name, last_name=last_name, phone_e164=phone_e164
            )
        self.identity.admit(customer.customer_id)
        record = NewCaller(customer)
        self.open_record(record, phone_e164)
        return record

    async def note_miss(self, phone_e164: str) -> None:
        """Count a wrong fact for the number and for the line that it came over."""
        await self._safeguards.attempts.note_miss(self.identity.caller_e164, phone_e164)

    async def _may_try(self, phone_e164: str) -> bool:
        if self.identity.locked:
            return False
        return await self._safeguards.attempts.may_try(self.identity.caller_e164, phone_e164)

    def line_record(self) -> CallerRecord | None:
        """Return what is known about the line, for recognition only; never to be told."""
        return self._line[0] if self._line else None

    async def load_slots_ahead(self, service_code: str, days: int, limit: int) -> None:
        """Fetch the next free times of a service before anybody asks."""
        now = self.now()
        slots = await self.schedule.free_slots(
            service_code, earliest=now, latest=now + timedelta(days=days), limit=limit
        )
        self._ahead[service_code] = (now, slots)

    def slots_ahead(self, service_code: str) -> Sequence[Slot]:
        """Return times that were fetched ahead and are fresh; they are given out once."""
        fetched_at, slots = self._ahead.pop(service_code, (None, ()))
        if fetched_at is None or self.now() - fetched_at > PREFETCHED_FOR:
            return ()
        return slots

    def open_record(self, record: CallerRecord, phone_e164: str) -> None:
        """Take `record` as the caller's own and name its parts by handles."""
        before = self.identity.principal
        self.identity.become(record, phone_e164)
        if before != record.customer.customer_id:
            self._forget_records()
        self.ledger.customer = record.customer
        self.customers.put(record.customer.customer_id, record.customer)
        for car in record.vehicles:
            self.vehicles.put(car.vehicle_id, car)
        for appointment in record.upcoming:
            self.keep_appointment(appointment)

    def _forget_records(self) -> None:
        """What was on file is not the caller's."""
        self.vehicles.clear()
        self.appointments.clear()
        self.customers.clear()
        self.estimates.clear()
        self.pending.clear()
        self.ledger.forget_records()

    def keep_appointment(self, appointment: Appointment) -> str:
        """Name an appointment of the caller; returns its handle."""
        self.ledger.know_appointment(appointment.appointment_id, self.local(appointment.start))
        return self.appointments.put(appointment.appointment_id, appointment)

    async def service(self, named: str) -> Service | SlotProblem:
        """Find the service that the model named."""
        return find_service(named, await self.load_services())

    def vehicle(self, named: str | None) -> tuple[str | None, Vehicle | None] | SlotProblem:
        """Find one of the caller's cars by handle or words; without a name, the only one."""
        cars = self.vehicles.items()
        if named is None and len(cars) < 2:
            return cars[0] if cars else (None, None)
        known = self.vehicles.get(named or "")
        if named is not None and known is not None:
            return named, known
        meant = match_vehicle(named or "", [car for _, car in cars])
        if isinstance(meant, SlotProblem):
            return meant
        return next((handle, car) for handle, car in cars if car is meant)

    def appointment(self, named: str) -> Appointment | SlotProblem:
        """Find one of the caller's appointments by handle."""
        found = self.appointments.get(named)
        if found is not None:
            return found
        known = self.appointments.items()
        if not known:
            return SlotProblem("no_appointment", phrases.ASK_NO_APPOINTMENT)
        names = phrases.listed([f"{handle} ({entry.service_name})" for handle, entry in known])
        return SlotProblem("unknown_appointment", phrases.ASK_APPOINTMENT.format(names=names))


def label(car: Vehicle) -> str:
    """Say a car: "2019 Toyota Camry"; what the records hold is cut to a plain short text."""
    return plain_text(f"{car.year} {car.make} {car.model}")
