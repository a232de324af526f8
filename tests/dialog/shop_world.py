"""Stand-ins of the dialog's own ports: a directory, a schedule and a messenger in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm.slot_readers import SlotReaders
from voicecore.dialog.conversation import Conversation, ShopProfile
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.safeguards import Safeguards
from voicecore.dialog.workshop import Workshop

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=ZONE)
THURSDAY_TWO = datetime(2026, 11, 26, 14, 0, tzinfo=ZONE)
MARIA_PHONE = "+13125550142"
OTHER_PHONE = "+13125550177"
SHOP = ShopProfile(
    name="Northside Auto Care",
    timezone="America/Chicago",
    address="120 Lakeview Avenue, Springfield",
    transfer_number="+13125550100",
    hours="We are open Monday to Friday from eight a.m. to six p.m.",
)


@dataclass(frozen=True)
class Person:
    customer_id: int
    first_name: str
    last_name: str
    phone_e164: str | None
    email: str | None = None
    version: int = 1


@dataclass(frozen=True)
class Car:
    vehicle_id: int
    year: int
    make: str
    model: str
    plate: str | None
    vin: str
    mileage: int


@dataclass(frozen=True)
class PastVisit:
    vehicle_id: int
    on_date: date
    service_name: str
    mileage: int
    cost_cents: int


@dataclass(frozen=True)
class Job:
    code: str
    name: str
    labour_minutes: int
    price_cents: int


@dataclass(frozen=True)
class Booked:
    appointment_id: int
    customer_id: int
    vehicle_id: int | None
    service_code: str
    service_name: str
    bay_name: str
    start: datetime
    end: datetime
    status: str = "confirmed"


@dataclass(frozen=True)
class Record:
    customer: Person
    vehicles: Sequence[Car] = ()
    visits: Sequence[PastVisit] = ()
    upcoming: Sequence[Booked] = ()


@dataclass(frozen=True)
class Window:
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Kept:
    hold_id: str
    start: datetime
    end: datetime
    expires_at: datetime


@dataclass(frozen=True)
class HoldResult:
    hold: Kept | None
    alternatives: Sequence[Window] = ()


@dataclass(frozen=True)
class MoveResult:
    appointment: Booked | None
    alternatives: Sequence[Window] = ()


JOBS = (
    Job("oil_change", "Oil change", 30, 4995),
    Job("brake_inspection", "Brake inspection", 60, 8900),
    Job("tire_rotation", "Tire rotation", 30, 2500),
)
MARIA = Record(
    customer=Person(4711, "Maria", "Lopez", MARIA_PHONE, "maria@example.com"),
    vehicles=(Car(81, 2019, "Toyota", "Camry", "ABC1234", "4T1B11HK5KU123456", 42500),),
    visits=(
        PastVisit(81, date(2025, 9, 1), "Tire rotation", 38000, 2500),
        PastVisit(81, date(2026, 3, 4), "Oil change", 40100, 4995),
    ),
)
VICTIM = Record(
    customer=Person(6666, "Canary", "Zebrawood", OTHER_PHONE, "canary@example.com"),
    vehicles=(Car(99, 2021, "Canarymobile", "Secret", "ZZZ9999", "1HGCM82633A004352", 1),),
)


class MemoryDirectory:
    """People by phone number; `delay_s` and `failure` make it slow or broken."""

    def __init__(self, *records: Record, schedule: MemorySchedule) -> None:
        self.people = list(records)
        self.schedule = schedule
        self.asked: list[str] = []
        self.delay_s = 0.0
        self.failure: Exception | None = None

    async def find_by_phone(self, phone_e164: str) -> Sequence[Record]:
        await self._trouble()
        self.asked.append(phone_e164)
        return [
            replace(entry, upcoming=self.schedule.upcoming(entry.customer.customer_id))
            for entry in self.people
            if entry.customer.phone_e164 == phone_e164
        ]

    async def history(self, customer_id: int, limit: int) -> Sequence[PastVisit]:
        await self._trouble()
        (record,) = (entry for entry in self.people if entry.customer.customer_id == customer_id)
        return sorted(record.visits, key=lambda visit: visit.on_date, reverse=True)[:limit]

    async def update_contact(
        self, customer_id: int, *, version: int, phone_e164: str | None, email: str | None
    ) -> Person:
        await self._trouble()
        for at, record in enumerate(self.people):
            person = record.customer
            if person.customer_id == customer_id and person.version == version:
                person = replace(
                    person,
                    phone_e164=phone_e164 or person.phone_e164,
                    email=email or person.email,
                    version=version + 1,
                )
                self.people[at] = replace(record, customer=person)
                return person
        raise LookupError("no such version")

    async def create_customer(self, *, first_name: str, last_name: str, phone_e164: str) -> Person:
        await self._trouble()
        person = Person(9000 + len(self.people), first_name, last_name, phone_e164)
        self.people.append(Record(person))
        return person

    async def _trouble(self) -> None:
        await asyncio.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure


@dataclass
class MemorySchedule:
    """One bay, open on weekdays from nine to five, a time every half hour."""

    taken: set[datetime] = field(default_factory=set)
    holds: dict[str, tuple[Kept, int, int | None, str]] = field(default_factory=dict)
    booked: dict[int, Booked] = field(default_factory=dict)
    by_hold: dict[str, Booked] = field(default_factory=dict)
    confirm_delay_s: float = 0.0
    expire_all: bool = False
    always_full: bool = False
    failure: Exception | None = None
    technician_for: int | None = None
    calls: list[str] = field(default_factory=list)

    async def services(self) -> Sequence[Job]:
        self._note("services")
        return JOBS

    async def free_slots(
        self,
        service_code: str,
        *,
        earliest: datetime,
        latest: datetime,
        limit: int,
        part_of_day: str = "any",
        same_technician_for: int | None = None,
    ) -> Sequence[Window]:
        self._note("free_slots")
        self.technician_for = same_technician_for
        day, found = earliest.astimezone(ZONE).replace(minute=0, second=0), []
        while day < latest and len(found) < limit:
            fits = part_of_day == "any" or (day.hour < 12) == (part_of_day == "morning")
            if fits and day >= earliest and self._open(day) and self._free(day):
                found.append(Window(day.astimezone(UTC), day + timedelta(minutes=30)))
            day += timedelta(minutes=30)
        return found

    async def hold(
        self,
        *,
        service_code: str,
        start: datetime,
        customer_id: int,
        vehicle_id: int | None,
        call_sid: str,
    ) -> HoldResult:
        self._note("hold")
        if not self._free(start):
            later = start + timedelta(hours=1)
            return HoldResult(None, [Window(later, later + timedelta(minutes=30))])
        kept = Kept(
            f"hold{len(self.holds)}",
            start,
            start + timedelta(minutes=30),
            NOW + timedelta(minutes=2),
        )
        self.holds[kept.hold_id] = (kept, customer_id, vehicle_id, service_code)
        self.taken.add(start.astimezone(UTC))
        return HoldResult(kept)

    async def confirm(self, hold_id: str) -> Booked | None:
        self._note("confirm")
        if self.expire_all:
            self.expire_all = False
            await self.release(hold_id)
        if hold_id in self.by_hold:
            return self.by_hold[hold_id]
        if hold_id not in self.holds:
            return None
        kept, customer_id, vehicle_id, service_code = self.holds[hold_id]
        name = next(job.name for job in JOBS if job.code == service_code)
        entry = Booked(
            500 + len(self.booked),
            customer_id,
            vehicle_id,
            service_code,
            name,
            "Bay 2",
            kept.start,
            kept.end,
        )
        self.by_hold[hold_id] = self.booked[entry.appointment_id] = entry
        await asyncio.sleep(self.confirm_delay_s)
        return entry

    async def release(self, hold_id: str) -> None:
        self._note("release")
        kept = self.holds.pop(hold_id, None)
        if kept is not None:
            self.taken.discard(kept[0].start.astimezone(UTC))

    async def reschedule(
        self, appointment_id: int, *, start: datetime, customer_id: int
    ) -> MoveResult:
        self._note("reschedule")
        if not self._free(start):
            return MoveResult(None, [Window(start + timedelta(hours=1), start)])
        entry = self.booked[appointment_id]
        assert entry.customer_id == customer_id
        moved = replace(entry, start=start, end=start + timedelta(minutes=30))
        self.booked[appointment_id] = moved
        return MoveResult(moved)

    async def cancel(self, appointment_id: int, *, customer_id: int) -> Booked | None:
        self._note("cancel")
        entry = self.booked[appointment_id]
        assert entry.customer_id == customer_id
        self.booked[appointment_id] = replace(entry, status="cancelled")
        return self.booked[appointment_id]

    def add(self, record: Record, start: datetime, code: str = "oil_change") -> Booked:
        """Put an appointment of `record` into the book."""
        name = next(job.name for job in JOBS if job.code == code)
        entry = Booked(
            500 + len(self.booked),
            record.customer.customer_id,
            record.vehicles[0].vehicle_id,
            code,
            name,
            "Bay 1",
            start,
            start + timedelta(minutes=30),
        )
        self.booked[entry.appointment_id] = entry
        self.taken.add(start.astimezone(UTC))
        return entry

    def upcoming(self, customer_id: int) -> list[Booked]:
        """What is booked for a customer."""
        return [
            entry
            for entry in self.booked.values()
            if entry.customer_id == customer_id and entry.status == "confirmed"
        ]

    def _note(self, name: str) -> None:
        self.calls.append(name)
        if self.failure is not None:
            raise self.failure

    def _free(self, start: datetime) -> bool:
        return not self.always_full and start.astimezone(UTC) not in self.taken

    @staticmethod
    def _open(day: datetime) -> bool:
        return day.weekday() < 5 and 9 <= day.hour < 17


class MemoryMessenger:
    """Keeps what would have been sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.failure: Exception | None = None

    async def send_sms(self, to_e164: str, body: str) -> str:
        if self.failure is not None:
            raise self.failure
        self.sent.append((to_e164, body))
        return f"SM{len(self.sent):032d}"

    async def send_confirmation(self, appointment_id: int, to_e164: str, body: str) -> str:
        return await self.send_sms(to_e164, body)


