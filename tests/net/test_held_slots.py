"""A call gives back what it held and did not book."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import structlog

from tests.net.shop import OneBay
from voicecore.net import held_slots
from voicecore.net.held_slots import HeldSlots

START = datetime(2030, 6, 4, 9, 0, tzinfo=UTC)


async def held(slots: HeldSlots) -> str:
    outcome = await slots.hold(
        service_code="oil_change", start=START, customer_id=1, vehicle_id=1, call_sid="CA1"
    )
    assert outcome.hold is not None
    return outcome.hold.hold_id


async def test_open_holds_are_given_back_once() -> None:
    bay = OneBay()
    slots = HeldSlots(bay, "CA1")
    await held(slots)
    await held(slots)
    await slots.release_all()
    assert not bay.held
    await slots.release_all()


async def test_what_was_booked_or_released_stays_as_it_is() -> None:
    bay = OneBay()
    slots = HeldSlots(bay, "CA1")
    booked, released = await held(slots), await held(slots)
    assert await slots.confirm(booked) is not None
    await slots.release(released)
    bay.failure = RuntimeError("nobody may ask")
    await slots.release_all()
    assert list(bay.booked) == [booked]


async def test_a_schedule_that_fails_or_hangs_is_one_line_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held_slots, "RELEASE_TIMEOUT_S", 0.05)
    bay = OneBay(failure=RuntimeError("down"))
    slots = HeldSlots(bay, "CA1")
    await held(slots)
    with structlog.testing.capture_logs() as logs:
        await slots.release_all()
        bay.release_delay_s = 5.0
        await held(slots)
        await slots.release_all()
    assert [line["reason"] for line in logs] == ["RuntimeError", "deadline"]
    assert {line["call_sid"] for line in logs} == {"CA1"}


async def test_everything_else_is_the_schedules_own() -> None:
    slots = HeldSlots(OneBay(), "CA1")
    assert len(await slots.services()) == 1
    window = {"earliest": START, "latest": START + timedelta(days=3)}
    assert len(await slots.free_slots("oil_change", **window, limit=2)) == 2
    moved = await slots.reschedule(1, start=START, customer_id=1)
    assert moved.appointment is None
    assert await slots.cancel(1, customer_id=1) is None


async def test_a_slot_that_is_taken_is_no_hold() -> None:
    class Full(OneBay):
        async def hold(self, **_: object) -> object:  # type: ignore[override]
            return type("Taken", (), {"hold": None, "alternatives": ()})()

    bay = Full(failure=RuntimeError("nobody may ask"))
    slots = HeldSlots(bay, "CA1")  # type: ignore[arg-type]
    outcome = await slots.hold(
        service_code="oil_change", start=START, customer_id=1, vehicle_id=1, call_sid="CA1"
    )
    assert outcome.hold is None
    await slots.release_all()
