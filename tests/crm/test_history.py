from __future__ import annotations

from datetime import UTC, date, datetime

import asyncpg
import pytest

from crm.errors import InputError
from crm.history import Spend, spent_by_customers, spent_on_vehicles, visits_of
from crm.seed import seed_demo

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> asyncpg.Connection:
    await seed_demo(connection, NOW)
    return connection


async def test_spend_is_the_sum_of_the_jobs(shop: asyncpg.Connection) -> None:
    visits = await visits_of(shop, [1], 100)
    (spend,) = await spent_by_customers(shop, [1])
    assert spend == Spend(
        owner_id=1,
        jobs=len(visits),
        cents=sum(visit.cost_cents for visit in visits),
        latest=visits[0].on_date,
    )
    assert type(spend.cents) is int


async def test_spend_begins_on_the_day(shop: asyncpg.Connection) -> None:
    latest, before = (await visits_of(shop, [1], 2))[:2]
    (on_the_day,) = await spent_by_customers(shop, [1], since=latest.on_date)
    assert (on_the_day.jobs, on_the_day.cents) == (1, latest.cost_cents)
    (earlier,) = await spent_by_customers(shop, [1], since=before.on_date)
    assert earlier.cents == latest.cost_cents + before.cost_cents
    assert await spent_by_customers(shop, [1], since=date.max) == ()


async def test_each_car_has_its_own_sum(shop: asyncpg.Connection) -> None:
    spends = await spent_on_vehicles(shop, [7, 6, 10**9])
    assert [spend.owner_id for spend in spends] == [6, 7]
    (owner,) = await spent_by_customers(shop, [6])
    assert sum(spend.cents for spend in spends) == owner.cents


async def test_large_sums_do_not_overflow(shop: asyncpg.Connection) -> None:
    await shop.execute("UPDATE service_history SET cost_cents = 2147483647 WHERE customer_id = 1")
    (spend,) = await spent_by_customers(shop, [1])
    assert spend.cents == 2147483647 * spend.jobs


@pytest.mark.parametrize("since", [datetime(2026, 1, 1), NOW])
async def test_an_instant_is_no_day(shop: asyncpg.Connection, since: datetime) -> None:
    for query in (spent_by_customers, spent_on_vehicles):
        with pytest.raises(InputError, match="since is an instant"):
            await query(shop, [1], since=since)
