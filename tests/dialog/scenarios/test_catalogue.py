"""The tables hold together: names, tools, prompts and phases."""

from __future__ import annotations

from importlib import resources

import pytest

from voicecore.dialog.scenarios.catalogue import ALWAYS, BY_NAME, SCENARIOS
from voicecore.dialog.scenarios.scenario import Need, Scenario
from voicecore.dialog.tools.catalogue import TOOLS


def test_every_tool_belongs_to_a_phase_and_every_phase_names_real_tools() -> None:
    named = {tool for scenario in SCENARIOS for tool in scenario.tools} | set(ALWAYS)
    assert named == set(TOOLS)


def test_names_and_prompts_are_unique() -> None:
    assert len(BY_NAME) == len(SCENARIOS)
    assert len({scenario.prompt for scenario in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_table_is_sound(scenario: Scenario) -> None:
    names = [phase.name for phase in scenario.phases]
    assert len(set(names)) == len(names)
    assert scenario.phases[-1].needs == (), "the last phase can always be stayed in"
    assert all(phase.needs for phase in scenario.phases[:-1]), "every other one can be left"
    assert set(scenario.begun_by) <= set(TOOLS)
    assert (Need.DEED in scenario.needs) == bool(scenario.completed_by)
    assert resources.files("voicecore.dialog.prompts").joinpath(scenario.prompt).is_file()


def test_a_scenario_goes_back_when_a_need_is_open_again() -> None:
    book = BY_NAME["book"]
    met = frozenset({Need.SERVICE, Need.CALLER, Need.OFFER, Need.CHOICE})
    assert book.phase(frozenset()).name == "service"
    assert book.phase(met).name == "agree"
    assert book.phase(met - {Need.CHOICE}).name == "choose"
    assert book.phase(met - {Need.OFFER}).name == "times"
    assert book.phase(frozenset(Need)).name == "after"
