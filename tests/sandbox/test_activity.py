"""Sound and quiet on a µ-law track, exact to the sample."""

from __future__ import annotations

import numpy as np
import pytest

from voicecore.audio.mulaw import encode
from voicecore.sandbox.activity import Sound, has_sound, sound_edges, sounds

QUIET = b"\xff"
LOUD = b"\x10"


def of_amplitude(*samples: int) -> bytes:
    return encode(np.array(samples, dtype=np.int16))


@pytest.mark.parametrize(
    ("audio", "edges"),
    [
        (b"", None),
        (QUIET * 160, None),
        (b"\x7f" * 160, None),
        (of_amplitude(200, -200), None),
        (of_amplitude(0, 300, 0), (1, 2)),
        (of_amplitude(0, 0, -300), (2, 3)),
        (QUIET * 10 + LOUD + QUIET * 5 + LOUD + QUIET, (10, 17)),
    ],
)
def test_sound_is_what_reaches_the_amplitude(audio: bytes, edges: tuple[int, int] | None) -> None:
    assert sound_edges(audio) == edges
    assert has_sound(audio) == (edges is not None)


def test_short_quiet_belongs_to_a_stretch_and_long_quiet_ends_it() -> None:
    track = QUIET * 800 + LOUD * 80 + QUIET * 1600 + LOUD * 80 + QUIET * 1601 + LOUD * 8 + QUIET
    assert sounds(track, merge_gap_ms=200) == [
        Sound(0.1, (800 + 80 + 1600 + 80) / 8000),
        Sound((800 + 80 + 1600 + 80 + 1601) / 8000, (800 + 80 + 1600 + 80 + 1601 + 8) / 8000),
    ]
    assert sounds(track)[1].length_ms == pytest.approx(1)


def test_a_quiet_track_has_no_stretches() -> None:
    assert sounds(b"") == sounds(QUIET * 8000) == []
