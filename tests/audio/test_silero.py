"""The real model, and the pool that lends it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio.sounds import noise, speech
from voicecore.audio.silero import WINDOW_SAMPLES, SileroModel, SileroPool


@pytest.fixture(scope="module")
def model() -> SileroModel:
    """One loaded model."""
    return SileroModel()


def probabilities(model: SileroModel, signal: np.ndarray) -> list[float]:
    """The model's view of each window."""
    windows = signal[: len(signal) // WINDOW_SAMPLES * WINDOW_SAMPLES].astype(np.float32)
    return [model.probability(window) for window in windows.reshape(-1, WINDOW_SAMPLES)]


def test_speech_is_likely_and_noise_is_not(model: SileroModel) -> None:
    model.reset()
    assert np.median(probabilities(model, speech())) > 0.8
    model.reset()
    assert max(probabilities(model, noise(1, -40))) < 0.3


def test_reset_forgets_what_was_heard(model: SileroModel) -> None:
    model.reset()
    first = probabilities(model, speech())
    again = probabilities(model, speech())
    model.reset()
    assert probabilities(model, speech()) == first
    assert again != first


def test_a_pool_lends_each_model_to_one_borrower() -> None:
    pool = SileroPool(1)
    model = pool.take()
    assert model is not None
    assert pool.take() is None
    assert (pool.loaded, pool.shortages) == (1, 1)
    pool.give_back(model)
    assert pool.take() is model


def test_a_pool_can_grow() -> None:
    pool = SileroPool()
    assert pool.take() is None
    pool.load(1)
    assert pool.take() is not None
    assert pool.loaded == 1
