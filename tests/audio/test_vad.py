"""Voice edges: who starts one, who does not, and that none stays open for ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.audio.sounds import Signal, clicks, frames, mixed, noise, speech
from voicecore.audio.silero import WINDOW_SAMPLES, SileroPool, SpeechModel
from voicecore.audio.vad import (
    MAX_RUN_MS,
    VoiceDetector,
    VoiceEdge,
    VoicePolicy,
    VoiceStarted,
    VoiceStopped,
)

SILENCE = b"\xff" * 160


@pytest.fixture(scope="module")
def pool() -> SileroPool:
    """Two real models."""
    return SileroPool(2)


class ScriptedModel:
    """Says what it is told; keeps what it was shown since the last reset."""

    def __init__(self, says: float) -> None:
        self.says = says
        self.heard: list[NDArray[np.float32]] = []
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1
        self.heard.clear()

    def probability(self, window: NDArray[np.float32]) -> float:
        assert window.shape == (WINDOW_SAMPLES,)
        self.heard.append(window.copy())
        return self.says


class OneModel:
    """Lends one model, or none."""

    def __init__(self, model: SpeechModel | None) -> None:
        self.model = model
        self.lent = 0

    def take(self) -> SpeechModel | None:
        self.lent += self.model is not None
        return self.model

    def give_back(self, model: SpeechModel) -> None:
        assert model is self.model
        self.lent -= 1


def edges(detector: VoiceDetector, signal: Signal) -> list[VoiceEdge]:
    found = (detector.frame(f, 20.0 * (n + 1)) for n, f in enumerate(frames(signal)))
    return [edge for edge in found if edge is not None]


def starts(found: list[VoiceEdge]) -> list[VoiceStarted]:
    return [edge for edge in found if isinstance(edge, VoiceStarted)]


@pytest.mark.parametrize("noise_db, within_ms", [(-60, 180), (-46, 200), (-36, 260)])
def test_speech_is_found_in_noise(pool: SileroPool, noise_db: float, within_ms: float) -> None:
    for sentence in range(6):
        signal = mixed(noise(4.5, noise_db, sentence), (2.003, speech(sentence)))
        [first, *_] = starts(edges(VoiceDetector(pool), signal))
        assert -40 < first.decided_ms - 2003 < within_ms
        assert first.onset_ms <= first.decided_ms - 40


@pytest.mark.parametrize("noise_db", [-70, -46, -36])
def test_steady_noise_starts_no_voice(pool: SileroPool, noise_db: float) -> None:
    assert edges(VoiceDetector(pool), noise(20, noise_db)) == []
    assert edges(VoiceDetector(), noise(20, noise_db)) == []


def test_other_people_in_the_background_start_no_voice_once_they_are_known(
    pool: SileroPool,
) -> None:
    behind = mixed(
        noise(24, -62),
        *[(0.37 * n, speech(n, ("en-us+m3", "en-us+f2", "en-gb")[n % 3], -46)) for n in range(60)],
    )
    found = starts(edges(VoiceDetector(pool), mixed(behind, (20.0, speech(2)))))
    assert not [edge for edge in found if 4000 < edge.decided_ms < 20_000]
    assert [edge for edge in found if 20_000 < edge.decided_ms < 20_300]


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-gb"])
def test_speech_is_found_out_of_digital_silence(pool: SileroPool, voice: str) -> None:
    for sentence in range(6):
        words = frames(speech(sentence, voice, -24))
        detector = VoiceDetector(pool)
        whole = [SILENCE] * 20 + words + [SILENCE] * 100 + words
        found = [detector.frame(frame, 20.0 * (n + 1)) for n, frame in enumerate(whole)]
        detector.stop()
        began = [edge.decided_ms for edge in found if isinstance(edge, VoiceStarted)]
        again_ms = 20.0 * (120 + len(words))
        assert 400 < began[0] < 1000
        assert any(again_ms < at < again_ms + 180 for at in began)


def test_what_may_be_an_echo_does_not_count_as_noise() -> None:
    models = OneModel(ScriptedModel(1.0))
    detector = VoiceDetector(models, echo=Echo(-31))
    loud_echo = np.concatenate([noise(0.2, -62 + 28 * (n % 2), n) for n in range(40)])
    assert edges(detector, loud_echo) == []
    detector = VoiceDetector(models, echo=Echo(-90))
    assert starts(edges(detector, mixed(noise(3, -60), (2.0, noise(0.5, -36)))))


def test_clicks_start_no_voice_because_the_model_turns_them_away(pool: SileroPool) -> None:
    assert edges(VoiceDetector(pool), clicks(20)) == []
    assert edges(VoiceDetector(), clicks(20)) != []


def test_speech_is_found_without_a_model() -> None:
    signal = mixed(noise(4.5, -50), (2.0, speech()))
    [first, *_] = starts(edges(VoiceDetector(), signal))
    assert 40 <= first.decided_ms - 2000 < 200


def test_every_start_has_its_stop_after_the_hangover(pool: SileroPool) -> None:
    detector = VoiceDetector(pool)
    found = edges(detector, mixed(noise(5, -50), (1.0, speech())))
    assert [type(edge) for edge in found] == [VoiceStarted, VoiceStopped] * (len(found) // 2)
    assert not detector.is_voiced
    stopped = found[-1]
    assert isinstance(stopped, VoiceStopped)
    end_ms = 1000 + len(speech()) / 8
    assert end_ms - 400 < stopped.end_ms < end_ms + 60
    started = found[-2]
    assert isinstance(started, VoiceStarted)
    assert stopped.run_ms == stopped.end_ms - started.onset_ms


def test_a_longer_hangover_keeps_a_sentence_in_one_piece(pool: SileroPool) -> None:
    policy = VoicePolicy(hangover_ms=700)
    signal = mixed(noise(6, -50), (1.0, speech(2)))
    assert len(edges(VoiceDetector(pool, policy), signal)) == 2


def test_the_noise_floor_follows_the_line() -> None:
    detector = VoiceDetector()
    edges(detector, noise(3, -40))
    assert detector.floor_db == pytest.approx(-41, abs=1.5)
    assert detector.level_db == pytest.approx(-40, abs=2)


def test_digital_silence_says_nothing_about_the_noise() -> None:
    detector = VoiceDetector()
    edges(detector, noise(3, -40))
    floor_db = detector.floor_db
    for number in range(100):
        assert detector.frame(SILENCE, 20.0 * number) is None
    assert detector.floor_db == floor_db
    assert detector.level_db == -90.0


def test_the_model_is_borrowed_only_while_something_is_loud() -> None:
    models = OneModel(ScriptedModel(0.0))
    detector = VoiceDetector(models)
    bed = noise(2, -60)
    edges(detector, bed)
    assert models.lent == 0
    edges(detector, noise(0.06, -20))
    assert models.lent == 1
    edges(detector, noise(0.18, -60))
    assert models.lent == 1
    edges(detector, noise(0.04, -60))
    assert models.lent == 0


def test_the_model_hears_what_was_before_the_gate_opened() -> None:
    model = ScriptedModel(0.0)
    detector = VoiceDetector(OneModel(model))
    edges(detector, noise(3, -60))
    [loud] = frames(noise(0.02, -20))
    detector.frame(loud, 0.0)
    assert model.resets == 1
    heard = np.concatenate(model.heard)
    assert len(heard) == 6 * WINDOW_SAMPLES
    levels = [float(np.mean(part**2)) for part in (heard[:-160], heard[-160:])]
    assert levels[0] < 1e-5 < levels[1]


def test_the_model_looks_again_but_not_for_ever() -> None:
    model = ScriptedModel(0.0)
    detector = VoiceDetector(OneModel(model))
    edges(detector, noise(2, -60))
    edges(detector, noise(2, -20))
    assert 1 < model.resets <= 6


def test_with_all_models_lent_energy_decides() -> None:
    found = edges(VoiceDetector(OneModel(None)), mixed(noise(3, -60), (1.5, speech())))
    assert starts(found)


def test_a_voice_that_never_ends_is_closed() -> None:
    detector = VoiceDetector(OneModel(ScriptedModel(1.0)))
    signal = np.tile(speech(), 40)[: 8 * (MAX_RUN_MS + 4000)]
    found = edges(detector, mixed(noise(len(signal) / 8000, -60), (1.0, signal)))
    runs = [edge.run_ms for edge in found if isinstance(edge, VoiceStopped)]
    assert runs
    assert max(runs) <= MAX_RUN_MS
    policy = VoicePolicy(hangover_ms=2000)
    detector = VoiceDetector(OneModel(ScriptedModel(1.0)), policy)
    found = edges(detector, mixed(noise(len(signal) / 8000, -60), (1.0, signal)))
    assert [type(edge) for edge in found[:3]] == [VoiceStarted, VoiceStopped, VoiceStarted]
    assert isinstance(found[1], VoiceStopped)
    assert found[1].run_ms == pytest.approx(MAX_RUN_MS, abs=2000)


def test_noise_that_becomes_louder_does_not_latch_without_a_model() -> None:
    found = edges(VoiceDetector(), mixed(noise(12, -60), (2.0, noise(10, -35))))
    assert [type(edge) for edge in found] == [VoiceStarted, VoiceStopped]


def test_stop_closes_an_open_voice_and_gives_the_model_back() -> None:
    models = OneModel(ScriptedModel(1.0))
    detector = VoiceDetector(models)
    assert detector.stop() is None
    edges(detector, mixed(noise(2, -60), (1.8, noise(0.2, -20))))
    assert detector.is_voiced
    stopped = detector.stop()
    assert stopped is not None
    assert stopped.end_ms == 2000
    assert models.lent == 0
    assert detector.stop() is None


class Echo:
    """A threshold that stands still."""

    def __init__(self, db: float) -> None:
        self.db = db

    def threshold_db(self, now_s: float) -> float:
        return self.db


def test_what_may_be_an_echo_must_be_louder() -> None:
    signal = mixed(noise(3, -60), (1.5, noise(1, -30)))
    assert edges(VoiceDetector(OneModel(ScriptedModel(1.0)), echo=Echo(-25)), signal) == []
    assert starts(edges(VoiceDetector(OneModel(ScriptedModel(1.0)), echo=Echo(-35)), signal))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 30)), max_size=20), st.floats(0, 1))
def test_starts_and_stops_alternate_whatever_comes(
    runs: list[tuple[int, int]], says: float
) -> None:
    models = OneModel(ScriptedModel(says))
    detector = VoiceDetector(models)
    found: list[VoiceEdge] = []
    end_ms = 0.0
    for code, count in runs:
        for _ in range(count):
            end_ms += 20
            edge = detector.frame(bytes([code, 255 - code]) * 80, end_ms)
            if edge is not None:
                found.append(edge)
    last = detector.stop()
    if last is not None:
        found.append(last)
    assert [type(edge) for edge in found] == [VoiceStarted, VoiceStopped] * (len(found) // 2)
    for started, stopped in zip(found[::2], found[1::2], strict=True):
        assert isinstance(started, VoiceStarted)
        assert isinstance(stopped, VoiceStopped)
        assert started.onset_ms < started.decided_ms <= stopped.end_ms
        assert stopped.run_ms > 0
    assert models.lent == 0
