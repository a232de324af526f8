"""Offering, holding and booking on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from scheduler.desk import ServiceDesk
from scheduler.errors import UnknownRecordError, UnknownServiceError
from scheduler.offers import Choice
from scheduler.outcomes import HoldOutcome
from scheduler.taken import Taken
from tests.scheduler.conftest import NINE, NOW, SERVICE, ZONE, ShopFloor, hours
from voicecore.dialog.ports import Schedule


async def hold(
    desk: ServiceDesk, start: datetime = NINE, customer_id: int = 1, call_sid: str = "CA0001"
) -> HoldOutcome:
    return await desk.hold(
        service_code=SERVICE,
        start=start,
        customer_id=customer_id,
        vehicle_id=customer_id,
        call_sid=call_sid,
    )


async def test_the_desk_is_what_the_dialog_asks_for(
    floor: ShopFloor,
) -> None:
    schedule: Schedule = floor.desk()
    codes = {service.code: service for service in await schedule.services()}
    assert codes[SERVICE].labour_minutes == 60
    assert codes[SERVICE].price_cents > 0
    slots = await schedule.free_slots(
        SERVICE, earliest=NOW.astimezone(UTC), latest=NOW + hours(72), limit=3
    )
    assert len(slots) == 3
    assert all(slot.start.tzinfo is ZONE and slot.start > NOW for slot in slots)
    assert list(slots) == sorted(slots, key=lambda slot: slot.start)

    desk = floor.desk()
    with pytest.raises(UnknownServiceError, match="teleport"):
        await desk.free_slots("teleport", earliest=NOW, latest=NOW + hours(24), limit=1)
    with pytest.raises(UnknownRecordError, match="customer"):
        await hold(desk, customer_id=999)
    assert await desk.confirm("no-uuid") is None
    assert await desk.confirm(str(uuid4())) is None
    await desk.release("no-uuid")
    await desk.release(str(uuid4()))


async def test_a_booking_goes_from_hold_to_confirmed_and_leaves_a_trail(floor: ShopFloor) -> None:
    desk = floor.desk()
    kept = (await hold(desk)).hold
    assert kept is not None
    assert (kept.start, kept.end) == (NINE, NINE + hours(1))
    assert kept.start.tzinfo is ZONE
    booked = await desk.confirm(kept.hold_id)
    assert booked is not None
    assert (booked.status, booked.start, booked.service_name) == (
        "confirmed",
        NINE,
        "Brake inspection",
    )
    assert booked.bay_name == kept.bay_name
    assert await floor.events_of(booked.appointment_id) == ["held", "confirmed"]


async def test_confirm_again_and_all_at_once_is_one_booking_and_one_answer(
    floor: ShopFloor,
) -> None:
    desk = floor.desk()
    kept = (await hold(desk)).hold
    assert kept is not None
    answers = await asyncio.gather(*(desk.confirm(kept.hold_id) for _ in range(10)))
    assert len(set(answers)) == 1
    assert answers[0] is not None
    assert await desk.confirm(kept.hold_id) == answers[0]
    rows = await floor.rows("SELECT status FROM appointments")
    assert rows == [{"status": "confirmed"}]
    assert await floor.events_of(answers[0].appointment_id) == ["held", "confirmed"]


async def test_two_hundred_racing_callers_never_share_a_bay(floor: ShopFloor) -> None:
    desk = floor.desk(deadline_s=20.0)
    begins = [NINE + hours(half / 2) for half in range(4)]

    async def call(number: int) -> str:
        start = begins[number % len(begins)]
        outcome = await hold(desk, start, number % 3 + 1, f"CA{number:04d}")
        if outcome.hold is None:
            assert outcome.alternatives
            assert all(slot.start != start for slot in outcome.alternatives)
            return "lost"
        first, again = await asyncio.gather(
            desk.confirm(outcome.hold.hold_id), desk.confirm(outcome.hold.hold_id)
        )
        assert first == again
        return "booked" if first is not None else "expired"

    results = Counter(await asyncio.gather(*(call(number) for number in range(200))))
    rows = await floor.rows("SELECT status FROM appointments")
    assert await floor.overlaps() == 0
    assert {row["status"] for row in rows} == {"confirmed"}
    assert results["booked"] == len(rows)
    assert results["expired"] == 0
    # Jobs of an hour on a half-hour grid, three bays: two hours and a half hold 3 to 6 of them.
    assert 3 <= len(rows) <= 6


async def test_the_last_bay_goes_to_one_and_the_other_hears_alternatives(floor: ShopFloor) -> None:
    desk = floor.desk()
    for _ in range(2):
        assert (await hold(desk)).hold is not None
    outcomes = await asyncio.gather(hold(desk, customer_id=1), hold(desk, customer_id=2))
    winners = [outcome for outcome in outcomes if outcome.hold is not None]
    losers = [outcome for outcome in outcomes if outcome.hold is None]
    assert (len(winners), len(losers)) == (1, 1)
    distances = [abs(slot.start - NINE) for slot in losers[0].alternatives]
    assert len(distances) == 3
    assert min(distances) >= hours(1)
    assert max(distances) <= hours(2)


async def test_an_expired_hold_cannot_be_confirmed_and_frees_the_slot(floor: ShopFloor) -> None:
    brief = floor.desk(hold_ttl_s=0.05)
    kept = [(await hold(brief)).hold for _ in range(3)]
    assert all(kept)
    await asyncio.sleep(0.1)
    assert kept[0] is not None
    assert await brief.confirm(kept[0].hold_id) is None
    booked = await floor.book(floor.desk())
    assert booked.status == "confirmed"
    assert await floor.overlaps() == 0
    assert await brief.confirm(kept[0].hold_id) is None
    events = await floor.rows(
        "SELECT count(*) AS n FROM appointment_events WHERE event = 'hold_expired'"
    )
    assert events[0]["n"] == 3


async def test_racing_for_the_slots_of_expired_holds_is_safe(floor: ShopFloor) -> None:
    brief = floor.desk(hold_ttl_s=0.01)
    for _ in range(3):
        assert (await hold(brief)).hold is not None
    await asyncio.sleep(0.05)
    desk = floor.desk(deadline_s=10.0)
    outcomes = await asyncio.gather(*(hold(desk, call_sid=f"CA{n}") for n in range(40)))
    assert sum(outcome.hold is not None for outcome in outcomes) == 3
    assert await floor.overlaps() == 0


async def test_a_released_hold_frees_the_slot_and_a_booking_cannot_be_released(
    floor: ShopFloor,
) -> None:
    desk = floor.desk()
    kept = (await hold(desk)).hold
    assert kept is not None
    await desk.release(kept.hold_id)
    await desk.release(kept.hold_id)
    assert await desk.confirm(kept.hold_id) is None
    booked = await floor.book(desk)
    key = (await floor.rows("SELECT hold_id FROM appointments WHERE status = 'confirmed'"))[0]
    await desk.release(str(key["hold_id"]))
    assert (await desk.cancel(booked.appointment_id, customer_id=1)) is not None


async def test_a_time_that_is_never_on_offer_cannot_be_held(floor: ShopFloor) -> None:
    desk = floor.desk()
    never = {
        "past": NOW - timedelta(hours=1),
        "too soon": NOW + timedelta(minutes=30),
        "at night": NINE.replace(hour=3),
        "off the grid": NINE.replace(minute=10),
        "odd second": NINE.replace(second=1),
        "sunday": datetime(2030, 6, 9, 10, 0, tzinfo=ZONE),
    }
    for why, start in never.items():
        outcome = await hold(desk, start)
        assert outcome.hold is None, why
        assert outcome.alternatives, why
    assert await floor.rows("SELECT 1 FROM appointments") == []


async def test_closures_and_the_calendars_busy_blocks_are_not_offered(floor: ShopFloor) -> None:
    class Blocks:
        blocks = (Taken(NINE, NINE + hours(2)),)

    desk = floor.desk(busy=Blocks())
    assert (await hold(desk)).hold is None
    assert (await hold(desk, NINE + hours(2))).hold is not None
    await floor.pool.execute(
        "INSERT INTO closures (during, reason) VALUES (tstzrange($1, NULL), 'moving house')",
        NINE + hours(3),
    )
    slots = await desk.free_slots(SERVICE, earliest=NINE, latest=NINE + hours(200), limit=50)
    assert [slot.start for slot in slots] == [NINE + hours(2)]


async def test_rescheduling_moves_the_appointment_and_frees_the_old_time(floor: ShopFloor) -> None:
    desk = floor.desk()
    old = await floor.book(desk)
    moved = await desk.reschedule(old.appointment_id, start=NINE + hours(3), customer_id=1)
    assert moved.appointment is not None
    assert (moved.appointment.status, moved.appointment.start) == ("confirmed", NINE + hours(3))
    again = await desk.reschedule(old.appointment_id, start=NINE + hours(3), customer_id=1)
    assert again.appointment == moved.appointment
    rows = await floor.rows(
        "SELECT appointment_id, status, rescheduled_from FROM appointments ORDER BY 1"
    )
    assert [(row["status"], row["rescheduled_from"]) for row in rows] == [
        ("rescheduled", None),
        ("confirmed", old.appointment_id),
    ]
    assert await floor.events_of(old.appointment_id) == ["held", "confirmed", "rescheduled"]
    for number in range(3):
        assert (await hold(desk, customer_id=number + 1)).hold is not None


async def test_an_appointment_may_move_into_its_own_time(floor: ShopFloor) -> None:
    desk = floor.desk()
    booked = [await floor.book(desk, customer_id=number) for number in (1, 2, 3)]
    moved = await desk.reschedule(
        booked[0].appointment_id, start=NINE + timedelta(minutes=30), customer_id=1
    )
    assert moved.appointment is not None
    assert await floor.overlaps() == 0
    same = await desk.reschedule(booked[1].appointment_id, start=NINE, customer_id=2)
    assert same.appointment == booked[1]


async def test_a_move_that_fails_leaves_the_old_booking(floor: ShopFloor) -> None:
    desk = floor.desk()
    old = await floor.book(desk)
    for number in (1, 2, 3):
        await floor.book(desk, NINE + hours(2), number)
    refused = await desk.reschedule(old.appointment_id, start=NINE + hours(2), customer_id=1)
    assert refused.appointment is None
    assert len(refused.alternatives) == 3
    status = await floor.pool.fetchval(
        "SELECT status FROM appointments WHERE appointment_id = $1", old.appointment_id
    )
    assert status == "confirmed"
    assert await floor.events_of(old.appointment_id) == ["held", "confirmed"]


async def test_swapping_places_all_at_once_loses_nobody(floor: ShopFloor) -> None:
    desk = floor.desk(deadline_s=10.0)
    early = [await floor.book(desk, NINE, number) for number in (1, 2, 3)]
    late = [await floor.book(desk, NINE + hours(2), number) for number in (1, 2, 3)]
    moves = [
        *((item, NINE + hours(2)) for item in early),
        *((item, NINE) for item in late),
        *((item, NINE + hours(4)) for item in early[:1] * 3),
    ]
    await asyncio.gather(
        *(
            desk.reschedule(item.appointment_id, start=start, customer_id=item.customer_id)
            for item, start in moves
        )
    )
    rows = await floor.rows(
        "SELECT customer_id, count(*) AS n FROM appointments WHERE status = 'confirmed' GROUP BY 1"
    )
    assert {row["customer_id"]: row["n"] for row in rows} == {1: 2, 2: 2, 3: 2}
    assert await floor.overlaps() == 0


async def test_only_its_customer_cancels_and_may_do_so_again(
    floor: ShopFloor,
) -> None:
    desk = floor.desk()
    booked = await floor.book(desk)
    moved = await desk.reschedule(booked.appointment_id, start=NINE + hours(3), customer_id=2)
    assert (moved.appointment, moved.alternatives) == (None, ())
    assert await desk.cancel(booked.appointment_id, customer_id=2) is None
    assert await desk.cancel(10_000, customer_id=1) is None
    answers = await asyncio.gather(
        *(desk.cancel(booked.appointment_id, customer_id=1) for _ in range(5))
    )
    assert {answer.status for answer in answers if answer is not None} == {"cancelled"}
    assert len(set(answers)) == 1
    assert await floor.events_of(booked.appointment_id) == ["held", "confirmed", "cancelled"]
    moved = await desk.reschedule(booked.appointment_id, start=NINE + hours(3), customer_id=1)
    assert (moved.appointment, moved.alternatives) == (None, ())
    key = await floor.pool.fetchval("SELECT hold_id FROM appointments")
    assert await desk.confirm(str(key)) is None


async def test_a_key_of_the_callers_own_names_the_hold(floor: ShopFloor) -> None:
    desk = floor.desk()
    key = uuid4()
    wanted = {"service_code": SERVICE, "customer_id": 1, "vehicle_id": 1, "call_sid": "CA0001"}
    first = await desk.hold(start=NINE, key=key, **wanted)
    assert first.hold is not None
    assert first.hold.hold_id == str(key)
    assert (await desk.hold(start=NINE, key=key, **wanted)).hold == first.hold
    booked = await desk.confirm(str(key))
    assert booked is not None
    # The key of a booking is no hold any more.
    assert (await desk.hold(start=NINE, key=key, **wanted)).hold is None


async def test_bay_and_technician_are_both_taken(floor: ShopFloor) -> None:
    desk = floor.desk()
    for number in (1, 2, 3):
        await floor.book(desk, customer_id=number)
    rows = await floor.rows("SELECT bay_id, technician_id FROM appointments ORDER BY bay_id")
    assert [row["bay_id"] for row in rows] == [3, 4, 6]
    assert sorted(row["technician_id"] for row in rows) == [1, 2, 3]


async def test_with_one_technician_there_is_one_slot_however_many_bays(floor: ShopFloor) -> None:
    await floor.pool.execute("UPDATE technicians SET active = technician_id = 1")
    desk = floor.desk()
    outcomes = await asyncio.gather(*(hold(desk, customer_id=number) for number in (1, 2, 3)))
    assert sum(outcome.hold is not None for outcome in outcomes) == 1
    for outcome in outcomes:
        assert outcome.hold is not None or len(outcome.alternatives) == 3


async def test_public_holidays_are_closed_unless_there_are_special_hours(floor: ShopFloor) -> None:
    fourth = datetime(2030, 7, 4, 9, 0, tzinfo=ZONE)
    window = {"earliest": fourth - hours(9), "latest": fourth + hours(15), "limit": 50}
    assert await floor.desk().free_slots(SERVICE, **window) == ()
    assert (await hold(floor.desk(), fourth)).hold is None
    open_all_year = floor.desk(holidays=frozenset())
    assert (await open_all_year.free_slots(SERVICE, **window))[0].start.hour == 8
    await floor.pool.execute("INSERT INTO special_hours VALUES ('2030-07-04', '09:00', '11:00')")
    slots = await floor.desk().free_slots(SERVICE, **window)
    assert [f"{slot.start:%H:%M}" for slot in slots] == ["09:00", "09:30", "10:00"]
    assert (await hold(floor.desk(), fourth)).hold is not None


async def test_wishes_for_the_part_of_day_and_a_few_to_say(floor: ShopFloor) -> None:
    desk = floor.desk()
    window = {"earliest": NOW, "latest": NOW + hours(96)}
    noon = await desk.free_slots(SERVICE, **window, limit=4, part_of_day="afternoon")
    assert [slot.start.hour for slot in noon] == [12, 12, 13, 13]
    said = await desk.offers(SERVICE, **window, part_of_day="morning")
    assert [f"{slot.start:%d %H:%M}" for slot in said] == ["04 08:00", "04 09:00", "04 10:00"]
    said = await desk.offers(SERVICE, **window, choice=Choice.SPREAD, part_of_day="afternoon")
    assert [f"{slot.start:%d %H:%M}" for slot in said] == ["04 12:00", "05 12:00", "06 12:00"]
    with pytest.raises(ValueError, match="midnight"):
        await desk.free_slots(SERVICE, **window, limit=1, part_of_day="midnight")


async def test_whoever_worked_on_the_car_last_can_do_it_again(floor: ShopFloor) -> None:
    desk = floor.desk()
    await floor.pool.execute(
        "INSERT INTO service_history (customer_id, vehicle_id, service_code, technician_id,"
        " on_date, mileage, cost_cents) VALUES (1, 1, 'oil_change', 1, '2030-01-01', 9, 1),"
        " (1, 1, 'oil_change', 3, '2030-02-01', 10, 1)"
    )
    await floor.pool.execute(
        "DELETE FROM technician_shifts WHERE technician_id = 3 AND weekday = 3"
    )
    window = {"earliest": NINE - hours(9), "latest": NINE + hours(15), "limit": 3}
    assert await desk.free_slots(SERVICE, **window, same_technician_for=1) == ()
    assert len(await desk.free_slots(SERVICE, **window, same_technician_for=2)) == 3
    thursday = NINE + hours(24)
    outcome = await desk.hold(
        service_code=SERVICE,
        start=thursday,
        customer_id=1,
        vehicle_id=1,
        call_sid="CA0001",
        same_technician_for=1,
    )
    assert outcome.hold is not None
    assert await floor.rows("SELECT technician_id FROM appointments") == [{"technician_id": 3}]


async def test_a_car_that_is_dropped_off_comes_before_its_bay_is_free(floor: ShopFloor) -> None:
    await floor.pool.execute("UPDATE services SET drop_off = true WHERE code = $1", SERVICE)
    desk = floor.desk()
    outcomes = await asyncio.gather(*(hold(desk, call_sid=f"CA{n}") for n in range(6)))
    assert all(outcome.hold is not None for outcome in outcomes)
    rows = await floor.rows(
        "SELECT lower(during) AS starts, arrival_at FROM appointments ORDER BY 1"
    )
    assert [row["starts"] for row in rows] == [NINE] * 3 + [NINE + hours(1)] * 3
    assert [row["arrival_at"] for row in rows] == [None] * 3 + [NINE] * 3
    later = [o.hold for o in outcomes if o.hold is not None and o.hold.end != NINE + hours(1)]
    assert {(kept.start, kept.end) for kept in later} == {(NINE, NINE + hours(2))}
    booked = await desk.confirm(later[0].hold_id)
    assert booked is not None
    assert (booked.start, booked.end) == (NINE, NINE + hours(2))
    again = await desk.reschedule(booked.appointment_id, start=NINE, customer_id=1)
    assert again.appointment == booked
    moved = await desk.reschedule(booked.appointment_id, start=NINE + hours(5), customer_id=1)
    assert moved.appointment is not None
    assert moved.appointment.end == NINE + hours(6)
    assert await floor.overlaps() == 0


class Calendar:
    """A calendar in which staff may have drawn a block since the cache was filled."""

    blocks: tuple[Taken, ...] = ()

    def __init__(self, *, is_free: bool) -> None:
        self.is_free = is_free
        self.asked: list[tuple[datetime, datetime]] = []

    async def recheck(self, start: datetime, end: datetime) -> bool:
        self.asked.append((start, end))
        return self.is_free


@pytest.mark.parametrize("is_free", [True, False])
async def test_the_calendar_is_asked_once_more_before_a_booking_is_firm(
    floor: ShopFloor, is_free: bool
) -> None:
    calendar = Calendar(is_free=is_free)
    desk = floor.desk(busy=calendar)
    kept = (await hold(desk)).hold
    assert kept is not None
    booked = await desk.confirm(kept.hold_id)
    assert (booked is not None) == is_free
    assert calendar.asked == [(NINE, NINE + hours(1))]
    # What is booked is not asked about again, nor what was never held.
    assert await desk.confirm(kept.hold_id) == booked
    assert await desk.confirm(str(uuid4())) is None
    assert len(calendar.asked) == 1
    status = await floor.pool.fetchval("SELECT status FROM appointments")
    assert status == ("confirmed" if is_free else "cancelled")


async def test_expired_holds_are_swept(floor: ShopFloor) -> None:
    desk = floor.desk()
    for _ in range(3):
        assert (await hold(desk)).hold is not None
    assert await desk.expire_holds() == 0
    await floor.pool.execute("UPDATE appointments SET hold_expires_at = now()")
    assert await desk.expire_holds() == 3
    assert await desk.expire_holds() == 0


async def test_a_change_of_the_shop_shows_once_it_is_forgotten(floor: ShopFloor) -> None:
    desk = floor.desk()
    assert len(await desk.services()) == 10
    await floor.pool.execute("UPDATE services SET active = false WHERE code = 'diagnostic'")
    assert len(await desk.services()) == 10
    desk.forget_shop()
    assert len(await desk.services()) == 9
