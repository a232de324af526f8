"""The caller's voice: when it starts and when it stops, decided frame by frame.

Theory of operation. Two judges must agree. *Energy*: the frame is well above the line's own noise
floor and above what that noise rises to at times, which turns away distant talkers and steady
noise. *Speech model* (Silero): it sounds like
speech, which turns away clicks and bangs. The model is asked only while the energy gate is open;
it is recurrent, so it first gets the 192 ms before. Two loud frames in a row start a voice; a
hangover without voice ends it. With no model at hand, three loud frames decide.

Nothing stays latched: a floor that was too low rises during a voice, and a voice that never ends
is closed after `MAX_RUN_MS`, with the floor learnt again from what is there.

Media time counts milliseconds of the caller's audio; levels are dBov (0 is full scale).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voicecore.audio.mulaw import FRAME_BYTES, FRAME_MS, decode
from voicecore.audio.noise_floor import NoiseCeiling, NoiseFloor
from voicecore.audio.silero import WINDOW_SAMPLES, SpeechModel, SpeechModels

MAX_RUN_MS = 30_000
"""A voice that lasts longer is closed; if it is one, it starts again at once."""

_FULL_SCALE = 32768.0
_SILENT_DB = -90.0
_CODES = np.arange(256, dtype=np.uint8)
_SAMPLE_OF_CODE: NDArray[np.float32] = (decode(_CODES.data) / _FULL_SCALE).astype(np.float32)
_PREROLL_SAMPLES = 6 * WINDOW_SAMPLES
_MOST_LOOKS = 5
_HISTORY_SAMPLES = 24 * FRAME_BYTES


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """The caller's voice began at `onset_ms`; it was certain at `decided_ms` (media time)."""

    onset_ms: float
    decided_ms: float


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    """The voice ended at `end_ms` (media time), `run_ms` after its onset."""

    run_ms: float
    end_ms: float


VoiceEdge = VoiceStarted | VoiceStopped


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicePolicy:
    """What counts as a voice."""

    above_floor_db: float = 12.0
    """How far a frame must stand out of changing noise to start a voice."""
    above_steady_floor_db: float = 9.0
    """The same in steady noise."""
    keep_above_floor_db: float = 6.0
    """The same to keep it."""
    above_ceiling_db: float = 5.0
    """The same over how loud the noise becomes at times."""
    least_db: float = -50.0
    """No frame below this starts a voice, however quiet the line."""
    start_probability: float = 0.5
    """What the speech model must say to start a voice."""
    keep_probability: float = 0.15
    """The same to keep it."""
    start_frames: int = 2
    """Loud frames in a row that start a voice."""
    start_frames_by_energy: int = 3
    """The same with no model to ask."""
    hangover_ms: int = 100
    """Time without voice that ends it."""
    gate_hangover_ms: int = 200
    """Time below the start level after which the model is given back."""
    floor_rise_db_per_s: float = 6.0
    """How fast the floor may rise under a voice."""


class EchoThreshold(Protocol):
    """Knows how loud our own voice may come back."""

    def threshold_db(self, now_s: float) -> float:
        """Return the level that a frame arriving at `now_s` must exceed to be the caller."""


class _Listening:
    """The recent sound, and the speech model's view of it while the gate is open."""

    __slots__ = ("_end", "_history", "_looks", "_model", "_models", "_next", "probability")

    def __init__(self, models: SpeechModels | None) -> None:
        self._models = models
        self._model: SpeechModel | None = None
        self._history: NDArray[np.float32] = np.zeros(_HISTORY_SAMPLES, dtype=np.float32)
        self._end = _PREROLL_SAMPLES
        self._next = 0
        self._looks = 0
        self.probability = 0.0

    @property
    def has_model(self) -> bool:
        return self._model is not None

    def add(self, frame: bytes | bytearray | memoryview) -> float:
        """Keep one frame, show it to an open model, return its energy (mean square)."""
        if self._end + FRAME_BYTES > _HISTORY_SAMPLES:
            shift = self._end - _PREROLL_SAMPLES
            self._history[:_PREROLL_SAMPLES] = self._history[shift : self._end]
            self._end = _PREROLL_SAMPLES
            self._next -= shift
        place = self._history[self._end : self._end + FRAME_BYTES]
        np.take(_SAMPLE_OF_CODE, np.frombuffer(frame, dtype=np.uint8), out=place, mode="clip")
        self._end += FRAME_BYTES
        self._ask()
        return float(np.dot(place, place)) / FRAME_BYTES

    def open(self) -> None:
        """Borrow a model and show it the sound before."""
        if self._models is None or self._model is not None:
            return
        self._model = self._models.take()
        self._looks = 0
        self._rewind()

    def look_again(self) -> None:
        """Ask about sound that does not fill a window yet, by starting over a little later.

        Windows and frames do not meet, so a fresh frame can wait 24 ms for its judgement. A look
        costs six windows (0.5 ms), so each opening has a few.
        """
        if self._next < self._end and self._looks < _MOST_LOOKS:
            self._looks += 1
            self._rewind()

    def close(self) -> None:
        """Give the model back."""
        if self._models is not None and self._model is not None:
            self._models.give_back(self._model)
        self._model = None
        self.probability = 0.0

    def _rewind(self) -> None:
        if self._model is not None:
            self._model.reset()
            self._next = self._end - _PREROLL_SAMPLES
            self._ask()

    def _ask(self) -> None:
        if self._model is None:
            return
        while self._next + WINDOW_SAMPLES <= self._end:
            window = self._history[self._next : self._next + WINDOW_SAMPLES]
            self.probability = self._model.probability(window)
            self._next += WINDOW_SAMPLES


