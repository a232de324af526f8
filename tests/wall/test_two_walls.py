"""Each wall alone keeps foreign rows unread and unchanged; without both they are not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bench.walls.__main__ import is_proved
from bench.walls.shop import CanaryShop, open_canary_shop
from bench.walls.trial import Trial, run_trial

EVERYDAY, EVERY_ATTACK = 200, 10_000
ROWS_ALONE, CODE_ALONE = (False, True), (True, False)


@pytest.fixture
async def shop(crm_dsn: str, redis_url: str) -> AsyncIterator[CanaryShop]:
    async with open_canary_shop(crm_dsn, redis_url) as opened:
        yield opened


async def one_wall(shop: CanaryShop, calls: int, walls: tuple[bool, bool]) -> None:
    in_code, in_rows = walls
    trial = await run_trial(shop, calls, in_code=in_code, in_rows=in_rows)
    assert (trial.read, trial.changed) == (0, 0), trial
    assert trial.deeds > 0, "the tools have to work for the caller's own"


async def test_each_wall_alone_keeps_what_falls_without_both(shop: CanaryShop) -> None:
    """The attacks are real: without the walls, on the same shop, they read and change rows."""
    await one_wall(shop, EVERYDAY, ROWS_ALONE)
    await one_wall(shop, EVERYDAY, CODE_ALONE)
    bare = await run_trial(shop, 60, in_code=False, in_rows=False)
    assert bare.read > 5
    assert bare.changed > 5


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("walls", [ROWS_ALONE, CODE_ALONE], ids=["rows alone", "code alone"])
async def test_ten_thousand_attacks_pass_neither_wall(
    shop: CanaryShop, walls: tuple[bool, bool]
) -> None:
    await one_wall(shop, EVERY_ATTACK, walls)


def test_a_wall_that_falls_fails_the_bench() -> None:
    def trial(name: str, read: int, changed: int) -> Trial:
        return Trial(name=name, calls=1, read=read, changed=changed, deeds=0, answers={})

    assert is_proved([trial("code", 0, 0), trial("no wall", 1, 1)])
    assert not is_proved([trial("code", 1, 0), trial("no wall", 1, 1)])
    assert not is_proved([trial("row security", 0, 1), trial("no wall", 1, 1)])
    assert not is_proved([trial("code", 0, 0), trial("no wall", 0, 1)])
