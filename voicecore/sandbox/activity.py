"""Where on a µ-law track there is sound: exact to the sample, without any smoothing.

A sample is sound when its magnitude is at least `SOUND_AMPLITUDE`; everything softer, comfort
noise included, is quiet. All times are seconds from the first sample of the track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicecore.audio.mulaw import BYTES_PER_MS, SAMPLE_RATE_HZ, decode

SOUND_AMPLITUDE = 256
"""Least magnitude of a linear 16-bit sample that counts as sound: -42 dB of full scale."""

_IS_SOUND = np.abs(decode(bytes(range(256))).astype(np.int32)) >= SOUND_AMPLITUDE


@dataclass(frozen=True, slots=True)
class Sound:
    """One stretch of sound, from its first sound sample to the end of its last one."""

    start_s: float
    end_s: float

    @property
    def length_ms(self) -> float:
        """Length of the stretch."""
        return (self.end_s - self.start_s) * 1000


def has_sound(audio: bytes | bytearray) -> bool:
    """Return whether any sample of the µ-law audio is sound."""
    return bool(_IS_SOUND[np.frombuffer(audio, dtype=np.uint8)].any())


def sound_edges(audio: bytes | bytearray) -> tuple[int, int] | None:
    """Return the index of the first sound sample and the one past the last; None: all quiet."""
    indices = np.flatnonzero(_IS_SOUND[np.frombuffer(audio, dtype=np.uint8)])
    if indices.size == 0:
        return None
    return int(indices[0]), int(indices[-1]) + 1


def sounds(track: bytes | bytearray, *, merge_gap_ms: float = 200.0) -> list[Sound]:
    """Return the stretches of sound on a track, in order.

    Quiet of up to `merge_gap_ms` inside a stretch (closures, pauses between words) belongs to it.
    """
    indices = np.flatnonzero(_IS_SOUND[np.frombuffer(track, dtype=np.uint8)])
    if indices.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(indices) - 1 > merge_gap_ms * BYTES_PER_MS)
    starts = indices[np.concatenate(([0], breaks + 1))]
    ends = indices[np.concatenate((breaks, [indices.size - 1]))] + 1
    return [
        Sound(int(start) / SAMPLE_RATE_HZ, int(end) / SAMPLE_RATE_HZ)
        for start, end in zip(starts, ends, strict=True)
    ]
