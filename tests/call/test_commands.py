"""Everything a call can ask for is a value."""

from __future__ import annotations

import pytest

from voicecore.call import commands


@pytest.mark.parametrize("kind", commands.Command.__args__)
def test_a_command_is_frozen(kind):
    assert kind.__dataclass_params__.frozen


def test_a_note_without_facts_has_none():
    assert commands.Note("barge_in").facts == {}
