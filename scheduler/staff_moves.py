"""Takes over an event that staff dragged to another time, as far as the booking rules allow."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

from scheduler.busy_cache import BusyCache
from scheduler.errors import UnknownServiceError
from scheduler.outcomes import RescheduleOutcome

log = logging.getLogger(__name__)


class Desk(Protocol):
    """What is needed of the service desk."""

    async def reschedule(
        self, appointment_id: int, *, start: datetime, customer_id: int
    ) -> RescheduleOutcome:
        """Move a customer's confirmed appointment, or say which times near `start` are free."""
        ...


class StaffMoves:
    """Moves appointments through the desk; `busy` is read anew first, as staff draw blocks too."""

    def __init__(self, desk: Desk, busy: BusyCache | None = None) -> None:
        self._desk = desk
        self._busy = busy

    async def move(self, appointment_id: int, customer_id: int, start: datetime) -> bool:
        """Move an appointment to `start`; False: it does not fit there.

        Raises:
            ScheduleUnavailableError: the database failed; the same again is safe.
        """
        if self._busy is not None:
            await self._busy.refresh()
        try:
            outcome = await self._desk.reschedule(
                appointment_id, start=start, customer_id=customer_id
            )
        except UnknownServiceError:
            return False
        if outcome.appointment is None:
            return False
        extra = {
            "appointment_id": appointment_id,
            "moved_to": outcome.appointment.appointment_id,
            "start": start.isoformat(),
        }
        log.info("staff_move_applied", extra=extra)
        return True
