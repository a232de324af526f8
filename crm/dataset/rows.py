"""The rows of the dataset; a field has the name of its column, a class the table in `TABLE_OF`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import NamedTuple
from uuid import UUID


class CustomerRow(NamedTuple):
    """One row of `customers`."""

    customer_id: int
    first_name: str
    last_name: str
    first_name_sound: str
    last_name_sound: str
    email: str | None
    email_verified_at: datetime | None
    email_verified_by: str | None
    street: str | None
    city: str | None
    region: str | None
    postcode: str | None
    address_verified_at: datetime | None
    address_verified_by: str | None
    quality_flags: list[str]
    created_at: datetime
    updated_at: datetime


class PhoneRow(NamedTuple):
    """One row of `customer_phones`."""

    customer_id: int
    phone_e164: str
    is_primary: bool
    verified_at: datetime | None
    verified_by: str | None
    created_at: datetime


class NoteRow(NamedTuple):
    """One row of `customer_notes`."""

    note_id: int
    customer_id: int
    author: str
    text: str
    at: datetime


class VehicleRow(NamedTuple):
    """One row of `vehicles`."""

    vehicle_id: int
    customer_id: int
    year: int
    make: str
    model: str
    colour: str
    plate: str
    plate_region: str
    vin: str
    mileage: int
    created_at: datetime
    updated_at: datetime


class BayRow(NamedTuple):
    """One row of `bays`."""

    bay_id: int
    name: str
    bay_type: str


class TechnicianRow(NamedTuple):
    """One row of `technicians`."""

    technician_id: int
    name: str


class SkillRow(NamedTuple):
    """One row of `technician_skills`."""

    technician_id: int
    skill: str


class ShiftRow(NamedTuple):
    """One row of `technician_shifts`."""

    technician_id: int
    weekday: int
    starts: time
    ends: time


class BreakRow(NamedTuple):
    """One row of `technician_breaks`."""

    technician_id: int
    weekday: int
    starts: time
    ends: time


class ClosureRow(NamedTuple):
    """One row of `closures`; `bay_id` None closes the whole shop."""

    closure_id: int
    during: tuple[datetime, datetime]
    bay_id: int | None
    reason: str


class AppointmentRow(NamedTuple):
    """One row of `appointments`."""

    appointment_id: int
    customer_id: int
    vehicle_id: int
    service_code: str
    bay_id: int
    technician_id: int | None
    status: str
    during: tuple[datetime, datetime]
    hold_id: UUID
    booked_by: str
    notes: str
    version: int
    created_at: datetime
    updated_at: datetime


class EventRow(NamedTuple):
    """One row of `appointment_events`, whose key the database gives."""

    appointment_id: int
    event: str
    actor: str
    at: datetime


class HistoryRow(NamedTuple):
    """One row of `service_history`."""

    history_id: int
    customer_id: int
    vehicle_id: int
    appointment_id: int | None
    service_code: str
    technician_id: int | None
    on_date: date
    mileage: int
    cost_cents: int
    created_at: datetime


class CapacityRow(NamedTuple):
    """One row of `day_capacity`."""

    day: date
    labour_minutes: int
    booked_minutes: int


# In the order in which they can be written.
TABLE_OF: Mapping[type, str] = {
    BayRow: "bays",
    TechnicianRow: "technicians",
    SkillRow: "technician_skills",
    ShiftRow: "technician_shifts",
    BreakRow: "technician_breaks",
    ClosureRow: "closures",
    CustomerRow: "customers",
    PhoneRow: "customer_phones",
    NoteRow: "customer_notes",
    VehicleRow: "vehicles",
    AppointmentRow: "appointments",
    EventRow: "appointment_events",
    HistoryRow: "service_history",
    CapacityRow: "day_capacity",
}
