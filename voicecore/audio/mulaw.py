"""µ-law at 8 kHz mono: the only audio on the line, and its conversion to and from linear samples.

Both directions are one table look-up, because a call converts 50 frames a second. The tables are
computed from the segment rule of the standard when the module loads.

Source: ITU-T G.711, µ-law; 14-bit magnitude, 8 segments of 16 steps, all bits inverted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicecore.errors import AudioFormatError

SAMPLE_RATE_HZ: Final = 8000
"""Samples a second; one byte each."""
FRAME_MS: Final = 20
"""Length of a frame."""
FRAME_BYTES: Final = 160
"""Size of a frame."""
BYTES_PER_MS: Final = 8
"""Bytes of one millisecond."""
SILENCE_BYTE: Final = 0xFF
"""The code of the positive zero: what a quiet line carries."""

_BIAS = 33
_LARGEST = 8191
_SEGMENTS = 8


def _decode_table() -> NDArray[np.int16]:
    code = 0xFF - np.arange(256)
    segment = (code >> 4) & 0x07
    step = code & 0x0F
    magnitude = (((2 * step + _BIAS) << segment) - _BIAS) << 2
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encode_table() -> NDArray[np.uint8]:
    # Indexed by the sample's 16 bits read as unsigned, so that no offset is added per frame.
    sample = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int32)
    linear = sample >> 2
    magnitude = np.minimum(np.abs(linear) + _BIAS, _LARGEST)
    bounds = (1 << np.arange(6, 6 + _SEGMENTS)) - 1
    segment = np.searchsorted(bounds, magnitude)
    step = (magnitude >> (segment + 1)) & 0x0F
    sign = np.where(linear < 0, 0x80, 0x00)
    code: NDArray[np.int64] = 0xFF - (sign | (segment << 4) | step)
    return code.astype(np.uint8)


_LINEAR_OF_CODE = _decode_table()
_CODE_OF_LINEAR = _encode_table()


def encode(pcm: NDArray[np.int16]) -> bytes:
    """Return one µ-law byte for each 16-bit linear sample.

    Raises:
        AudioFormatError: `pcm` does not hold native 16-bit integers.
    """
    if pcm.dtype != np.int16:
        raise AudioFormatError(f"linear audio must be int16, got {pcm.dtype}")
    return _CODE_OF_LINEAR[pcm.view(np.uint16)].tobytes()


def decode(mulaw: bytes | bytearray | memoryview) -> NDArray[np.int16]:
    """Return one 16-bit linear sample for each µ-law byte; the array is the caller's own."""
    return _LINEAR_OF_CODE[np.frombuffer(mulaw, dtype=np.uint8)]
