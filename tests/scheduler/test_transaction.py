"""What the server takes back is done anew, and only that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from scheduler.errors import ScheduleUnavailableError
from scheduler.transaction import ROLLED_BACK_TRIES, in_statement, in_transaction
from tests.scheduler.conftest import ShopFloor

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
WAYS = [in_statement, in_transaction]
Way = Callable[..., Awaitable[Any]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", ["40P01", "40001", "23P01"])
async def test_a_deadlock_and_a_clash_are_tried_again(
    floor: ShopFloor, way: Way, code: str
) -> None:
    tries = 0

    async def work(conn: asyncpg.Connection) -> int:
        nonlocal tries
        tries += 1
        if tries < ROLLED_BACK_TRIES:
            await conn.execute(RAISE.format(code=code))
        return tries

    assert await way(floor.pool, "test", work, deadline_s=5.0) == ROLLED_BACK_TRIES


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("code", "tries"), [("40P01", ROLLED_BACK_TRIES), ("57014", 1)])
async def test_what_does_not_end_is_an_error_and_other_errors_are_at_once(
    floor: ShopFloor, way: Way, code: str, tries: int
) -> None:
    seen = 0

    async def work(conn: asyncpg.Connection) -> None:
        nonlocal seen
        seen += 1
        await conn.execute(RAISE.format(code=code))

    with pytest.raises(ScheduleUnavailableError):
        await way(floor.pool, "test", work, deadline_s=5.0)
    assert seen == tries
