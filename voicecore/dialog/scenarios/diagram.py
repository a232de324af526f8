"""Draws the scenarios from their tables: `python -m voicecore.dialog.scenarios.diagram`.

`docs/dialog.md` keeps the drawing between two marks; a test fails when it differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from voicecore.dialog.scenarios.catalogue import ALWAYS, SCENARIOS
from voicecore.dialog.scenarios.scenario import Need, Phase, Scenario

PAGE = Path(__file__).resolve().parents[3] / "docs" / "dialog.md"
_BEGIN, _END = "<!-- scenarios: begin -->\n", "<!-- scenarios: end -->\n"
_BACK = "other times are wanted, or the time was taken"


def page_with_diagrams(page: str) -> str:
    """Return the page with everything between its two marks drawn anew."""
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}{scenario_sections()}{_END}{after}"


def scenario_sections() -> str:
    """Return a section for each scenario: its diagram and its table."""
    always = ", ".join(f"`{tool}`" for tool in ALWAYS)
    sections = "\n".join(_section(scenario) for scenario in SCENARIOS)
    return f"In every phase of every scenario: {always}.\n\n{sections}"


def state_diagram(scenario: Scenario) -> str:
    """Return the scenario as a mermaid state diagram."""
    return "\n".join(("stateDiagram-v2", *(f"    {line}" for line in _lines(scenario))))


def _section(scenario: Scenario) -> str:
    rows = "\n".join(_row(phase) for phase in scenario.phases)
    directions = " and ".join(direction.value for direction in scenario.directions)
    begun = ", ".join(f"`{tool}`" for tool in scenario.begun_by) or "`note_wish` only"
    ended = ", ".join(deed.value for deed in scenario.completed_by) or "an answer"
    return (
        f"### {scenario.title}\n\n"
        f"`{scenario.name}`, {directions}; prompt `{scenario.prompt}`; begun by {begun} or "
        f"`note_wish`; completed by: {ended}.\n\n"
        f"```mermaid\n{state_diagram(scenario)}\n```\n\n"
        "| phase | goal | over when there is | tools |\n|---|---|---|---|\n"
        f"{rows}\n"
    ).replace("begun by `note_wish` only or `note_wish`", "begun by `note_wish`")


def _row(phase: Phase) -> str:
    needs = ", ".join(need.value for need in phase.needs) or "–"
    tools = ", ".join(f"`{tool}`" for tool in phase.tools)
    alone = " (no other scenario's tools)" if phase.alone else ""
    return f"| {phase.name} | {phase.goal} | {needs} | {tools}{alone} |"


def _lines(scenario: Scenario) -> Iterator[str]:
    names = [phase.name.replace(" ", "_") for phase in scenario.phases]
    yield f"[*] --> {names[0]}"
    for phase, name, following in zip(scenario.phases, names, names[1:], strict=False):
        yield f"{name} --> {following} : {_label(phase, scenario)}"
    if Need.OFFER in scenario.needs:
        chosen = next(at for at, phase in enumerate(scenario.phases) if Need.CHOICE in phase.needs)
        yield f"{names[chosen + 1]} --> {names[chosen]} : {_BACK}"
    yield f"{names[-1]} --> [*]"


def _label(phase: Phase, scenario: Scenario) -> str:
    deeds = " or ".join(deed.value for deed in scenario.completed_by)
    return ", ".join(deeds if need is Need.DEED else need.value for need in phase.needs)


if __name__ == "__main__":
    PAGE.write_text(page_with_diagrams(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
