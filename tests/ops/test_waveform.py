"""The outline shows sound where it sounds, and stays small."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.audio.mulaw import SAMPLE_RATE_HZ, decode, encode
from voicecore.ops.waveform import HALF_HEIGHT, draw_waveforms, find_peaks

SILENT_SECOND = b"\xff" * SAMPLE_RATE_HZ


def tone(seconds: float, amplitude: int = 8000) -> bytes:
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return encode((amplitude * np.sin(2 * np.pi * 440 * at)).astype(np.int16))


def corners(path: str) -> list[tuple[float, float]]:
    """The points of a path, with an SVG reader of its own."""
    x = y = 0.0
    points = []
    for letter, numbers in re.findall(r"([MlhVz])([^MlhVz]*)", path):
        values = [float(value) for value in re.findall(r"-?[\d.]+", numbers)]
        match letter:
            case "M":
                x, y = values
            case "l":
                x, y = x + values[0], y + values[1]
            case "h":
                x += values[0]
            case "V":
                y = values[0]
        points.append((x, y))
    return points


def test_a_tone_shows_in_its_own_second_only() -> None:
    peaks = find_peaks(SILENT_SECOND * 2 + tone(1.0) + SILENT_SECOND, 4.0)

    assert peaks.bin_s == 0.01
    at_s = np.arange(len(peaks.highest)) * peaks.bin_s
    inside = (at_s > 1.995) & (at_s < 2.995)
    assert (peaks.highest[inside] > 7000).all()
    assert (peaks.lowest[inside] < -7000).all()
    assert peaks.loudness[inside] == pytest.approx(8000 / np.sqrt(2), rel=0.1)
    assert not peaks.highest[~inside].any()
    assert not peaks.lowest[~inside].any()


def test_the_path_rises_where_the_tone_sounds() -> None:
    (wave,) = draw_waveforms(find_peaks(SILENT_SECOND * 2 + tone(1.0) + SILENT_SECOND, 4.0))

    high = [x for x, y in corners(wave.peaks) if y < HALF_HEIGHT / 2]
    assert wave.width == 400
    assert 199 <= min(high) <= 201
    assert 299 <= max(high) <= 301


def test_both_tracks_are_drawn_on_one_scale() -> None:
    quiet, loud = draw_waveforms(
        find_peaks(tone(1.0, 4000), 1.0), find_peaks(tone(1.0, 16000), 1.0)
    )

    assert min(y for _, y in corners(loud.peaks)) == 0
    assert 40 < min(y for _, y in corners(quiet.peaks)) < 80


def test_faint_noise_is_not_blown_up_to_look_like_speech() -> None:
    (wave,) = draw_waveforms(find_peaks(tone(1.0, 30), 1.0))

    assert min(y for _, y in corners(wave.peaks)) > 0.9 * HALF_HEIGHT


def test_a_track_that_ends_early_is_silent_from_there_on() -> None:
    peaks = find_peaks(tone(1.0), 3.0)

    assert len(peaks.highest) == 300
    assert not peaks.highest[100:].any()


def test_an_empty_track_is_a_flat_line() -> None:
    (wave,) = draw_waveforms(find_peaks(b"", 1.0))

    assert {y for _, y in corners(wave.peaks)} == {HALF_HEIGHT}
    assert len(wave.peaks) < 60


def test_an_hour_has_no_more_bins_than_the_page_can_carry() -> None:
    assert len(find_peaks(SILENT_SECOND, 3600.0).highest) <= 12_000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=4000), st.floats(0.001, 0.6))
def test_any_track_gives_closed_paths_inside_the_frame(mulaw: bytes, duration_s: float) -> None:
    peaks = find_peaks(mulaw, duration_s)
    (wave,) = draw_waveforms(peaks)

    heard = decode(mulaw)[: round(len(peaks.highest) * peaks.bin_s * SAMPLE_RATE_HZ)]
    assert peaks.full_scale == max(0, *np.abs(heard.astype(int)), 0)
    for path in (wave.peaks, wave.loudness):
        points = corners(path)
        assert points[-1][0] == 0
        assert max(x for x, _ in points) == wave.width
        assert all(0 <= y <= 2 * HALF_HEIGHT for _, y in points)
