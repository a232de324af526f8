"""Where speech sounds and where it pauses, so that its words can be placed in it.

A synthesised sentence has clear pauses at its commas and full stops. They are found by level, hop
by hop, relative to the sentence itself, so that a voice with a noisy floor is mapped as well.
"""

from __future__ import annotations

import numpy as np

from voicecore.audio.mulaw import BYTES_PER_MS, decode

HOP_MS = 10
PAUSE_BELOW_DB = 30.0
"""A hop this far below the loud parts of the sentence is quiet."""
LEAST_PAUSE_MS = 90
"""Shorter quiet belongs to the sound around it: the closure of a consonant."""

_HOP_BYTES = HOP_MS * BYTES_PER_MS
_LOUD_SHARE = 0.9
_SILENT_ENERGY = 1.0


def sounding_spans(audio: bytes | bytearray) -> tuple[tuple[int, int], ...]:
    """Return the stretches of sound in µ-law speech as (start, end) in ms; empty when all quiet."""
    hops = len(audio) // _HOP_BYTES
    if not hops:
        return ()
    samples = decode(bytes(audio[: hops * _HOP_BYTES])).astype(np.float32).reshape(hops, -1)
    energy = np.mean(samples * samples, axis=1)
    loud = float(np.quantile(energy, _LOUD_SHARE))
    is_sound = energy > max(loud * 10 ** (-PAUSE_BELOW_DB / 10), _SILENT_ENERGY)
    places = np.flatnonzero(is_sound)
    if not places.size:
        return ()
    breaks = np.flatnonzero(np.diff(places) - 1 >= LEAST_PAUSE_MS // HOP_MS)
    starts = places[np.concatenate(([0], breaks + 1))]
    ends = places[np.concatenate((breaks, [places.size - 1]))] + 1
    return tuple(
        (int(start) * HOP_MS, int(end) * HOP_MS) for start, end in zip(starts, ends, strict=True)
    )