@dataclass(frozen=True)
class ExtraWork:
    estimate_id: int
    appointment_id: int
    work: str
    price_cents: int


@dataclass
class MemoryWorkshop:
    """Extra work of Maria's, and what was answered; `refuses` makes it deaf."""

    estimates: list[ExtraWork] = field(default_factory=list)
    answers: list[tuple[int, bool]] = field(default_factory=list)
    visits: list[int] = field(default_factory=list)
    refuses: bool = False

    async def open_estimates(self, customer_id: int) -> Sequence[ExtraWork]:
        return tuple(self.estimates) if customer_id == MARIA.customer.customer_id else ()

    async def answer_estimate(
        self, estimate_id: int, *, customer_id: int, approved: bool, call_sid: str
    ) -> bool:
        if self.refuses:
            return False
        self.estimates = [entry for entry in self.estimates if entry.estimate_id != estimate_id]
        self.answers.append((estimate_id, approved))
        return True

    async def confirm_visit(self, appointment_id: int, *, customer_id: int, call_sid: str) -> bool:
        if self.refuses:
            return False
        self.visits.append(appointment_id)
        return True


@dataclass
class World:
    """Everything around one conversation."""

    directory: MemoryDirectory
    schedule: MemorySchedule
    messenger: MemoryMessenger
    conversation: Conversation


def world(
    *records: Record,
    caller: str | None = MARIA_PHONE,
    schedule: MemorySchedule | None = None,
    shop: ShopProfile = SHOP,
    workshop: Workshop | None = None,
    reminder: Reminder | None = None,
    safeguards: Safeguards | None = None,
) -> World:
    """Build a conversation; Maria and the victim are on file unless others are given."""
    schedule = schedule or MemorySchedule()
    directory = MemoryDirectory(*(records or (MARIA, VICTIM)), schedule=schedule)
    messenger = MemoryMessenger()
    conversation = Conversation(
        directory=directory,
        schedule=schedule,
        messenger=messenger,
        shop=shop,
        call_sid="CA" + "0" * 32,
        caller_e164=caller,
        now=lambda: NOW,
        workshop=workshop,
        reminder=reminder,
        safeguards=safeguards,
        readers=SlotReaders(lambda: NOW.date()),
    )
    return World(directory, schedule, messenger, conversation)
