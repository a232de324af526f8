"""A shop of one customer, in memory, and a journal that remembers: the ports of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from voicecore.call_info import CallInfo
from voicecore.dialog.reminder import Reminder
from voicecore.net.phone_events import (
    AnsweredBy,
    CallProgress,
    IncomingMessage,
    MessageProgress,
    StreamProgress,
)

MARIA = "+13125550142"


@dataclass(frozen=True)
class Person:
    customer_id: int = 1
    first_name: str = "Maria"
    last_name: str = "Lopez"
    phone_e164: str | None = MARIA
    email: str | None = None
    version: int = 1


@dataclass(frozen=True)
class Car:
    vehicle_id: int = 1
    year: int = 2019
    make: str = "Toyota"
    model: str = "Camry"
    plate: str | None = "ABC1234"
    vin: str = "4T1B11HK5KU123456"
    mileage: int = 42_500


@dataclass(frozen=True)
class Job:
    code: str = "oil_change"
    name: str = "Oil change"
    labour_minutes: int = 30
    price_cents: int = 4995


@dataclass(frozen=True)
class PastVisit:
    vehicle_id: int
    on_date: date
    service_name: str
    mileage: int
    cost_cents: int


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
    vehicles: Sequence[Car] = (Car(),)
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


class OneCustomer:
    """The directory: Maria, whatever number is asked for; `failure` breaks it."""

    def __init__(self) -> None:
        self.person = Person()
        self.failure: Exception | None = None

    async def find_by_phone(self, phone_e164: str) -> Sequence[Record]:
        if self.failure is not None:
            raise self.failure
        return [Record(self.person)]

    async def history(self, customer_id: int, limit: int) -> Sequence[PastVisit]:
        return []

    async def update_contact(
        self, customer_id: int, *, version: int, phone_e164: str | None, email: str | None
    ) -> Person:
        self.person = replace(self.person, email=email or self.person.email, version=version + 1)
        return self.person

    async def create_customer(self, *, first_name: str, last_name: str, phone_e164: str) -> Person:
        return self.person


@dataclass
class OneBay:
    """The schedule: free every half hour from tomorrow on; `confirm_delay_s` makes writes slow."""

    confirm_delay_s: float = 0.0
    release_delay_s: float = 0.0
    failure: Exception | None = None
    held: dict[str, Kept] = field(default_factory=dict)
    booked: dict[str, Booked] = field(default_factory=dict)
    confirming: asyncio.Event = field(default_factory=asyncio.Event)

    async def services(self) -> Sequence[Job]:
        return [Job()]

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
        first = (earliest + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
        starts = [first + timedelta(minutes=30 * number) for number in range(limit)]
        return [Window(start, start + timedelta(minutes=30)) for start in starts]

    async def hold(
        self,
        *,
        service_code: str,
        start: datetime,
        customer_id: int,
        vehicle_id: int | None,
        call_sid: str,
    ) -> HoldResult:
        expires_at = datetime.now(UTC) + timedelta(minutes=2)
        kept = Kept(f"hold{len(self.held)}", start, start + timedelta(minutes=30), expires_at)
        self.held[kept.hold_id] = kept
        return HoldResult(kept)

    async def confirm(self, hold_id: str) -> Booked | None:
        self.confirming.set()
        await asyncio.sleep(self.confirm_delay_s)
        kept = self.held.pop(hold_id, None)
        if kept is None:
            return self.booked.get(hold_id)
        entry = Booked(7, 1, 1, "oil_change", "Oil change", "Bay 2", kept.start, kept.end)
        self.booked[hold_id] = entry
        return entry

    async def release(self, hold_id: str) -> None:
        await asyncio.sleep(self.release_delay_s)
        if self.failure is not None:
            raise self.failure
        self.held.pop(hold_id, None)

    async def reschedule(
        self, appointment_id: int, *, start: datetime, customer_id: int
    ) -> MoveResult:
        return MoveResult(None)

    async def cancel(self, appointment_id: int, *, customer_id: int) -> Booked | None:
        return None


class SentTexts:
    """The messenger: keeps what would have been sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send_sms(self, to_e164: str, body: str) -> str:
        self.sent.append((to_e164, body))
        return f"SM{len(self.sent):032d}"

    async def send_confirmation(self, appointment_id: int, to_e164: str, body: str) -> str:
        return await self.send_sms(to_e164, body)


@dataclass
class MemoryJournal:
    """The journal of calls: what was written, in order; `failure` breaks it."""

    started: list[str] = field(default_factory=list)
    turns: list[tuple[int, str, str]] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    details: list[Mapping[str, object]] = field(default_factory=list)
    stats: list[dict[str, Any]] = field(default_factory=list)
    failure: Exception | None = None
    delay_s: float = 0.0

    async def call_started(
        self, call_sid: str, *, at: datetime, from_e164: str | None, to_e164: str | None
    ) -> None:
        await self._trouble()
        self.started.append(call_sid)

    async def turn_recorded(
        self,
        call_sid: str,
        *,
        turn: int,
        role: str,
        text: str,
        at: datetime,
        interrupted: bool,
        detail: Mapping[str, object],
    ) -> None:
        await self._trouble()
        self.turns.append((turn, role, text))
        self.details.append(detail)

    async def call_ended(
        self,
        call_sid: str,
        *,
        at: datetime,
        outcome: str,
        stats: Mapping[str, object] | None = None,
    ) -> None:
        await self._trouble()
        self.stats.append(dict(stats or {}))
        self.ended.append((call_sid, outcome))

    async def _trouble(self) -> None:
        await asyncio.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure


@dataclass
class MemoryPhoneEvents:
    """The records of calls and messages: what was reported, in order; `failure` breaks them.

    Calls that arrived here are known, and whatever is in `calls` and `messages`.
    """

    calls: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    reminders: dict[int, Reminder] = field(default_factory=dict)
    reports: list[object] = field(default_factory=list)
    reply: str = ""
    failure: Exception | None = None
    delay_s: float = 0.0

    async def call_arrived(self, call: CallInfo) -> None:
        await self._trouble()
        self.calls.add(call.call_sid)
        self.reports.append(call)

    async def knows_call(self, call_sid: str) -> bool:
        await self._trouble()
        return call_sid in self.calls

    async def call_status(self, progress: CallProgress) -> bool:
        return await self._report(progress, progress.call_sid in self.calls)

    async def answered_by(self, answer: AnsweredBy) -> bool:
        return await self._report(answer, answer.call_sid in self.calls)

    async def stream_status(self, progress: StreamProgress) -> bool:
        return await self._report(progress, progress.call_sid in self.calls)

    async def message_status(self, progress: MessageProgress) -> bool:
        return await self._report(progress, progress.message_sid in self.messages)

    async def message_in(self, message: IncomingMessage) -> str:
        await self._report(message, True)
        return self.reply

    async def outbound_call(self, call_sid: str, attempt: int) -> Reminder | None:
        await self._trouble()
        reminder = self.reminders.get(attempt)
        if reminder is not None:
            self.calls.add(call_sid)
        return reminder

    async def _report(self, fact: object, known: bool) -> bool:
        await self._trouble()
        if known:
            self.reports.append(fact)
        return known

    async def _trouble(self) -> None:
        await asyncio.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure
