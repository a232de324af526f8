"""Sounds for the tests: speech, steady noise, clicks; all at stated levels, all from a seed."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from voicecore.audio import mulaw
from voicecore.sandbox.voice import EspeakVoice

Signal = NDArray[np.float64]

_VOICE = EspeakVoice()
SENTENCES = (
    "Yes please.",
    "I'd like to book an oil change.",
    "Stop, wait a second.",
    "My car is a Toyota Camry.",
    "Actually, could we make it later?",
    "How much does it cost?",
)


def level(signal: Signal, db: float) -> Signal:
    """Scale to a mean level in dBov."""
    scaled: Signal = signal * (10 ** (db / 20) / np.sqrt(np.mean(signal**2)))
    return scaled


@cache
def speech(sentence: int = 1, voice: str = "en-us", db: float = -26.0) -> Signal:
    """A sentence, from its first audible sound on."""
    text = SENTENCES[sentence % len(SENTENCES)]
    signal = mulaw.decode(_VOICE.synthesize(text, voice=voice).audio) / 32768
    hops = signal[: len(signal) // 80 * 80].reshape(-1, 80)
    loud = np.mean(hops**2, axis=1) > 1e-5
    return level(signal[int(np.argmax(loud)) * 80 :], db)


def noise(seconds: float, db: float, seed: int = 1) -> Signal:
    """White noise."""
    return level(np.random.default_rng(seed).standard_normal(int(seconds * 8000)), db)


def clicks(seconds: float, seed: int = 1) -> Signal:
    """Short loud bursts that die away, over a quiet line."""
    rng = np.random.default_rng(seed)
    signal = noise(seconds, -62, seed)
    at = 2000
    while at < len(signal) - 600:
        size = int(rng.integers(40, 500))
        burst = rng.standard_normal(size) * np.exp(-np.arange(size) / (size / 5))
        signal[at : at + size] += burst * 10 ** (rng.uniform(-30, -6) / 20)
        at += int(rng.integers(800, 4000))
    return signal


def mixed(bed: Signal, *placed: tuple[float, Signal]) -> Signal:
    """Lay signals over a bed, each from a time in seconds on."""
    whole = bed.copy()
    for at_s, signal in placed:
        start = int(at_s * 8000)
        whole[start : start + len(signal)] += signal[: len(whole) - start]
    return whole


def frames(signal: Signal) -> list[bytes]:
    """Cut into 20 ms of µ-law."""
    codes = mulaw.encode(np.clip(signal * 32768, -32768, 32767).astype(np.int16))
    return [codes[at : at + 160] for at in range(0, len(codes) - 159, 160)]
