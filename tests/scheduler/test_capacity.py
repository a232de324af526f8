"""A day takes so many minutes of labour and no more, however many book at once."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from scheduler.booking import Bookings, HoldRequest
from scheduler.booking_row import BookingRow
from scheduler.moves import MoveRefusal, MoveRequest
from tests.scheduler.conftest import NINE, SERVICE, ZONE, ShopFloor, hours

TODAY, TOMORROW = NINE.date(), NINE.date() + timedelta(days=1)


def wish(start: datetime = NINE, hold_id: UUID | None = None) -> HoldRequest:
    return HoldRequest(
        hold_id=hold_id or uuid4(),
        service_code=SERVICE,
        customer_id=1,
        vehicle_id=1,
        call_sid="CA0001",
        start=start,
        bay_until=start + hours(1),
        bay_ids=(3, 4, 6),
        technician_ids=(1, 2, 3),
    )


@pytest.fixture
async def bookings(floor: ShopFloor) -> Bookings:
    await floor.pool.executemany(
        "INSERT INTO day_capacity (day, labour_minutes) VALUES ($1, 180)",
        [(TODAY,), (TOMORROW,)],
    )
    return Bookings(floor.pool, zone=ZONE, deadline_s=10.0)


async def booked(floor: ShopFloor, day: date = TODAY) -> int:
    minutes: int = await floor.pool.fetchval(
        "SELECT booked_minutes FROM day_capacity WHERE day = $1", day
    )
    return minutes


async def held(bookings: Bookings, start: datetime = NINE) -> BookingRow:
    row = await bookings.hold(wish(start))
    assert row is not None
    return row


async def confirmed(bookings: Bookings, start: datetime = NINE) -> BookingRow:
    row = await bookings.confirm((await held(bookings, start)).hold_id)
    assert row is not None
    return row


def to(row: BookingRow, start: datetime) -> MoveRequest:
    return MoveRequest(
        appointment_id=row.appointment_id,
        customer_id=1,
        start=start,
        bay_until=start + hours(1),
        bay_ids=(3, 4, 6),
        technician_ids=(1, 2, 3),
    )


async def test_labour_counts_from_the_hold_and_comes_back(
    floor: ShopFloor, bookings: Bookings
) -> None:
    first = await confirmed(bookings)
    second = await held(bookings)
    assert await booked(floor) == 120
    assert await bookings.confirm(first.hold_id) == first
    assert await booked(floor) == 120
    await bookings.release(second.hold_id)
    await bookings.release(second.hold_id)
    assert await booked(floor) == 60
    for _ in range(2):
        assert await bookings.cancel(first.appointment_id, customer_id=1) is not None
        assert await booked(floor) == 0


async def test_a_full_day_takes_nothing_more_though_bays_are_free(
    floor: ShopFloor, bookings: Bookings
) -> None:
    for number in range(3):
        await held(bookings, NINE + hours(number))
    assert await bookings.hold(wish(NINE + hours(4))) is None
    assert await booked(floor) == 180
    assert len(await floor.rows("SELECT 1 FROM appointments")) == 3
    assert len(await floor.rows("SELECT 1 FROM appointment_events")) == 3
    moved = await bookings.reschedule(to(await confirmed(bookings, NINE + hours(24)), NINE))
    assert moved is MoveRefusal.TAKEN
    assert (await booked(floor), await booked(floor, TOMORROW)) == (180, 60)


async def test_the_same_hold_again_counts_once(floor: ShopFloor, bookings: Bookings) -> None:
    request = wish()
    rows = await asyncio.gather(*(bookings.hold(request) for _ in range(8)))
    assert len({row.appointment_id for row in rows if row is not None}) == 1
    assert None not in rows
    assert await booked(floor) == 60


async def test_a_move_takes_its_labour_along(floor: ShopFloor, bookings: Bookings) -> None:
    row = await confirmed(bookings)
    same_day = await bookings.reschedule(to(row, NINE + hours(2)))
    assert isinstance(same_day, BookingRow)
    assert await booked(floor) == 60
    next_day = await bookings.reschedule(to(same_day, NINE + hours(24)))
    assert isinstance(next_day, BookingRow)
    assert (await booked(floor), await booked(floor, TOMORROW)) == (0, 60)


async def test_a_full_day_lets_its_own_move_within_it(floor: ShopFloor, bookings: Bookings) -> None:
    rows = [await confirmed(bookings, NINE + hours(number)) for number in range(3)]
    moved = await bookings.reschedule(to(rows[0], NINE + hours(5)))
    assert isinstance(moved, BookingRow)
    assert await booked(floor) == 180


async def test_expired_holds_give_their_labour_back(floor: ShopFloor, bookings: Bookings) -> None:
    brief = Bookings(floor.pool, zone=ZONE, hold_ttl_s=0.01)
    for number in range(3):
        await held(brief, NINE + hours(number))
    await asyncio.sleep(0.05)
    # Somebody who wants quite another time of the day clears all of it.
    await held(bookings, NINE + hours(6))
    assert await booked(floor) == 60
    await held(brief, NINE + hours(24))
    await asyncio.sleep(0.05)
    assert await bookings.expire_holds() == 1
    assert await bookings.expire_holds() == 0
    assert await booked(floor, TOMORROW) == 0
    events = await floor.rows(
        "SELECT count(*) AS n FROM appointment_events WHERE event = 'hold_expired'"
    )
    assert events == [{"n": 4}]


async def test_a_day_is_the_shops_and_not_that_of_utc(floor: ShopFloor, bookings: Bookings) -> None:
    late = NINE.replace(hour=20)
    await held(bookings, late)
    assert await booked(floor) == 60


async def test_what_was_never_counted_is_not_given_back(
    floor: ShopFloor, bookings: Bookings
) -> None:
    row = await confirmed(bookings)
    await floor.pool.execute("UPDATE day_capacity SET booked_minutes = 0")
    assert await bookings.cancel(row.appointment_id, customer_id=1) is not None
    assert await booked(floor) == 0


async def test_a_race_never_overfills_a_day_nor_shares_bay_or_technician(
    floor: ShopFloor, bookings: Bookings
) -> None:
    """Two days, three bays, three people, and everybody books, moves and cancels at once."""
    await floor.pool.execute("UPDATE day_capacity SET labour_minutes = 420")
    starts = [NINE + hours(24 * day + hour / 2) for day in range(2) for hour in range(8)]

    async def call(number: int) -> None:
        row = await bookings.hold(wish(starts[number % len(starts)]))
        if row is None:
            return
        if number % 7 == 0:
            await bookings.release(row.hold_id)
            return
        assert await bookings.confirm(row.hold_id) is not None
        moved = await bookings.reschedule(to(row, starts[(number * 5 + 3) % len(starts)]))
        if isinstance(moved, BookingRow) and number % 3 == 0:
            await bookings.cancel(moved.appointment_id, customer_id=1)

    await asyncio.gather(*(call(number) for number in range(120)))
    assert await floor.overlaps() == 0
    shared = await floor.rows(
        """
        SELECT a.appointment_id FROM appointments a JOIN appointments b
            ON a.technician_id = b.technician_id AND a.appointment_id < b.appointment_id
            AND a.during && b.during
        WHERE a.status = 'confirmed' AND b.status = 'confirmed'
        """
    )
    assert shared == []
    days = await floor.rows(
        """
        SELECT d.booked_minutes, d.labour_minutes, 60 * (
            SELECT count(*) FROM appointments a WHERE a.status = 'confirmed'
                AND (lower(a.during) AT TIME ZONE 'America/Chicago')::date = d.day) AS true_minutes
        FROM day_capacity d
        """
    )
    for day in days:
        assert 0 < day["true_minutes"] == day["booked_minutes"] <= day["labour_minutes"]
