"""The schedule as one call sees it: what the call holds and does not book, it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog

from voicecore.dialog.ports import (
    Appointment,
    HoldOutcome,
    RescheduleOutcome,
    Schedule,
    Service,
    Slot,
)

log = structlog.get_logger()

RELEASE_TIMEOUT_S = 2.0


class HeldSlots:
    """Passes everything on to `schedule` and remembers the holds that are open.

    A hold expires by itself; but the next caller should not wait for that because this one hung
    up before the yes.
    """

    def __init__(self, schedule: Schedule, call_sid: str) -> None:
        self._schedule = schedule
        self._call_sid = call_sid
        self._open: set[str] = set()

    async def services(self) -> Sequence[Service]:
        """What the shop does."""
        return await self._schedule.services()

    async def free_slots(
        self,
        service_code: str,
        *,
        earliest: datetime,
        latest: datetime,
        limit: int,
        part_of_day: str = "any",
        same_technician_for: int | None = None,
    ) -> Sequence[Slot]:
        """Times that can be offered."""
        return await self._schedule.free_slots(
            service_code,
            earliest=earliest,
            latest=latest,
            limit=limit,
            part_of_day=part_of_day,
            same_technician_for=same_technician_for,
        )

    async def hold(
        self,
        *,
        service_code: str,
        start: datetime,
        customer_id: int,
        vehicle_id: int | None,
        call_sid: str,
    ) -> HoldOutcome:
        """Keep the slot, and remember that it is kept."""
        outcome = await self._schedule.hold(
            service_code=service_code,
            start=start,
            customer_id=customer_id,
            vehicle_id=vehicle_id,
            call_sid=call_sid,
        )
        if outcome.hold is not None:
            self._open.add(outcome.hold.hold_id)
        return outcome

    async def confirm(self, hold_id: str) -> Appointment | None:
        """Turn the hold into an appointment."""
        appointment = await self._schedule.confirm(hold_id)
        self._open.discard(hold_id)
        return appointment

    async def release(self, hold_id: str) -> None:
        """Give a hold back."""
        await self._schedule.release(hold_id)
        self._open.discard(hold_id)

    async def reschedule(
        self, appointment_id: int, *, start: datetime, customer_id: int
    ) -> RescheduleOutcome:
        """Move an appointment."""
        return await self._schedule.reschedule(appointment_id, start=start, customer_id=customer_id)

    async def cancel(self, appointment_id: int, *, customer_id: int) -> Appointment | None:
        """Cancel an appointment."""
        return await self._schedule.cancel(appointment_id, customer_id=customer_id)

    async def release_all(self) -> None:
        """Give back every open hold at the end of the call; what fails expires by itself.

        A hold whose confirmation had no answer is safe: the schedule releases only what is held.
        """
        holds, self._open = tuple(self._open), set()
        if not holds:
            return
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                # The port belongs to another package: any of its errors comes back as a value.
                answers = await asyncio.gather(
                    *(self._schedule.release(hold_id) for hold_id in holds), return_exceptions=True
                )
        except TimeoutError:
            log.warning("release_failed", call_sid=self._call_sid, reason="deadline")
            return
        for answer in answers:
            if isinstance(answer, BaseException):
                reason = type(answer).__name__
                log.warning("release_failed", call_sid=self._call_sid, reason=reason)
