"""The position model on its own: underruns, padding, marks, clears."""

from __future__ import annotations

from voicecore.audio.position import PlayPosition


def test_audio_plays_from_the_moment_it_is_sent() -> None:
    position = PlayPosition()
    position.send(1600, 0, 5.0)
    assert position.dry_at_s == 5.2
    assert position.played_bytes(5.0) == 0
    assert position.played_bytes(5.1) == 800
    assert position.played_bytes(9.0) == 1600


def test_the_position_never_goes_back() -> None:
    position = PlayPosition()
    position.send(1600, 0, 5.0)
    assert position.played_bytes(5.1) == 800
    assert position.played_bytes(5.05) == 800
    position.confirm(160, 5.1)
    assert position.played_bytes(5.1) == 800
    assert position.played_bytes(5.19) == 880


def test_a_late_echo_holds_the_estimate_back() -> None:
    position = PlayPosition()
    position.send(1600, 0, 0.0)
    position.confirm(160, 0.1)
    assert position.played_bytes(0.15) == 560


def test_an_early_echo_does_not_push_the_estimate_ahead_of_time() -> None:
    position = PlayPosition()
    position.send(1600, 0, 0.0)
    position.confirm(1600, 0.01)
    assert position.played_bytes(0.01) == 80


def test_an_old_echo_changes_nothing() -> None:
    position = PlayPosition()
    position.send(1600, 0, 0.0)
    position.confirm(800, 0.1)
    position.confirm(160, 0.1)
    assert position.played_bytes(0.15) == 1200


def test_padding_takes_time_but_no_place() -> None:
    position = PlayPosition()
    position.send(80, 80, 0.0)
    position.send(80, 80, 0.0)
    heard = [position.played_bytes(at / 100) for at in range(5)]
    assert heard == [0, 80, 80, 160, 160]
    assert position.sent_bytes == 160
    assert position.dry_at_s == 0.04


def test_after_a_clear_sending_goes_on_from_the_cut() -> None:
    position = PlayPosition()
    position.send(80, 80, 0.0)
    position.send(800, 0, 0.0)
    position.cut(100, 0.0225)
    assert position.sent_bytes == 100
    assert position.played_bytes(0.5) == 100
    position.send(800, 0, 0.5)
    assert position.played_bytes(0.55) == 500
