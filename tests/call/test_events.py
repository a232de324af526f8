"""Everything that can happen to a call is a value."""

from __future__ import annotations

import dataclasses

import pytest

from voicecore.call import events


@pytest.mark.parametrize("kind", events.Event.__args__)
def test_an_event_is_frozen_and_carries_its_moment(kind):
    assert kind.__dataclass_params__.frozen
    assert dataclasses.fields(kind)[0].name == "at"
    assert "__dict__" not in dir(kind)


def test_names_of_timers_and_causes_are_what_the_log_shows():
    assert [timer.value for timer in events.Timer] == [timer.name.lower() for timer in events.Timer]
    assert str(events.HangupCause.SOCKET_LOST) == "socket_lost"
