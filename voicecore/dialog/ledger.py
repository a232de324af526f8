"""What really happened on this call, told by the systems of record and not by the model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from voicecore.dialog.ports import Customer


class Deed(StrEnum):
    """The kinds of thing that can have happened."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    SENT = "sent"
    UPDATED = "updated"
    CONFIRMED = "confirmed"
    """The customer has said that they will come."""
    ESTIMATE_APPROVED = "estimate_approved"
    ESTIMATE_DECLINED = "estimate_declined"
    ON_FILE = "on_file"
    """An appointment that existed before the call and was looked up."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact; `start` is the appointment's time in the shop's zone where there is one."""

    deed: Deed
    appointment_id: int | None = None
    start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """An appointment made on this call."""

    appointment_id: int
    service: str
    bay: str
    start: datetime
    vehicle: str | None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A text message that was accepted for sending."""

    sid: str
    appointment_id: int | None


class Ledger:
    """The facts of one call, in order.

    `bookings` and `sms` hold what this call made, `customer` who it was for.
    """

    def __init__(self) -> None:
        self.customer: Customer | None = None
        self.bookings: list[Booking] = []
        self.sms: list[SentMessage] = []
        self.notes: list[str] = []
        self._entries: list[Entry] = []
        self._counts: Counter[Deed] = Counter()

    def record_booking(self, booking: Booking) -> None:
        """An appointment was made."""
        self.bookings.append(booking)
        self._add(Entry(Deed.BOOKED, booking.appointment_id, booking.start))

    def record_move(self, appointment_id: int, new_id: int, start: datetime) -> None:
        """Appointment `appointment_id` now is `new_id` (often the same) at `start`."""
        self._forget(appointment_id)
        self._add(Entry(Deed.MOVED, new_id, start))

    def record_cancellation(self, appointment_id: int, start: datetime) -> None:
        """An appointment was cancelled."""
        self._forget(appointment_id)
        self._add(Entry(Deed.CANCELLED, appointment_id, start))

    def record_sms(self, sid: str, appointment_id: int | None) -> None:
        """A text message went out."""
        self.sms.append(SentMessage(sid, appointment_id))
        self._add(Entry(Deed.SENT, appointment_id))

    def record_update(self) -> None:
        """The customer's contact details were changed."""
        self._add(Entry(Deed.UPDATED))

    def record_visit_confirmed(self, appointment_id: int, start: datetime) -> None:
        """The customer will come to an appointment."""
        self._add(Entry(Deed.CONFIRMED, appointment_id, start))

    def record_estimate(self, *, approved: bool) -> None:
        """The customer's word on extra work was passed on to the workshop."""
        self._add(Entry(Deed.ESTIMATE_APPROVED if approved else Deed.ESTIMATE_DECLINED))

    def know_appointment(self, appointment_id: int, start: datetime) -> None:
        """An appointment was found in the records; it may be spoken of as booked."""
        known = any(
            entry.appointment_id == appointment_id and entry.deed is not Deed.SENT
            for entry in self._entries
        )
        if not known:
            self._entries.append(Entry(Deed.ON_FILE, appointment_id, start))

    def forget_records(self) -> None:
        """The caller turned out to be somebody else: what was on file is not theirs."""
        self._entries = [entry for entry in self._entries if entry.deed is not Deed.ON_FILE]

    def entries(self, *deeds: Deed) -> list[Entry]:
        """Return the facts of these kinds, oldest first; all without arguments."""
        return [entry for entry in self._entries if not deeds or entry.deed in deeds]

    def count(self, deed: Deed) -> int:
        """Return how often a deed was done on this call; what was undone later counts as well."""
        return self._counts[deed]

    def sms_for(self, appointment_id: int) -> SentMessage | None:
        """Return the confirmation already sent for an appointment."""
        return next((sms for sms in self.sms if sms.appointment_id == appointment_id), None)

    def summary(self) -> list[str]:
        """Return one line per fact for the model's instructions; ids are not in it."""
        lines = []
        for entry in self._entries:
            if entry.deed is not Deed.ON_FILE:
                when = f" {entry.start.isoformat()}" if entry.start else ""
                lines.append(f"{entry.deed.value}{when}")
        return lines

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._counts[entry.deed] += 1

    def _forget(self, appointment_id: int) -> None:
        self._entries = [
            entry
            for entry in self._entries
            if entry.appointment_id != appointment_id or entry.deed is Deed.SENT
        ]
