"""What the tools of one call share: the ports, the caller, the handles and what is pending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicecore.dialog import phrases
from voicecore.dialog.agenda import Agenda, Known
from voicecore.dialog.handles import Handles
from voicecore.dialog.identity import Identity
from voicecore.dialog.ledger import Deed, Ledger
from voicecore.dialog.plain_words import plain_words
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
    Vehicle,
    Visit,
)
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.scenarios.scenario import Direction
from voicecore.dialog.shop import ShopProfile
from voicecore.dialog.slots import SlotProblem, find_service
from voicecore.dialog.workshop import Estimate, NoWorkshop, Workshop

PREFETCHED_FOR = timedelta(seconds=60)
"""How long slots that were fetched ahead may be offered."""
_LONGEST_LABEL_CHARS = 40
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
    ) -> None:
        self.workshop: Workshop = workshop or NoWorkshop()
        self.reminder = reminder
        self.agenda = Agenda(Direction.INBOUND if reminder is None else Direction.OUTBOUND)
        self.estimates: Handles[Estimate] = Handles("estimate")
        self.directory = directory
        self.schedule = schedule
        self.messenger = messenger
        self.shop = shop
        self.call_sid = call_sid
        self.identity = Identity(caller_e164)
        self.ledger = Ledger()
        self.vehicles: Handles[Vehicle] = Handles("vehicle")
        self.slots: Handles[OfferedSlot] = Handles("slot")
        self.appointments: Handles[Appointment] = Handles("appointment")
        self.customers: Handles[Customer] = Handles("customer")
        self.services: Sequence[Service] = ()
        self.pending: dict[str, ReadBack] = {}
        self.done: dict[tuple[object, ...], dict[str, object]] = {}
        self.writing = asyncio.Lock()
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

    async def records(self, phone_e164: str) -> Sequence[CallerRecord]:
        """Return the people with this number; what was fetched ahead is given out once."""
        if phone_e164 == self.identity.caller_e164 and self._line is not None and self._line_fresh:
            self._line_fresh = False
            return self._line
        return await self.directory.find_by_phone(phone_e164)

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
        before = self.identity.record
        if before is None or before.customer.customer_id != record.customer.customer_id:
            self.vehicles.clear()
            self.appointments.clear()
            self.customers.clear()
            self.estimates.clear()
            self.pending.clear()
            self.ledger.forget_records()
        self.identity.become(record, phone_e164)
        self.ledger.customer = record.customer
        self.customers.put(record.customer.customer_id, record.customer)
        for car in record.vehicles:
            self.vehicles.put(car.vehicle_id, car)
        for appointment in record.upcoming:
            self.keep_appointment(appointment)

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
        fits = [(handle, car) for handle, car in cars if named and _names(named, handle, car)]
        if len(fits) == 1:
            return fits[0]
        names = phrases.listed([label(car) for _, car in fits or cars])
        if not cars:
            return SlotProblem("no_vehicle_on_file", phrases.ASK_NO_VEHICLE)
        return SlotProblem("vehicle_unclear", phrases.ASK_VEHICLE.format(names=names))

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


def plain_text(text: str) -> str:
    """Reduce a text from the records to one short line without anything but words."""
    kept = (character if character.isalnum() or character in " -.'&" else " " for character in text)
    return " ".join("".join(kept).split())[:_LONGEST_LABEL_CHARS].rstrip()


def _names(named: str, handle: str, car: Vehicle) -> bool:
    if named == handle:
        return True
    said = set(plain_words(named).split()) - {"the", "my", "a"}
    return bool(said) and said <= set(plain_words(label(car)).split())
