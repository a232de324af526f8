from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from crm.errors import InputError
from crm.pool import close_pool, open_pool
from crm.principal import RowSecurity
from crm.seed import seed_demo
from crm.workshop import CrmWorkshop, propose_estimate

NOW = datetime(2026, 11, 24, 10, tzinfo=ZoneInfo("America/Chicago"))
SEAN, LINH = 2, 3


@pytest.fixture
async def pool(crm_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(crm_dsn)
    async with pool.acquire() as connection:
        await seed_demo(connection, NOW)
    yield pool
    await close_pool(pool)


async def visit(pool: asyncpg.Pool, customer_id: int, status: str = "confirmed") -> int:
    number: int = await pool.fetchval(
        "INSERT INTO appointments (customer_id, vehicle_id, service_code, bay_id, status, during)"
        " SELECT customer_id, vehicle_id, 'oil_change', 5, $2,"
        " tstzrange('2027-01-05 15:00Z', '2027-01-05 16:00Z')"
        " FROM vehicles WHERE customer_id = $1 LIMIT 1 RETURNING appointment_id",
        customer_id,
        status,
    )
    return number


async def test_an_estimate_is_answered_once_and_only_by_its_customer(pool: asyncpg.Pool) -> None:
    desk = CrmWorkshop(pool)
    number = await visit(pool, SEAN, "in_progress")
    async with pool.acquire() as connection:
        await propose_estimate(
            connection, number, work="Brake pads", price_cents=28900, actor="Dana"
        )
    (entry,) = await desk.open_estimates(SEAN)
    assert (entry.work, entry.price_cents, entry.appointment_id) == ("Brake pads", 28900, number)
    assert await desk.open_estimates(LINH) == ()
    key = entry.estimate_id
    assert not await desk.answer_estimate(key, customer_id=LINH, approved=True, call_sid="CA1")
    answers = await asyncio.gather(
        desk.answer_estimate(key, customer_id=SEAN, approved=True, call_sid="CA1"),
        desk.answer_estimate(key, customer_id=SEAN, approved=False, call_sid="CA2"),
    )
    assert sorted(answers) == [False, True]
    assert await desk.open_estimates(SEAN) == ()


async def test_what_is_no_estimate_is_not_read_out(pool: asyncpg.Pool) -> None:
    number = await visit(pool, SEAN, "in_progress")
    for detail in ('{"work": "Tow"}', '{"work": "Tow", "price_cents": "1; DROP"}', "{}"):
        await pool.execute(
            "INSERT INTO appointment_events (appointment_id, event, actor, detail)"
            " VALUES ($1, 'estimate', 'x', $2::jsonb)",
            number,
            detail,
        )
    assert await CrmWorkshop(pool).open_estimates(SEAN) == ()
    async with pool.acquire() as connection:
        for work, cents in (("  ", 1), ("Tow", -1)):
            with pytest.raises(InputError):
                await propose_estimate(connection, number, work=work, price_cents=cents, actor="x")


async def test_a_visit_is_confirmed_once_a_call_and_only_by_its_customer(
    pool: asyncpg.Pool,
) -> None:
    desk = CrmWorkshop(pool)
    number = await visit(pool, SEAN)
    assert not await desk.confirm_visit(number, customer_id=LINH, call_sid="CA1")
    for _ in range(2):
        assert await desk.confirm_visit(number, customer_id=SEAN, call_sid="CA1")
    events = await pool.fetch(
        "SELECT event, actor, call_sid FROM appointment_events WHERE appointment_id = $1", number
    )
    assert [tuple(row) for row in events] == [("visit_confirmed", "customer", "CA1")]


async def test_behind_row_security_a_customer_reaches_their_own_work_only(
    pool: asyncpg.Pool,
) -> None:
    desk = CrmWorkshop(pool)
    number = await visit(pool, SEAN, "in_progress")
    async with pool.acquire() as connection:
        await propose_estimate(connection, number, work="Tow", price_cents=100, actor="x")
    (entry,) = await desk.open_estimates(SEAN)
    with RowSecurity.acting_as(LINH):
        assert await desk.open_estimates(SEAN) == ()
        key = entry.estimate_id
        assert not await desk.answer_estimate(key, customer_id=SEAN, approved=True, call_sid="CA1")
    with RowSecurity.acting_as(SEAN):
        assert len(await desk.open_estimates(SEAN)) == 1
        assert await desk.answer_estimate(key, customer_id=SEAN, approved=True, call_sid="CA1")
        later = await visit_of_row(pool, SEAN)
        assert await desk.confirm_visit(later, customer_id=SEAN, call_sid="CA1")


async def visit_of_row(pool: asyncpg.Pool, customer_id: int) -> int:
    with RowSecurity.as_shop():
        number: int = await pool.fetchval(
            "INSERT INTO appointments (customer_id, service_code, bay_id, status, during)"
            " VALUES ($1, 'oil_change', 5, 'confirmed',"
            " tstzrange('2027-01-06 15:00Z', '2027-01-06 16:00Z')) RETURNING appointment_id",
            customer_id,
        )
    return number
