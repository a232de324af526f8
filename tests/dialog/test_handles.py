from __future__ import annotations

from voicecore.dialog.handles import Handles


def test_the_same_key_keeps_its_handle_and_gets_the_newer_value() -> None:
    handles: Handles[str] = Handles("slot")
    assert handles.put("a", "old") == "slot_1"
    assert handles.put("b", "x") == "slot_2"
    assert handles.put("a", "new") == "slot_1"
    assert handles.get("slot_1") == "new"
    assert handles.items() == [("slot_1", "new"), ("slot_2", "x")]


def test_made_up_handles_mean_nothing() -> None:
    handles: Handles[str] = Handles("slot")
    handles.replace("slot_1", "x")
    assert handles.get("slot_1") is None


def test_a_cleared_handle_is_not_given_to_something_else() -> None:
    handles: Handles[str] = Handles("slot")
    handles.put("a", "x")
    handles.clear()
    assert handles.get("slot_1") is None
    assert handles.put("b", "y") == "slot_2"


def test_a_handle_can_stand_for_a_newer_value() -> None:
    handles: Handles[str] = Handles("slot")
    handles.replace(handles.put("a", "x"), "y")
    assert handles.get("slot_1") == "y"
