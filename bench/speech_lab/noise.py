"""What is on a line besides the caller: steady noise, talkers in the background, clicks, hum.

Every sound is a pure function of its length, level and seed. A level is the mean over the whole,
except for clicks: theirs is the level of a click while it sounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from bench.speech_lab.corpus import Corpus
from bench.speech_lab.sound import Signal, at_mean_level, from_wire, lay, telephone_band

RATE_HZ = 8000
TALKERS = 6
LINE_NOISE_DB = -66.0
"""What a good line has when nobody speaks."""


def white(samples: int, db: float, seed: int) -> Signal:
    """Equal power at all frequencies of the telephone band."""
    return at_mean_level(telephone_band(_normal(samples, seed)), db)


def pink(samples: int, db: float, seed: int) -> Signal:
    """3 dB less for each octave up: a car, a street."""
    spectrum = np.fft.rfft(_normal(samples, seed))
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    spectrum /= np.sqrt(np.maximum(hz, 50.0))
    return at_mean_level(telephone_band(np.fft.irfft(spectrum, samples)), db)


def babble(samples: int, db: float, seed: int, corpus: Corpus) -> Signal:
    """Six people who talk at once somewhere behind the caller."""
    rng = np.random.default_rng(seed)
    mix = np.zeros(samples)
    for _ in range(TALKERS):
        at = -int(rng.integers(0, 16000))
        while at < samples:
            spoken = from_wire(corpus.any_speech(rng).audio)
            if at >= 0:
                lay(mix, spoken, at)
            elif at + len(spoken) > 0:
                lay(mix, spoken[-at:], 0)
            at += len(spoken) + int(rng.integers(0, 4000))
    return at_mean_level(telephone_band(mix), db)


def clicks(samples: int, db: float, seed: int) -> Signal:
    """Keys, knocks and handling: one to eight bursts a second, 2 to 60 ms long, ringing."""
    rng = np.random.default_rng(seed)
    signal = at_mean_level(_normal(samples, seed + 1), LINE_NOISE_DB)
    at = int(rng.integers(0, 4000))
    while at < samples:
        size = int(rng.integers(16, 480))
        time_s = np.arange(size) / RATE_HZ
        ring = np.cos(2 * np.pi * rng.uniform(300, 3000) * time_s + rng.uniform(0, 6.3))
        burst = (0.5 * rng.standard_normal(size) + ring) * np.exp(-np.arange(size) / (size / 5))
        peak_db = db + rng.uniform(0, 15)
        lay(signal, burst / np.sqrt(np.mean(burst**2)) * 10 ** (peak_db / 20), at)
        at += size + int(rng.integers(1000, 8000))
    return signal


def hum(samples: int, db: float, seed: int) -> Signal:
    """Mains hum with its harmonics, as much of it as a telephone carries."""
    rng = np.random.default_rng(seed)
    base_hz = float(rng.choice((50.0, 60.0)))
    time_s = np.arange(samples) / RATE_HZ
    signal = np.zeros(samples)
    for harmonic in range(1, 20):
        phase = rng.uniform(0, 2 * np.pi)
        signal += np.sin(2 * np.pi * base_hz * harmonic * time_s + phase) / harmonic
    return at_mean_level(signal, db) + at_mean_level(_normal(samples, seed), LINE_NOISE_DB)


Steady = Callable[[int, float, int], Signal]

STEADY: Mapping[str, Steady] = MappingProxyType(
    {"white": white, "pink": pink, "clicks": clicks, "hum": hum}
)
"""Noises that need no voices; babble takes a corpus."""

KINDS: Sequence[str] = ("white", "pink", "babble", "clicks", "hum")


def noise(kind: str, samples: int, db: float, seed: int, corpus: Corpus) -> Signal:
    """Return noise of one of `KINDS`."""
    if kind == "babble":
        return babble(samples, db, seed, corpus)
    return STEADY[kind](samples, db, seed)


def _normal(samples: int, seed: int) -> Signal:
    signal: Signal = np.random.default_rng(seed).standard_normal(samples)
    return signal
