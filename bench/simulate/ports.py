"""The call's ports in virtual time: the real ones behind a layer that can fail to order."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar, cast

from bench.simulate.script import Step
from voicecore.dialog.ports import (
    Appointment,
    HoldOutcome,
    RescheduleOutcome,
    Schedule,
    Service,
    Slot,
)

T = TypeVar("T")


class OrderedFaultError(Exception):
    """A failure that a scenario ordered."""


class Faults:
    """What is to fail: each order names a method and how often.

    On a real clock, `before_s` and `after_s` are what every method takes longer.
    """

    def __init__(self) -> None:
        self.before_s = self.after_s = 0.0
        self._orders: list[list[object]] = []

    def clear(self) -> None:
        """Let nothing fail or take longer."""
        self.before_s = self.after_s = 0.0
        self._orders.clear()

    def order(self, step: Step) -> None:
        """Let the next calls of a method fail as the step says."""
        self._orders.append([step.text, step.how, step.times])

    async def run(self, method: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, unless its method is to fail.

        Raises:
            OrderedFaultError, TimeoutError: as ordered, before the work or after it.
        """
        how = self._take(method)
        if how == "error":
            raise OrderedFaultError(method)
        if how == "timeout":
            raise TimeoutError(method)
        if self.before_s:
            await asyncio.sleep(self.before_s)
        result = await work()
        if how == "lost_answer":
            raise TimeoutError(method)
        if self.after_s:
            await asyncio.sleep(self.after_s)
        return result

    def _take(self, method: str) -> object:
        for order in self._orders:
            if order[0] == method and isinstance(order[2], int) and order[2] > 0:
                order[2] -= 1
                return order[1]
        return None


@dataclass(frozen=True, slots=True)
class VirtualHold:
    """A hold whose end is told on the call's clock instead of the database's."""

    hold_id: str
    start: datetime
    end: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class VirtualHoldOutcome:
    """What came of asking for a hold."""

    hold: VirtualHold | None
    alternatives: Sequence[Slot]


class VirtualSchedule:
    """The schedule, on the clock of the call."""

    def __init__(self, schedule: Schedule, faults: Faults, now: Callable[[], datetime]) -> None:
        self._schedule = schedule
        self._faults = faults
        self._now = now

    async def services(self) -> Sequence[Service]:
        """What the shop does."""
        return await self._faults.run("services", self._schedule.services)

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
        """Free times."""
        return await self._faults.run(
            "free_slots",
            lambda: self._schedule.free_slots(
                service_code,
                earliest=earliest,
                latest=latest,
                limit=limit,
                part_of_day=part_of_day,
                same_technician_for=same_technician_for,
            ),
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
        """Keep a time."""
        outcome = await self._faults.run(
            "hold",
            lambda: self._schedule.hold(
                service_code=service_code,
                start=start,
                customer_id=customer_id,
                vehicle_id=vehicle_id,
                call_sid=call_sid,
            ),
        )
        hold = outcome.hold
        if hold is None:
            return outcome
        left = hold.expires_at - datetime.now(UTC)
        kept = VirtualHold(hold.hold_id, hold.start, hold.end, self._now() + left)
        return VirtualHoldOutcome(kept, outcome.alternatives)

    async def confirm(self, hold_id: str) -> Appointment | None:
        """Book what is held."""
        return await self._faults.run("confirm", lambda: self._schedule.confirm(hold_id))

    async def release(self, hold_id: str) -> None:
        """Give a time back."""
        await self._faults.run("release", lambda: self._schedule.release(hold_id))

    async def reschedule(
        self, appointment_id: int, *, start: datetime, customer_id: int
    ) -> RescheduleOutcome:
        """Move an appointment."""
        return await self._faults.run(
            "reschedule",
            lambda: self._schedule.reschedule(appointment_id, start=start, customer_id=customer_id),
        )

    async def cancel(self, appointment_id: int, *, customer_id: int) -> Appointment | None:
        """Cancel an appointment."""
        return await self._faults.run(
            "cancel", lambda: self._schedule.cancel(appointment_id, customer_id=customer_id)
        )


class _Failing:
    """A port whose methods fail to order; everything else of it stays as it is."""

    def __init__(self, port: object, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> object:
        method = getattr(self._port, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def run(*args: object, **named: object) -> object:
            return await self._faults.run(name, lambda: method(*args, **named))

        return run


def failing(port: T, faults: Faults) -> T:
    """Return `port` with a layer that lets its methods fail as `faults` has them."""
    return cast(T, _Failing(port, faults))


class KeptTexts:
    """The messenger: keeps what would have been sent."""

    def __init__(self, faults: Faults) -> None:
        self.sent: list[tuple[str, str]] = []
        self._faults = faults

    async def send_sms(self, to_e164: str, body: str) -> str:
        """Keep one message."""

        async def keep() -> str:
            self.sent.append((to_e164, body))
            return f"SM{len(self.sent):032d}"

        return await self._faults.run("send_sms", keep)

    async def send_confirmation(self, appointment_id: int, to_e164: str, body: str) -> str:
        """Keep one confirmation."""
        return await self.send_sms(to_e164, body)
