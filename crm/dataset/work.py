"""Which service a car is due for: by its mileage, its age, and what was done on it before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from crm.dataset.catalog import Model, Power
from crm.dataset.draws import Draws


class WorkRule(NamedTuple):
    """When a service fits; `every_*` is the least between two of the same on one car."""

    code: str
    share: int
    least_miles: int
    least_days: int
    every_miles: int
    every_days: int
    combustion_only: bool = False


RULES = (
    WorkRule("oil_change", 60, 3_000, 0, 4_000, 60, combustion_only=True),
    WorkRule("tire_rotation", 24, 4_000, 0, 5_000, 60),
    WorkRule("brake_inspection", 14, 12_000, 365, 9_000, 180),
    WorkRule("full_service", 16, 12_000, 365, 14_000, 300, combustion_only=True),
    WorkRule("state_inspection", 12, 0, 4 * 365, 0, 330),
    WorkRule("brake_pads", 9, 28_000, 2 * 365, 25_000, 360),
    WorkRule("battery_check", 8, 0, 3 * 365, 0, 360),
    WorkRule("wheel_alignment", 7, 8_000, 180, 15_000, 360),
    WorkRule("coolant_flush", 6, 45_000, 3 * 365, 40_000, 900, combustion_only=True),
    WorkRule("diagnostic", 6, 15_000, 3 * 365, 0, 60),
)


@dataclass(slots=True)
class CarLife:
    """A car as it grows older; days are ordinals of dates, miles count from delivery."""

    vehicle_id: int
    customer_id: int
    model: Model
    in_service: int
    known_since: int
    miles_a_day: float
    last_day: int = 0
    last_miles: int = 0
    done: dict[str, tuple[int, int]] = field(default_factory=dict)

    def miles(self, day: int) -> int:
        """Return the odometer on a day."""
        return 12 + int((day - self.in_service) * self.miles_a_day)

    def note(self, code: str, day: int) -> int:
        """Remember that a service was done, and return the odometer."""
        self.last_day, self.last_miles = day, self.miles(day)
        self.done[code] = (day, self.last_miles)
        return self.last_miles


def due_work(draws: Draws, car: CarLife, day: int) -> str | None:
    """Return the code of a service that fits the car on a day, the usual ones more often."""
    miles = car.miles(day)
    age_days = day - car.in_service
    is_electric = car.model.power is Power.ELECTRIC
    fitting: list[str] = []
    shares: list[int] = []
    total = 0
    for code, share, least_miles, least_days, every_miles, every_days, combustion_only in RULES:
        if miles < least_miles or age_days < least_days or (is_electric and combustion_only):
            continue
        before = car.done.get(code)
        if before and (day - before[0] < every_days or miles - before[1] < every_miles):
            continue
        total += share
        fitting.append(code)
        shares.append(total)
    point = draws.fraction() * total
    return next((code for code, end in zip(fitting, shares, strict=True) if point < end), None)
