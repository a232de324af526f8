"""The agent's voice on its way back: later, weaker, band-limited, smeared by a room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.speech_lab.sound import Signal, telephone_band
from voicecore.audio.mulaw import BYTES_PER_MS

_TAIL_SAMPLES = 400
_DECAY_SAMPLES = 80.0


@dataclass(frozen=True, slots=True)
class EchoPath:
    """One line: `erl_db` is how much weaker the echo is than what was played."""

    delay_ms: float
    erl_db: float
    seed: int

    @property
    def delay_samples(self) -> int:
        """The delay in samples."""
        return round(self.delay_ms * BYTES_PER_MS)

    def response(self) -> Signal:
        """Return the impulse response behind the delay, with the energy of `erl_db`.

        A direct reflection, and 50 ms of a room that dies away.
        """
        rng = np.random.default_rng(self.seed)
        response = rng.standard_normal(_TAIL_SAMPLES)
        response *= 0.25 * np.exp(-np.arange(_TAIL_SAMPLES) / _DECAY_SAMPLES)
        response[0] = 1.0
        response = telephone_band(np.concatenate([response, np.zeros(_TAIL_SAMPLES)]))
        scaled: Signal = response[:_TAIL_SAMPLES]
        scaled *= 10 ** (-self.erl_db / 20) / np.sqrt(np.sum(scaled**2))
        return scaled
