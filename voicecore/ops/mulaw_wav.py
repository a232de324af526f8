"""A call's two tracks as a stereo WAV that keeps the line's own bytes.

µ-law needs half the room of 16-bit PCM and loses nothing: every byte is the one on the line.

Source: RFC 2361, WAVE format 0x0007 (µ-law); Microsoft, "New Multimedia Data Types and Data
Techniques", RIFF chunks `fmt `, `fact` and `data`.
"""

from __future__ import annotations

import struct

import numpy as np

from voicecore.audio.mulaw import SAMPLE_RATE_HZ, SILENCE_BYTE

_FORMAT_MULAW = 7
_CHANNELS = 2
_BITS = 8


def stereo_mulaw_wav(left: bytes, right: bytes) -> bytes:
    """Return a WAV of two µ-law tracks at 8 kHz; the shorter one ends in silence."""
    length = max(len(left), len(right))
    frames = np.full((length, _CHANNELS), SILENCE_BYTE, dtype=np.uint8)
    for channel, track in enumerate((left, right)):
        frames[: len(track), channel] = np.frombuffer(track, dtype=np.uint8)
    form = struct.pack(
        "<HHIIHHH",
        _FORMAT_MULAW,
        _CHANNELS,
        SAMPLE_RATE_HZ,
        SAMPLE_RATE_HZ * _CHANNELS,
        _CHANNELS,
        _BITS,
        0,
    )
    body = _chunk(b"fmt ", form) + _chunk(b"fact", struct.pack("<I", length))
    body += _chunk(b"data", frames.tobytes())
    return _chunk(b"RIFF", b"WAVE" + body)


def _chunk(name: bytes, content: bytes) -> bytes:
    # Both channels together make every size even, so that no padding byte is needed.
    return name + struct.pack("<I", len(content)) + content
