"""Every scenario ends with the rows that it wants."""

from __future__ import annotations

import pytest

from bench.simulate.script import Script, load_scripts
from bench.simulate.suite import SCENARIOS, ScenarioResult, play_all, play_one
from bench.simulate.virtual_shop import VirtualShop
from voicecore.dialog.prompt_files import prompt_version
from voicecore.dialog.scenarios.catalogue import BY_NAME

SCRIPTS = load_scripts(SCENARIOS)
GROUPS = sorted({script.name.split("_")[0] for script in SCRIPTS})


def of_group(group: str) -> list[Script]:
    return [script for script in SCRIPTS if script.name.split("_")[0] == group]


def complaints(results: list[ScenarioResult]) -> list[str]:
    return [
        f"{run.name} (seed {run.seed}): {run.problems}\n{run.transcript()}"
        for result in results
        for run in result.runs
        if run.problems
    ]


@pytest.mark.parametrize("group", GROUPS)
async def test_the_rows_at_the_end_are_the_wanted_ones(shop: VirtualShop, group: str) -> None:
    assert complaints(await play_all(shop, of_group(group))) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GROUPS)
async def test_twenty_times_over_none_fails(shop: VirtualShop, group: str) -> None:
    assert complaints(await play_all(shop, of_group(group), repeat=20)) == []


def test_there_are_enough_and_every_table_has_some() -> None:
    assert len(SCRIPTS) >= 40
    assert {script.model for script in SCRIPTS} == {
        *("normal", "obedient", "nonsense", "looping", "liar")
    }
    prefixes = {"book", "move", "cancel", "status", "questions", "human", "details", "reminder"}
    assert prefixes <= set(GROUPS)
    assert len(BY_NAME) == len(prefixes)


async def test_the_same_seed_gives_the_same_call_and_another_one_other_delays(
    shop: VirtualShop,
) -> None:
    (script,) = load_scripts(SCENARIOS, ["book_corrected_day"])
    one, same, other = [await play_one(shop, script, seed) for seed in (3, 3, 4)]
    assert one.transcript() == same.transcript()
    assert one.events == same.events
    assert one.duration_s != other.duration_s
    assert one.rows.appointments == other.rows.appointments


async def test_the_calls_row_names_prompts_deeds_and_open_wishes(shop: VirtualShop) -> None:
    (script,) = load_scripts(SCENARIOS, ["book_from_own_phone"])
    stats = (await play_one(shop, script)).rows.stats
    assert stats["prompt_version"] == prompt_version()
    assert stats["deeds"] == {"booked": 1, "sent": 1}
    assert stats["open_wishes"] == []
