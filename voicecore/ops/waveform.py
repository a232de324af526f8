"""The outline of a track, small enough to stand in a page: peaks and loudness as SVG paths."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecore.audio.mulaw import SAMPLE_RATE_HZ, SILENCE_BYTE, decode

HALF_HEIGHT = 100
"""A path's y runs from 0 (loudest, up) over 100 (silence) to 200 (loudest, down)."""

_BIN_MS = 10
"""Shorter than any sound that a reader wants to tell from its neighbour."""
_MOST_BINS = 12_000
"""Longer calls get coarser bins, so that the page stays small."""
_COMPRESSION = 0.6
"""Speech has rare high peaks: drawn in proportion, most of it would be a thin line."""
_QUIETEST_FULL_SCALE = 3_277
"""Linear samples; a track below -20 dBFS is not blown up until its noise looks like speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Extremes and loudness of each bin of `bin_s` seconds, in linear 16-bit samples."""

    bin_s: float
    lowest: NDArray[np.int16]
    highest: NDArray[np.int16]
    loudness: NDArray[np.float64]

    @property
    def full_scale(self) -> int:
        """The size of the largest sample."""
        if not self.highest.size:
            return 0
        return max(int(self.highest.max()), -int(self.lowest.min()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """Two closed SVG paths on `width` x 200 units: one unit of x is one bin."""

    width: int
    peaks: str
    loudness: str


def find_peaks(mulaw: bytes, duration_s: float) -> Peaks:
    """Measure `mulaw` (8 kHz) over `duration_s`; what the track lacks is silence."""
    total = max(1, round(duration_s * SAMPLE_RATE_HZ))
    size = max(_BIN_MS * SAMPLE_RATE_HZ // 1000, -(-total // _MOST_BINS))
    bins = -(-total // size)
    kept = mulaw[: bins * size]
    filled = kept + bytes((SILENCE_BYTE,)) * (bins * size - len(kept))
    samples = decode(filled).reshape(bins, size)
    energy = np.einsum("ij,ij->i", samples, samples, dtype=np.float64)
    return Peaks(
        bin_s=size / SAMPLE_RATE_HZ,
        lowest=samples.min(axis=1),
        highest=samples.max(axis=1),
        loudness=np.sqrt(energy / size),
    )


def draw_waveforms(*tracks: Peaks) -> tuple[Waveform, ...]:
    """Draw the tracks on one scale, so that the louder side looks louder."""
    full_scale = max(_QUIETEST_FULL_SCALE, *(peaks.full_scale for peaks in tracks))
    return tuple(_draw(peaks, full_scale) for peaks in tracks)


def _draw(peaks: Peaks, full_scale: int) -> Waveform:
    loudness = _height(peaks.loudness, full_scale)
    return Waveform(
        width=len(peaks.highest),
        peaks=_outline(_height(peaks.highest, full_scale), _height(peaks.lowest, full_scale)),
        loudness=_outline(loudness, -loudness),
    )


def _height(level: NDArray[np.int16] | NDArray[np.float64], full_scale: int) -> NDArray[np.float64]:
    """Height over the middle line, negative below it."""
    share = level.astype(np.float64) / full_scale
    height: NDArray[np.float64] = np.sign(share) * np.abs(share) ** _COMPRESSION * HALF_HEIGHT
    return height


def _outline(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> str:
    """Go along the top to the right and back along the bottom, through the middle of each bin."""
    top = _heights(upper)
    bottom = _heights(lower)
    forth = _relative_steps(top, 1)
    back = _relative_steps(bottom[::-1], -1)
    return f"M0 {top[0]}h.5{forth}h.5V{bottom[-1]}h-.5{back}h-.5z"


def _heights(levels: NDArray[np.float64]) -> list[int]:
    heights: list[int] = np.rint(HALF_HEIGHT - levels).astype(int).tolist()
    return heights


def _relative_steps(heights: list[int], direction: int) -> str:
    """Join the heights by relative lines; a level run is one step."""
    steps: list[str] = []
    level = 0
    for before, after in itertools.pairwise(heights):
        if before == after:
            level += direction
            continue
        if level:
            steps.append(f"h{level}")
            level = 0
        steps.append(f"l{direction} {after - before}")
    if level:
        steps.append(f"h{level}")
    return "".join(steps)
