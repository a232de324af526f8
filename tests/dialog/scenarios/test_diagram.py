from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voicecore.dialog.scenarios.catalogue import BY_NAME, SCENARIOS
from voicecore.dialog.scenarios.diagram import (
    PAGE,
    page_with_diagrams,
    scenario_sections,
    state_diagram,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "scenarios" / "details_new_email.yaml"


def test_the_page_shows_the_tables_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_diagrams(page), (
        "run .venv/bin/python -m voicecore.dialog.scenarios.diagram"
    )


def test_every_scenario_has_its_diagram_and_every_phase_its_row() -> None:
    text = scenario_sections()
    assert text.count("stateDiagram-v2") == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert scenario.title in text
        for phase in scenario.phases:
            assert f"| {phase.name} | {phase.goal} |" in text


def test_a_diagram_follows_its_table() -> None:
    book = BY_NAME["book"]
    drawn = state_diagram(book)
    assert "choose --> agree : choice" in drawn
    assert "agree --> choose : other times" in drawn
    shorter = replace(book, phases=(*book.phases[:2], *book.phases[3:]))
    assert "caller --> choose : caller" in state_diagram(shorter)
    assert state_diagram(BY_NAME["human"]).splitlines()[1:] == [
        "    [*] --> hand_over",
        "    hand_over --> [*]",
    ]


def test_the_worked_example_is_the_real_file() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"```yaml\n{EXAMPLE.read_text(encoding='utf-8')}```" in page
