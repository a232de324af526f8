"""What the desk tells an engineer: how it went, in lines for a terminal and as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm.appointments import Appointment
from scheduler.hand_input import Person, car_label
from scheduler.outcomes import Hold
from scheduler.shop import Service, Shop
from scheduler.slots import Slot

# The table has to fit on a terminal; the JSON has all of them.
_NAMES_SHOWN = 2


class Status(StrEnum):
    """How it went."""

    FREE = "free"
    NOTHING_FREE = "nothing_free"
    CLOSED = "closed"
    HELD = "held"
    BOOKED = "booked"
    RELEASED = "released"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    TAKEN = "taken"
    ALREADY_BOOKED = "already_booked"
    EXPIRED = "expired"
    NOT_CHANGEABLE = "not_changeable"


DONE = frozenset(
    {
        Status.FREE,
        Status.HELD,
        Status.BOOKED,
        Status.RELEASED,
        Status.RESCHEDULED,
        Status.CANCELLED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How it went; `said` is the line that says so, `slots` are free, or free instead."""

    status: Status
    said: str
    shop: Shop
    service: Service | None = None
    person: Person | None = None
    slots: Sequence[Slot] = ()
    hold: Hold | None = None
    appointment: Appointment | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is what was asked for."""
        return self.status in DONE

    def lines(self) -> list[str]:
        """Return how it went, and the times as a table."""
        if not self.slots:
            return [self.said]
        return [self.said, *_table(self._rows())]

    def as_json(self) -> dict[str, Any]:
        """Return the same as JSON values: times in ISO 8601 with the shop's offset."""
        told: dict[str, Any] = {"status": self.status.value, "message": self.said}
        told["timezone"] = self.shop.zone.key
        if self.service is not None:
            told["service"] = {
                "code": self.service.code,
                "name": self.service.name,
                "labour_minutes": self.service.labour_minutes,
            }
        if self.person is not None:
            told["customer"] = _customer(self.person)
        if self.hold is not None:
            told["hold"] = {
                "hold_id": self.hold.hold_id,
                "start": self.hold.start.isoformat(),
                "end": self.hold.end.isoformat(),
                "expires_at": self.hold.expires_at.isoformat(),
                "bay": self.hold.bay_name,
            }
        if self.appointment is not None:
            told["appointment"] = _appointment(self.appointment)
        told["slots"] = [self._slot(slot) for slot in self.slots]
        return told

    def _slot(self, slot: Slot) -> dict[str, Any]:
        return {
            "start": slot.start.isoformat(),
            "end": slot.end.isoformat(),
            "work_starts": (slot.bay_start or slot.start).isoformat(),
            "bays": self._bays(slot),
            "technicians": self._people(slot),
        }

    def _rows(self) -> list[tuple[str, ...]]:
        head = ("DAY", "FROM", "UNTIL", "BAYS", "TECHNICIANS")
        return [head, *map(self._row, self.slots)]

    def _row(self, slot: Slot) -> tuple[str, ...]:
        return (
            slot.start.strftime("%a %Y-%m-%d"),
            slot.start.strftime("%H:%M"),
            _until(slot),
            _some(self._bays(slot)),
            _some(self._people(slot)) or "-",
        )

    def _bays(self, slot: Slot) -> list[str]:
        names = {bay.bay_id: bay.name for bay in self.shop.bays}
        return [names[key] for key in slot.bay_ids]

    def _people(self, slot: Slot) -> list[str]:
        names = {person.technician_id: person.name for person in self.shop.technicians}
        return [names[key] for key in slot.technician_ids]


def wall(moment: datetime) -> str:
    """Return a wall time with its weekday, so that a slip of a week is seen."""
    return moment.strftime("%a %Y-%m-%d %H:%M %Z").rstrip()


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" +{more}" if more > 0 else "")


def _until(slot: Slot) -> str:
    days = (slot.end.date() - slot.start.date()).days
    return slot.end.strftime("%H:%M") + (f" +{days} d" if days else "")


def _customer(person: Person) -> dict[str, Any]:
    customer, car = person.record.customer, person.vehicle
    return {
        "customer_id": customer.customer_id,
        "name": f"{customer.first_name} {customer.last_name}",
        "phone": customer.phone_e164,
        "vehicle": None
        if car is None
        else {"vehicle_id": car.vehicle_id, "label": car_label(car), "vin": car.vin},
    }


def _appointment(booked: Appointment) -> dict[str, Any]:
    return {
        "appointment_id": booked.appointment_id,
        "customer_id": booked.customer_id,
        "vehicle_id": booked.vehicle_id,
        "service": booked.service_code,
        "status": booked.status,
        "start": booked.start.isoformat(),
        "end": booked.end.isoformat(),
        "bay": booked.bay_name,
    }


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  " + "  ".join(row).rstrip() for row in padded]
