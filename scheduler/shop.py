"""The shop as it is planned with: services, bays, people and hours."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """One stretch of one weekday (1 = Monday ... 7 = Sunday), wall clock; a break makes two."""

    weekday: int
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class SpecialHours:
    """A stretch of one day, in place of the hours of its weekday and of a public holiday."""

    day: date
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Bay:
    """A place where a car is worked on; it does the services of its `bay_type`."""

    bay_id: int
    name: str
    bay_type: str


@dataclass(frozen=True, slots=True)
class Technician:
    """Somebody who does the services that they have the skill for, on their shifts."""

    technician_id: int
    name: str
    skills: frozenset[str] = frozenset()
    shifts: tuple[OpeningHours, ...] = ()
    breaks: tuple[OpeningHours, ...] = ()


@dataclass(frozen=True, slots=True)
class Shop:
    """Zone, hours, bays and people; one without technicians is planned by its bays alone.

    `holidays` are the days on which it stays closed unless it has special hours.
    """

    zone: ZoneInfo
    hours: tuple[OpeningHours, ...]
    bays: tuple[Bay, ...]
    technicians: tuple[Technician, ...] = ()
    special_hours: tuple[SpecialHours, ...] = ()
    holidays: Container[date] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: the labour, the minutes that the bay needs afterwards, and who can.

    `skill` None is work for anybody. A car with `drop_off` may wait for its bay until later on
    the day on which it is brought.
    """

    bay_type: str
    labour_minutes: int
    buffer_minutes: int = 0
    skill: str | None = None
    drop_off: bool = False

    @property
    def bay_minutes(self) -> int:
        """How many minutes bay and technician are occupied."""
        return self.labour_minutes + self.buffer_minutes

    @property
    def bay_time(self) -> timedelta:
        """How long bay and technician are occupied."""
        return timedelta(minutes=self.bay_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Something the shop does; `labour_minutes` is what the customer waits for."""

    code: str
    name: str
    labour_minutes: int
    buffer_minutes: int
    bay_type: str
    price_cents: int
    skill: str | None = None
    drop_off: bool = False

    @property
    def work(self) -> Work:
        """What it takes of a bay and of a technician."""
        return Work(
            self.bay_type, self.labour_minutes, self.buffer_minutes, self.skill, self.drop_off
        )
