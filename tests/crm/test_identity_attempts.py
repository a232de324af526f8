from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from crm.identity_attempts import MOST_MISSES_A_DAY, IdentityAttempts
from crm.principal import RowSecurity
from tests.crm.conftest import ZONE

NOW = datetime(2026, 11, 24, 10, tzinfo=ZONE)
OWNER, STRANGER, THIRD = "+13125550142", "+13125550111", "+13125550112"


class Days:
    """A clock to be turned."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def days() -> Days:
    return Days()


@pytest.fixture
def attempts(pool: asyncpg.Pool, days: Days) -> IdentityAttempts:
    return IdentityAttempts(pool, zone=ZONE, clock=days)


async def miss(attempts: IdentityAttempts, times: int, line: str | None, about: str) -> None:
    for _ in range(times):
        assert await attempts.may_try(line, about)
        await attempts.note_miss(line, about)


async def test_ten_misses_a_day_are_allowed(attempts: IdentityAttempts, days: Days) -> None:
    await miss(attempts, MOST_MISSES_A_DAY, STRANGER, OWNER)
    assert not await attempts.may_try(STRANGER, OWNER)
    assert not await attempts.may_try(STRANGER, THIRD), "the line has erred too often"
    assert not await attempts.may_try(THIRD, OWNER), "too much was wrong about the number"
    assert not await attempts.may_try(None, OWNER)
    days.now += timedelta(hours=14)
    assert await attempts.may_try(STRANGER, OWNER), "another day at the shop"


async def test_others_shut_nobody_out_on_their_own_line(attempts: IdentityAttempts) -> None:
    await miss(attempts, MOST_MISSES_A_DAY, None, OWNER)
    assert await attempts.may_try(OWNER, OWNER)
    await miss(attempts, MOST_MISSES_A_DAY, OWNER, OWNER)
    assert not await attempts.may_try(OWNER, OWNER)


async def test_every_miss_counts_however_many_come_at_once(attempts: IdentityAttempts) -> None:
    pairs = [(STRANGER, OWNER), (OWNER, STRANGER)] * 4
    await asyncio.gather(*(attempts.note_miss(*pair) for pair in pairs))
    await miss(attempts, MOST_MISSES_A_DAY - 4, None, OWNER)
    assert not await attempts.may_try(None, OWNER)


async def test_old_days_are_forgotten(
    attempts: IdentityAttempts, days: Days, connection: asyncpg.Connection
) -> None:
    await attempts.note_miss(STRANGER, OWNER)
    days.now += timedelta(days=8)
    await attempts.note_miss(None, THIRD)
    rows = await connection.fetch("SELECT phone_e164 FROM identity_attempts")
    assert [row[0] for row in rows] == [THIRD]


async def test_it_counts_for_a_caller_who_may_not_see_it(attempts: IdentityAttempts) -> None:
    with RowSecurity.acting_as(None):
        await attempts.note_miss(STRANGER, OWNER)
        assert await attempts.may_try(STRANGER, OWNER)


@pytest.mark.parametrize("number", ["", "anonymous", "+1\x00", "' OR 1=1 --", "12"])
async def test_what_is_no_number_is_not_counted(attempts: IdentityAttempts, number: str) -> None:
    await attempts.note_miss(number, number)
    assert await attempts.may_try(number, number)
