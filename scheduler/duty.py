"""Who works when: the minutes of a day that a technician is on shift and not on a break."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from scheduler.local_day import LocalDay
from scheduler.shop import OpeningHours


class Duties:
    """The duty of the people of one shop, each day of a person worked out once."""

    __slots__ = ("_masks",)

    def __init__(self) -> None:
        self._masks: dict[tuple[int, date], int] = {}

    def mask(
        self,
        technician_id: int,
        shifts: Sequence[OpeningHours],
        breaks: Sequence[OpeningHours],
        layout: LocalDay,
    ) -> int:
        """Return the minutes of `layout` on which somebody works, their breaks left out."""
        key = (technician_id, layout.day)
        if key not in self._masks:
            self._masks[key] = _on_duty(shifts, breaks, layout)
        return self._masks[key]


def _on_duty(
    shifts: Sequence[OpeningHours], breaks: Sequence[OpeningHours], layout: LocalDay
) -> int:
    weekday = layout.day.isoweekday()
    duty = 0
    for shift in shifts:
        if shift.weekday == weekday:
            duty |= layout.duty(shift.opens, shift.closes)
    for rest in breaks:
        if rest.weekday == weekday:
            duty &= ~layout.pause(rest.opens, rest.closes)
    return duty
