"""What the model may know is a list of values."""

from __future__ import annotations

from voicecore.call.history import AgentSaid, CallerSaid, ToolUsed


def test_items_compare_by_what_they_say():
    assert CallerSaid(1, "yes") == CallerSaid(1, "yes")
    assert AgentSaid(1, "Sure.", True) != AgentSaid(1, "Sure.", False)
    assert hash(ToolUsed(1, "c", "look", "{}", "{}", True))
