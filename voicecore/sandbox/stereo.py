"""A call as a stereo file: left the caller, right what the caller heard; 16 bit, 8 kHz."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from voicecore.audio.mulaw import SAMPLE_RATE_HZ, SILENCE_BYTE, decode


def write_stereo(path: Path, said: bytes | bytearray, heard: bytes | bytearray) -> None:
    """Write two µ-law tracks as one WAV; the shorter one is filled up with silence."""
    length = max(len(said), len(heard))
    frames = np.empty((length, 2), dtype="<i2")
    for channel, track in enumerate((said, heard)):
        padded = bytes(track) + bytes((SILENCE_BYTE,)) * (length - len(track))
        frames[:, channel] = decode(padded)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(frames.tobytes())
