"""A complaint, an emergency, or whatever else only a person should deal with."""

from __future__ import annotations

from voicecore.dialog.scenarios.scenario import Phase, Scenario

HUMAN = Scenario(
    name="human",
    title="Complaint or emergency: a person",
    prompt="human.md",
    begun_by=("transfer_to_human",),
    phases=(
        Phase(
            name="hand over",
            goal="say what has to be said at once, then put the caller through",
            tools=("transfer_to_human",),
        ),
    ),
)
