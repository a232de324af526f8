"""The floor against a plain percentile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicecore.audio.noise_floor import (
    CEILING_FRAMES,
    CEILING_LEAST_FRAMES,
    CEILING_SHARE,
    HIGHEST_DB,
    LOWEST_DB,
    UNKNOWN_DB,
    WINDOW_FRAMES,
    NoiseCeiling,
    NoiseFloor,
)


@given(st.lists(st.floats(-90, 0), min_size=1, max_size=400))
def test_the_ceiling_is_the_ninetieth_percentile_of_a_longer_past(levels: list[float]) -> None:
    ceiling = NoiseCeiling()
    assert ceiling.level_db == LOWEST_DB
    for frame_db in levels:
        ceiling.add(frame_db)
    window = sorted(levels[-CEILING_FRAMES:])
    is_known = len(window) >= CEILING_LEAST_FRAMES
    expected = window[int(len(window) * CEILING_SHARE)] if is_known else LOWEST_DB
    assert ceiling.level_db == expected


@given(st.lists(st.floats(-90, 0), min_size=1, max_size=200))
def test_it_is_the_tenth_percentile_of_the_last_frames(levels: list[float]) -> None:
    floor = NoiseFloor()
    for frame_db in levels:
        floor.add(frame_db)
    window = sorted(levels[-WINDOW_FRAMES:])
    low = window[len(window) // 10]
    assert floor.level_db == min(max(low, LOWEST_DB), HIGHEST_DB)
    assert floor.spread_db == window[len(window) // 2] - low


def test_before_the_first_frame_a_quiet_line_is_assumed() -> None:
    assert NoiseFloor().level_db == UNKNOWN_DB
