"""Levels, mixing and the wire: the arithmetic of the speech laboratory.

A signal is an array of float64 at 8 kHz, full scale 1.0. Levels are dBov. The onset of a speech is
where its first 10 ms hop begins that comes within `ONSET_BELOW_DB` of the speech's level, which is
the mean over the hops that sound at all. It is taken from the clean signal, before any noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecore.audio import mulaw

Signal = NDArray[np.float64]

SPEECH_DB = -26.0
"""Level of a caller on the line, over the parts that sound."""
ONSET_BELOW_DB = 25.0
"""A hop this far below the speech's level already counts as its beginning."""

_FULL_SCALE = 32768.0
_HOP = 80
_SILENT_DB = -120.0
_SOUNDING_BELOW_DB = 30.0


def hop_levels_db(signal: Signal) -> NDArray[np.float64]:
    """Return the level of every whole 10 ms."""
    hops = signal[: len(signal) // _HOP * _HOP].reshape(-1, _HOP)
    energy = np.mean(hops**2, axis=1)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(energy, 10 ** (_SILENT_DB / 10)))
    return levels


def active_level_db(signal: Signal) -> float:
    """Return the mean level over the hops that lie within 30 dB of the loudest."""
    levels = hop_levels_db(signal)
    sounding = levels[levels > levels.max() - _SOUNDING_BELOW_DB]
    return float(10 * np.log10(np.mean(10 ** (sounding / 10))))


def mean_level_db(signal: Signal) -> float:
    """Return the level over everything."""
    return float(10 * np.log10(np.mean(signal**2) + 10 ** (_SILENT_DB / 10)))


def at_active_level(signal: Signal, db: float) -> Signal:
    """Scale speech so that what sounds of it has this level."""
    return gain(signal, db - active_level_db(signal))


def at_mean_level(signal: Signal, db: float) -> Signal:
    """Scale noise to this level."""
    return gain(signal, db - mean_level_db(signal))


def gain(signal: Signal, db: float) -> Signal:
    """Scale by so many dB."""
    scaled: Signal = signal * 10 ** (db / 20)
    return scaled


def onset_sample(clean: Signal) -> int:
    """Return the sample at which a clean speech begins."""
    levels = hop_levels_db(clean)
    return int(np.argmax(levels > active_level_db(clean) - ONSET_BELOW_DB)) * _HOP


def end_sample(clean: Signal) -> int:
    """Return the sample at which a clean speech has ended."""
    loud = np.flatnonzero(hop_levels_db(clean) > active_level_db(clean) - ONSET_BELOW_DB)
    return (int(loud[-1]) + 1) * _HOP


def telephone_band(signal: Signal) -> Signal:
    """Keep 300 to 3400 Hz, with soft edges and no delay."""
    spectrum = np.fft.rfft(signal)
    hz = np.fft.rfftfreq(len(signal), 1 / mulaw.SAMPLE_RATE_HZ)
    low = np.clip((hz - 200) / 100, 0, 1)
    high = np.clip((3700 - hz) / 300, 0, 1)
    kept: Signal = np.fft.irfft(spectrum * low * high, len(signal))
    return kept


def lay(bed: Signal, signal: Signal, at_sample: int) -> None:
    """Add a signal to the bed in place; what lies outside is cut off."""
    end = min(len(bed), at_sample + len(signal))
    if at_sample < end:
        bed[at_sample:end] += signal[: end - at_sample]


def from_wire(audio: bytes) -> Signal:
    """Return µ-law as a signal."""
    return mulaw.decode(audio) / _FULL_SCALE


def to_wire(signal: Signal) -> bytes:
    """Return the signal as µ-law."""
    whole = np.clip(np.rint(signal * _FULL_SCALE), -32768, 32767).astype(np.int16)
    return mulaw.encode(whole)
