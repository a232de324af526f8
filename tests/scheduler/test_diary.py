"""One reading for all who ask at the same moment, and none that is older than the question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from scheduler import diary as diary_module
from scheduler.diary import Diary
from scheduler.errors import ScheduleUnavailableError, UnknownServiceError
from scheduler.slots import SlotRules
from scheduler.taken import Taken
from tests.scheduler.conftest import NINE, SERVICE, ZONE, ShopFloor, hours


class Blocks:
    blocks: tuple[Taken, ...] = ()


def open_diary(floor: ShopFloor, **options: Any) -> Diary:
    given: dict[str, Any] = {
        "zone": ZONE,
        "rules": SlotRules(),
        "holidays": frozenset(),
        "busy": None,
        "deadline_s": 2.0,
    }
    return Diary(floor.pool, **(given | options))


async def close_bay(floor: ShopFloor, start: datetime, bay_id: int | None = 3) -> None:
    await floor.pool.execute(
        "INSERT INTO closures (during, bay_id, reason) VALUES (tstzrange($1, $2), $3, 'swept')",
        start,
        start + hours(1),
        bay_id,
    )


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[datetime, datetime]]:
    """The windows that were read from the database."""
    seen: list[tuple[datetime, datetime]] = []
    load: Callable[..., Awaitable[Any]] = diary_module.load_taken

    async def counted(conn: asyncpg.Connection, since: datetime, until: datetime, zone: Any) -> Any:
        seen.append((since, until))
        return await load(conn, since, until, zone)

    monkeypatch.setattr(diary_module, "load_taken", counted)
    return seen


async def test_forty_who_ask_at_once_cost_two_readings_that_cover_them_all(
    floor: ShopFloor, readings: list[tuple[datetime, datetime]]
) -> None:
    diary = open_diary(floor)
    await diary.book()
    await close_bay(floor, NINE)
    pages = await asyncio.gather(
        *(diary.page(NINE - hours(number), NINE + hours(number + 1)) for number in range(40))
    )
    assert readings == [
        (NINE, NINE + hours(1)),
        (NINE - hours(39), NINE + hours(40)),
    ]
    assert all(len(page.rows.spans) == 1 for page in pages)
    assert len({id(page) for page in pages}) == 2


async def test_an_answer_is_never_older_than_its_question(floor: ShopFloor) -> None:
    diary = open_diary(floor)
    for number in range(3):
        await close_bay(floor, NINE + hours(number))
        page = await diary.page(NINE, NINE + hours(24))
        assert len(page.rows.spans) == number + 1


async def test_whoever_is_cancelled_hands_the_reading_on(
    floor: ShopFloor, readings: list[tuple[datetime, datetime]]
) -> None:
    diary = open_diary(floor)
    await diary.book()
    loop = asyncio.get_running_loop()
    asking = [loop.create_task(diary.page(NINE, NINE + hours(1))) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    asking[1].cancel()
    page = await asking[2]
    assert page.rows.spans == []
    results = await asyncio.gather(*asking[:2], return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert len(readings) <= 2


async def test_a_database_that_does_not_answer_costs_everybody_one_deadline(
    floor: ShopFloor,
) -> None:
    diary = open_diary(floor, deadline_s=0.3)
    await diary.book()
    async with floor.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE appointments")
        begun = asyncio.get_running_loop().time()
        results = await asyncio.gather(
            *(diary.page(NINE, NINE + hours(1)) for _ in range(10)), return_exceptions=True
        )
        assert asyncio.get_running_loop().time() - begun < 1.5
    assert {type(result) for result in results} == {ScheduleUnavailableError}
    assert (await diary.page(NINE, NINE + hours(1))).rows.spans == []


async def test_the_shop_is_kept_for_some_seconds_and_can_be_forgotten(floor: ShopFloor) -> None:
    now = [0.0]
    diary = open_diary(floor, shop_ttl_s=5.0, monotonic=lambda: now[0])
    book = await diary.book()
    await floor.pool.execute("UPDATE services SET labour_minutes = 90 WHERE code = $1", SERVICE)
    now[0] = 4.9
    assert await diary.book() is book
    now[0] = 5.1
    assert (await diary.book()).services[SERVICE].labour_minutes == 90
    await floor.pool.execute("UPDATE services SET labour_minutes = 60 WHERE code = $1", SERVICE)
    diary.forget_shop()
    assert (await diary.book()).services[SERVICE].labour_minutes == 60


async def test_a_service_that_is_not_in_the_book_is_looked_for_once_more(floor: ShopFloor) -> None:
    diary = open_diary(floor)
    await diary.book()
    with pytest.raises(UnknownServiceError, match="waxing"):
        await diary.service("waxing")
    await floor.pool.execute(
        "INSERT INTO services (code, name, labour_minutes, bay_type, price_cents)"
        " VALUES ('waxing', 'Waxing', 30, 'lift', 100)"
    )
    assert (await diary.service("waxing"))[1].skill is None


async def test_people_shifts_breaks_and_special_hours_are_read(floor: ShopFloor) -> None:
    await floor.pool.execute(
        "INSERT INTO technician_breaks VALUES (1, 3, '12:00', '12:30');"
        "INSERT INTO special_hours VALUES ('2030-07-04', '10:00', '12:00', 'parade');"
        "UPDATE technicians SET active = false WHERE technician_id = 2"
    )
    shop = (await open_diary(floor).book()).shop
    assert [person.technician_id for person in shop.technicians] == [1, 3]
    assert [rest.weekday for rest in shop.technicians[0].breaks] == [3]
    assert len(shop.technicians[0].shifts) == 6
    assert f"{shop.special_hours[0].day}" == "2030-07-04"


async def test_the_calendars_blocks_are_read_anew_when_they_change(floor: ShopFloor) -> None:
    busy = Blocks()
    diary = open_diary(floor, busy=busy)
    service = (await diary.service(SERVICE))[1]

    async def idle_at_nine() -> int:
        finder = await diary.idle_finder()
        until = NINE + timedelta(minutes=1)
        return len(finder.find(service.work, now=NINE - hours(24), earliest=NINE, latest=until))

    assert await idle_at_nine() == 1
    assert await diary.idle_finder() is await diary.idle_finder()
    busy.blocks = (Taken(NINE, NINE + hours(1)),)
    assert await idle_at_nine() == 0


async def test_what_is_moved_is_not_in_its_own_way(floor: ShopFloor) -> None:
    booked = await floor.book(floor.desk())
    await floor.pool.execute("INSERT INTO day_capacity VALUES ('2030-06-05', 60, 60)")
    page = await open_diary(floor).page(NINE - hours(1), NINE + hours(2))
    service = page.book.services[SERVICE]
    window = {"now": NINE - hours(24), "earliest": NINE, "latest": NINE + timedelta(minutes=1)}
    assert page.finder.find(service.work, **window) == ()
    moving = page.without(booked.appointment_id, service.labour_minutes)
    assert [slot.bay_ids for slot in moving.find(service.work, **window)] == [(3, 4, 6)]
