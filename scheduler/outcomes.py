"""What the service desk answers to a wish that may not be met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm.appointments import Appointment
from scheduler.slots import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A slot kept for a caller until `expires_at`; times in the shop's zone."""

    hold_id: str
    start: datetime
    end: datetime
    expires_at: datetime
    bay_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutcome:
    """A hold, or the nearest free slots where the wanted one is taken."""

    hold: Hold | None
    alternatives: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleOutcome:
    """The moved appointment, or the nearest free slots where the wanted one is taken.

    Neither: the customer has no such appointment that could be moved.
    """

    appointment: Appointment | None
    alternatives: tuple[Slot, ...] = ()
