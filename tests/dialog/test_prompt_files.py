from __future__ import annotations

from importlib import resources

from voicecore.dialog.prompt_files import (
    prompt,
    prompt_version,
    prompt_versions,
    system_prompt,
)
from voicecore.dialog.scenarios.catalogue import SCENARIOS
from voicecore.dialog.scenarios.scenario import Direction


def test_every_prompt_file_is_used_and_none_is_empty() -> None:
    files = [entry.name for entry in resources.files("voicecore.dialog.prompts").iterdir()]
    texts = system_prompt() + system_prompt(Direction.OUTBOUND)
    for name in files:
        if name.endswith(".md"):
            assert prompt(name)
            by_code = ("context.md", "state.md", "held_back.md", "transfer_failed.md")
            assert prompt(name) in texts or name in by_code


def test_the_version_is_stable_within_a_build() -> None:
    assert prompt_version() == prompt_version()


def test_every_scenario_has_a_prompt_of_its_own_with_a_version_of_its_own() -> None:
    assert set(prompt_versions()) == {scenario.name for scenario in SCENARIOS}
    assert len(set(prompt_versions().values())) == len(SCENARIOS)


def test_a_caller_is_not_told_what_is_for_calls_of_ours() -> None:
    assert "note_reached" not in system_prompt()
    assert "note_reached" in system_prompt(Direction.OUTBOUND)
