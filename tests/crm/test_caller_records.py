"""The one statement of a ringing phone brings what the single queries bring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.appointments import upcoming_of
from crm.caller_records import RECENT_VISITS, records_by_phone, records_of
from crm.customers import get_customer
from crm.errors import InputError
from crm.history import visits_of
from crm.seed import seed_demo
from crm.vehicles import vehicles_of

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 14, tzinfo=ZONE)


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    return connection


async def test_each_part_is_what_its_own_query_returns(shop: asyncpg.Connection) -> None:
    everybody = [
        row["customer_id"] for row in await shop.fetch("SELECT customer_id FROM customers")
    ]
    records = await records_of(shop, everybody, now=NOW, zone=ZONE)
    assert [record.customer.customer_id for record in records] == everybody
    assert any(record.upcoming for record in records)
    for record in records:
        one = [record.customer.customer_id]
        assert record.customer == await get_customer(shop, one[0])
        assert record.vehicles == await vehicles_of(shop, one)
        assert record.visits == await visits_of(shop, one, RECENT_VISITS)
        assert record.upcoming == await upcoming_of(shop, one, now=NOW, zone=ZONE)


async def test_records_come_in_the_order_asked_for_and_once(shop: asyncpg.Connection) -> None:
    records = await records_of(shop, [4, 10**12, 1, 4], now=NOW, zone=ZONE)
    assert [record.customer.customer_id for record in records] == [4, 1]
    assert await records_of(shop, [], now=NOW, zone=ZONE) == ()


async def test_a_household_comes_whole(shop: asyncpg.Connection) -> None:
    records = await records_by_phone(shop, "+13125550117", now=NOW, zone=ZONE)
    assert records == await records_of(shop, [2, 3], now=NOW, zone=ZONE)


async def test_what_is_over_is_not_coming(shop: asyncpg.Connection) -> None:
    for moment in (NOW, NOW + timedelta(days=7), NOW + timedelta(days=60)):
        for record in await records_of(shop, [2, 3, 4, 5, 6], now=moment, zone=ZONE):
            assert all(item.end > moment for item in record.upcoming)
            assert all(item.start.tzinfo is ZONE for item in record.upcoming)


async def test_a_naive_instant_is_refused(shop: asyncpg.Connection) -> None:
    naive = datetime(2026, 11, 24)
    with pytest.raises(InputError):
        await records_of(shop, [1], now=naive, zone=UTC)
    with pytest.raises(InputError):
        await records_by_phone(shop, "+13125550117", now=naive, zone=UTC)
