from __future__ import annotations

from importlib import resources

from voicecore.dialog.prompt_files import prompt, prompt_version, system_prompt
from voicecore.dialog.scenarios import SCENARIOS
from voicecore.dialog.tools.catalogue import TOOLS


def test_every_prompt_file_is_used_and_none_is_empty() -> None:
    files = [entry.name for entry in resources.files("voicecore.dialog.prompts").iterdir()]
    texts = system_prompt()
    for name in files:
        if name.endswith(".md"):
            assert prompt(name)
            assert prompt(name) in texts or name in ("context.md", "state.md", "held_back.md")


def test_the_version_is_stable_within_a_build() -> None:
    assert prompt_version() == prompt_version()


def test_scenarios_name_real_tools_and_prompts() -> None:
    for scenario in SCENARIOS:
        assert set(scenario.tools) <= set(TOOLS)
        assert prompt(scenario.prompt) in system_prompt()


def test_every_tool_belongs_to_a_scenario() -> None:
    assert {tool for scenario in SCENARIOS for tool in scenario.tools} == set(TOOLS)
