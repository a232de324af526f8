"""A time that is gone, as the calendar and the tests of the arithmetic tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from scheduler.local_day import MINUTE_S
from scheduler.occupancy import Span


@dataclass(frozen=True, slots=True)
class Taken:
    """A time that is gone, end exclusive: a booking, a hold, a closure or a busy block.

    Without bay and technician it takes the whole shop; with a technician alone only that person.
    `span` is the same in whole minutes, the part of a minute counted as all of it.
    """

    start: datetime
    end: datetime
    bay_id: int | None = None
    technician_id: int | None = None
    span: Span = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a taken time needs its zone")
        span = Span(
            int(self.start.timestamp() // MINUTE_S),
            int(-(-self.end.timestamp() // MINUTE_S)),
            self.bay_id,
            self.technician_id,
        )
        object.__setattr__(self, "span", span)
