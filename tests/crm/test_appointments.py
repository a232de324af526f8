from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.appointments import UPCOMING_MAX, upcoming_of
from crm.caller_records import records_of
from crm.errors import InputError
from crm.seed import seed_demo

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 14, tzinfo=ZONE)
_ADD = """
INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, status, during)
VALUES (1, 1, 'oil_change', 1, 'confirmed', tstzrange($1, $2))
"""


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    return connection


async def test_what_ends_at_this_moment_is_over(shop: asyncpg.Connection) -> None:
    start = NOW + timedelta(days=100)
    end = start + timedelta(minutes=45)
    await shop.execute(_ADD, start, end)
    just_before = end - timedelta(microseconds=1)
    assert [item.end for item in await upcoming_of(shop, [1], now=just_before, zone=ZONE)] == [end]
    assert await upcoming_of(shop, [1], now=end, zone=ZONE) == ()


async def test_instants_come_in_the_shops_zone_across_the_change_of_clocks(
    shop: asyncpg.Connection,
) -> None:
    for month in (1, 7):
        start = datetime(2027, month, 4, 15, tzinfo=UTC)
        await shop.execute(_ADD, start, start + timedelta(hours=1))
    winter, summer = await upcoming_of(shop, [1], now=NOW, zone=ZONE)
    assert (winter.start.hour, summer.start.hour) == (9, 10)


async def test_a_car_that_is_dropped_off_comes_before_its_bay_is_free(
    shop: asyncpg.Connection,
) -> None:
    arrival = NOW + timedelta(days=100)
    work = arrival + timedelta(hours=3)
    await shop.execute(_ADD, work, work + timedelta(hours=1))
    await shop.execute(
        "UPDATE appointments SET arrival_at = $1 WHERE lower(during) = $2", arrival, work
    )
    (coming,) = await upcoming_of(shop, [1], now=arrival - timedelta(days=1), zone=ZONE)
    (record,) = await records_of(shop, [1], now=arrival - timedelta(days=1), zone=ZONE)
    assert (coming.start, coming.end) == (arrival, work + timedelta(hours=1))
    assert record.upcoming == (coming,)


async def test_the_answer_is_bounded_and_sorted(shop: asyncpg.Connection) -> None:
    for day in range(UPCOMING_MAX + 5, 0, -1):
        start = NOW + timedelta(days=100 + day)
        await shop.execute(_ADD, start, start + timedelta(hours=1))
    found = await upcoming_of(shop, [1], now=NOW, zone=ZONE)
    assert len(found) == UPCOMING_MAX
    assert [item.start for item in found] == sorted(item.start for item in found)


async def test_a_naive_now_is_refused(shop: asyncpg.Connection) -> None:
    with pytest.raises(InputError, match="now has no time zone"):
        await upcoming_of(shop, [1], now=datetime(2026, 11, 24), zone=ZONE)
