"""The booking API with every operation written down before it is asked and after it is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from bench.race.journal import Journal, Op
from crm.appointments import Appointment
from scheduler.desk import ServiceDesk
from scheduler.errors import ScheduleUnavailableError
from scheduler.outcomes import HoldOutcome, RescheduleOutcome

RETRY_S = 0.05
RETRY_LONGEST_S = 0.5
# Without any answer for so long, something worse than a crash has happened.
PATIENCE_S = 120.0


class Silence(Enum):
    """No answer, which is another thing than the answer None."""

    SILENCE = "silence"


SILENCE: Final = Silence.SILENCE

T = TypeVar("T")
Answer: TypeAlias = T | Silence


class GivenUpError(Exception):
    """No answer for `PATIENCE_S`: the database does not come back."""


class JournaledDesk:
    """Asks once; who gets no answer may ask again."""

    def __init__(self, desk: ServiceDesk, journal: Journal) -> None:
        self._desk = desk
        self._journal = journal

    async def hold(
        self, intent: str, *, key: UUID, service_code: str, start: str, customer_id: int
    ) -> HoldOutcome | Silence:
        """Hold a place under a key; `start` is an ISO time."""
        number = self._journal.tried(intent, Op.HOLD, key=str(key), start=start)
        outcome = await self._answer(
            self._desk.hold(
                service_code=service_code,
                start=datetime.fromisoformat(start),
                customer_id=customer_id,
                vehicle_id=None,
                call_sid=intent,
                key=key,
            )
        )
        if isinstance(outcome, Silence):
            self._journal.lost(intent, Op.HOLD, number)
        else:
            held = "" if outcome.hold is None else outcome.hold.hold_id
            self._journal.acked(intent, Op.HOLD, number, key=held)
        return outcome

    async def confirm(self, intent: str, key: str) -> Appointment | Silence | None:
        """Turn a hold into a booking."""
        number = self._journal.tried(intent, Op.CONFIRM, key=key)
        booked = await self._answer(self._desk.confirm(key))
        self._told(intent, Op.CONFIRM, number, booked)
        return booked

    async def release(self, intent: str, key: str) -> Silence | None:
        """Give a hold back."""
        number = self._journal.tried(intent, Op.RELEASE, key=key)
        answer = await self._answer(self._desk.release(key))
        self._told(intent, Op.RELEASE, number, answer)
        return answer

    async def move(
        self, intent: str, appointment_id: int, *, start: str, customer_id: int
    ) -> RescheduleOutcome | Silence:
        """Move a booking to another start."""
        number = self._journal.tried(intent, Op.MOVE, start=start, appointment_id=appointment_id)
        outcome = await self._answer(
            self._desk.reschedule(
                appointment_id, start=datetime.fromisoformat(start), customer_id=customer_id
            )
        )
        moved = outcome if isinstance(outcome, Silence) else outcome.appointment
        self._told(intent, Op.MOVE, number, moved)
        return outcome

    async def cancel(
        self, intent: str, appointment_id: int, *, customer_id: int
    ) -> Appointment | Silence | None:
        """Cancel a booking."""
        number = self._journal.tried(intent, Op.CANCEL, appointment_id=appointment_id)
        gone = await self._answer(self._desk.cancel(appointment_id, customer_id=customer_id))
        self._told(intent, Op.CANCEL, number, gone)
        return gone

    def end(self, intent: str) -> None:
        """Write that nothing more will be done for an intent."""
        self._journal.ended(intent)

    def _told(self, intent: str, op: Op, number: int, answer: Appointment | Silence | None) -> None:
        if isinstance(answer, Silence):
            self._journal.lost(intent, op, number)
        else:
            booked = 0 if answer is None else answer.appointment_id
            self._journal.acked(intent, op, number, appointment_id=booked)

    async def _answer(self, asked: Awaitable[T]) -> T | Silence:
        try:
            return await asked
        except ScheduleUnavailableError:
            return SILENCE


async def until_answered(ask: Callable[[], Awaitable[T | Silence]]) -> T:
    """Ask until there is an answer.

    Raises:
        GivenUpError: there was none for `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    pause_s = RETRY_S
    while time.monotonic() < deadline:
        answer = await ask()
        if not isinstance(answer, Silence):
            return answer
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, RETRY_LONGEST_S)
    raise GivenUpError
