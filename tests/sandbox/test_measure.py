"""The figures of a call on tracks drawn by hand."""

from __future__ import annotations

import pytest

from voicecore.sandbox.activity import Sound
from voicecore.sandbox.call_record import Manner, Utterance
from voicecore.sandbox.measure import (
    onset_to_clear_ms,
    onset_to_silence,
    quiet_spells,
    stale_after_clear_ms,
    talk_over_ms,
    underruns,
    voice_to_voice_ms,
)
from voicecore.sandbox.twilio_buffer import Gap, GapCause


def track(*pieces: tuple[float, float], length_s: float = 6.0) -> bytes:
    """Return a track with sound in the given stretches."""
    audio = bytearray(b"\xff" * round(length_s * 8000))
    for start_s, end_s in pieces:
        first, end = round(start_s * 8000), round(end_s * 8000)
        audio[first:end] = b"\x10" * (end - first)
    return bytes(audio)


def utterance(onset_s: float, end_s: float) -> Utterance:
    return Utterance(text="hello", manner=Manner.SAY, start_s=onset_s, onset_s=onset_s, end_s=end_s)


@pytest.mark.parametrize(
    ("heard", "until_s", "expected"),
    [
        (track((2.5, 3.0)), None, 500),
        (track((0.5, 1.2), (2.125, 3.0)), None, 125),
        (track((0.5, 2.2)), None, None),
        (track((2.0, 2.5)), None, 0),
        (track((4.0, 4.5)), 3.5, None),
        (track(), None, None),
    ],
)
def test_voice_to_voice_runs_from_the_callers_last_sound_to_the_next_start_of_the_agent(
    heard: bytes, until_s: float | None, expected: float | None
) -> None:
    measured = voice_to_voice_ms(heard, utterance(1.0, 2.0), until_s=until_s)
    assert measured == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("clears_s", "expected"),
    [([0.5, 1.08, 1.5], 80), ([0.9], None), ([], None), ([4.0], None), ([1.0], 0)],
)
def test_onset_to_clear_takes_the_first_clear_after_the_onset(
    clears_s: list[float], expected: float | None
) -> None:
    measured = onset_to_clear_ms(utterance(1.0, 2.0), clears_s)
    assert measured == (None if expected is None else pytest.approx(expected))


def test_the_agent_falls_silent_where_the_sound_at_the_onset_ends() -> None:
    tail = onset_to_silence(track((0.2, 0.6), (0.8, 1.1), (2.0, 3.0)), utterance(1.0, 2.0))
    assert tail is not None
    assert (tail.silent_at_s, tail.after_onset_ms) == (1.1, pytest.approx(100))
    assert onset_to_silence(track((1.5, 2.0)), utterance(1.0, 2.0)) is None


def test_sound_right_after_a_clear_is_stale() -> None:
    assert stale_after_clear_ms(track((0.5, 1.0)), 1.0) == 0
    assert stale_after_clear_ms(track((0.5, 1.0), (1.05, 1.08)), 1.0) == pytest.approx(80)
    assert stale_after_clear_ms(track((0.5, 1.0), (1.5, 2.0)), 1.0) == 0


def test_underruns_are_short_and_not_the_work_of_a_clear() -> None:
    gaps = [
        Gap(start_s=1.0, end_s=1.04, cause=GapCause.DRAINED),
        Gap(start_s=2.0, end_s=3.0, cause=GapCause.DRAINED),
        Gap(start_s=4.0, end_s=4.1, cause=GapCause.CLEARED),
    ]
    assert underruns(gaps) == gaps[:1]


def test_both_speaking_at_once_is_summed() -> None:
    said, heard = track((1.0, 2.0), (4.0, 4.5)), track((1.5, 3.0), (4.1, 4.2))
    assert talk_over_ms(said, heard) == pytest.approx(600)


def test_quiet_spells_lie_between_the_two_speakers() -> None:
    said, heard = track((1.0, 2.0)), track((0.5, 1.2), (3.0, 4.0))
    assert quiet_spells(said, heard, longer_than_ms=500) == [Sound(2.0, 3.0)]
    assert quiet_spells(said, heard, longer_than_ms=1500) == []
    assert quiet_spells(track(), track(), longer_than_ms=0) == []