class VoiceDetector:
    """Finds the edges of one caller's voice in frames of 20 ms."""

    __slots__ = (
        "_ceiling",
        "_echo",
        "_floor",
        "_gate_quiet_ms",
        "_held_floor_db",
        "_last_voice_ms",
        "_listening",
        "_loud_frames",
        "_onset_ms",
        "_policy",
        "level_db",
    )

    def __init__(
        self,
        models: SpeechModels | None = None,
        policy: VoicePolicy | None = None,
        echo: EchoThreshold | None = None,
    ) -> None:
        """Judge by energy and by a model out of `models`; by energy alone without."""
        self._policy = policy if policy is not None else VoicePolicy()
        self._echo = echo
        self._listening = _Listening(models)
        self._floor = NoiseFloor()
        self._ceiling = NoiseCeiling()
        self._held_floor_db = 0.0
        self._onset_ms: float | None = None
        self._last_voice_ms = 0.0
        self._loud_frames = 0
        self._gate_quiet_ms = 0
        self.level_db = _SILENT_DB
        """Level of the latest frame."""

    @property
    def is_voiced(self) -> bool:
        """Whether a voice has started and not stopped."""
        return self._onset_ms is not None

    @property
    def floor_db(self) -> float:
        """The noise floor of the line."""
        return self._floor.level_db

    def frame(
        self, frame: bytes | bytearray | memoryview, end_ms: float, at_s: float = 0.0
    ) -> VoiceEdge | None:
        """Judge the next frame; return an edge when it makes one.

        Args:
            frame: 160 bytes of µ-law.
            end_ms: media time at its end.
            at_s: the same on the caller's clock, for the echo threshold.
        """
        energy = self._listening.add(frame)
        if energy > 0.0:
            # Digital silence is a muted or filled line: it says nothing about its noise.
            self.level_db = max(_SILENT_DB, 10.0 * math.log10(energy))
            self._floor.add(self.level_db)
        else:
            self.level_db = _SILENT_DB
        if self._onset_ms is not None:
            return self._during_voice(self._onset_ms, end_ms)
        return self._before_voice(end_ms, at_s)

    def stop(self) -> VoiceStopped | None:
        """Close an open voice, because no more audio comes; return its edge."""
        edge = None
        if self._onset_ms is not None:
            edge = VoiceStopped(self._last_voice_ms - self._onset_ms, self._last_voice_ms)
        self._onset_ms = None
        self._loud_frames = 0
        self._listening.close()
        return edge

    def _before_voice(self, end_ms: float, at_s: float) -> VoiceStarted | None:
        policy = self._policy
        gate_db = max(
            self._floor.level_db + self._margin_db(),
            self._ceiling.level_db + policy.above_ceiling_db,
            policy.least_db,
        )
        least_db = policy.least_db
        echo_db = _SILENT_DB if self._echo is None else self._echo.threshold_db(at_s)
        is_loud = self.level_db > max(gate_db, echo_db)
        self._move_gate(is_loud)
        if not is_loud:
            # What may be our own echo says nothing about the noise.
            if self.level_db > echo_db or echo_db <= least_db:
                self._ceiling.add(self.level_db)
            self._loud_frames = 0
            return None
        self._loud_frames += 1
        if not self._is_sure():
            return None
        self._onset_ms = end_ms - self._loud_frames * FRAME_MS
        self._last_voice_ms = end_ms
        self._held_floor_db = self._floor.level_db
        return VoiceStarted(self._onset_ms, end_ms)

    def _margin_db(self) -> float:
        steady_db = self._policy.above_steady_floor_db
        return min(
            max(steady_db, steady_db - 1.0 + self._floor.spread_db), self._policy.above_floor_db
        )

    def _is_sure(self) -> bool:
        """Whether the loud frames so far are a voice."""
        policy = self._policy
        if not self._listening.has_model:
            return self._loud_frames >= policy.start_frames_by_energy
        if self._loud_frames < policy.start_frames:
            return False
        if self._listening.probability <= policy.start_probability:
            self._listening.look_again()
        return self._listening.probability > policy.start_probability

    def _during_voice(self, onset_ms: float, end_ms: float) -> VoiceStopped | None:
        policy = self._policy
        rise_db = policy.floor_rise_db_per_s * FRAME_MS / 1000
        self._held_floor_db = min(self._floor.level_db, self._held_floor_db + rise_db)
        is_voice = self.level_db > self._held_floor_db + policy.keep_above_floor_db and (
            not self._listening.has_model or self._listening.probability > policy.keep_probability
        )
        if is_voice:
            self._last_voice_ms = end_ms
        if end_ms - onset_ms >= MAX_RUN_MS:
            self._floor = NoiseFloor()
            return self.stop()
        if end_ms - self._last_voice_ms < policy.hangover_ms:
            return None
        return self.stop()

    def _move_gate(self, is_open: bool) -> None:
        if is_open:
            self._gate_quiet_ms = 0
            self._listening.open()
            return
        self._gate_quiet_ms += FRAME_MS
        if self._gate_quiet_ms >= self._policy.gate_hangover_ms:
            self._listening.close()
