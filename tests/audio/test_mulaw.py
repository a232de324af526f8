"""ITU-T G.711 µ-law, held against the interpreter's own C implementation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecore.audio import mulaw
from voicecore.errors import AudioFormatError

with warnings.catch_warnings():
    # The standard library's audioop announces its removal on 3.11 and 3.12.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
EVERY_CODE = bytes(range(256))


def test_every_sample_encodes_as_the_reference_does() -> None:
    assert mulaw.encode(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE.tobytes(), 2)


def test_every_code_decodes_as_the_reference_does() -> None:
    assert mulaw.decode(EVERY_CODE).tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)


def test_the_silence_byte_is_zero_both_ways() -> None:
    assert mulaw.decode(bytes([mulaw.SILENCE_BYTE])).tolist() == [0]
    assert mulaw.encode(np.zeros(3, dtype=np.int16)) == bytes([mulaw.SILENCE_BYTE] * 3)


@given(st.binary(max_size=400))
def test_a_decoded_code_encodes_to_itself_except_the_negative_zero(codes: bytes) -> None:
    assert mulaw.encode(mulaw.decode(codes)) == codes.replace(b"\x7f", b"\xff")


def test_any_buffer_decodes_and_the_result_can_be_written() -> None:
    linear = mulaw.decode(memoryview(bytearray(b"\x00\x80")))
    linear[0] = 7
    assert linear.tolist() == [7, 32124]


def test_strided_samples_encode_in_their_own_order() -> None:
    backwards = EVERY_SAMPLE[::-7]
    assert mulaw.encode(backwards) == mulaw.encode(backwards.copy())


def test_no_samples_are_no_bytes() -> None:
    assert mulaw.encode(np.zeros(0, dtype=np.int16)) == b""
    assert mulaw.decode(b"").size == 0


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint16, ">i2"])
def test_samples_of_another_kind_are_refused(dtype: str) -> None:
    with pytest.raises(AudioFormatError, match="int16"):
        mulaw.encode(np.zeros(4, dtype=dtype))


def test_the_constants_agree_with_each_other() -> None:
    assert mulaw.SAMPLE_RATE_HZ == 1000 * mulaw.BYTES_PER_MS
    assert mulaw.FRAME_BYTES == mulaw.FRAME_MS * mulaw.BYTES_PER_MS
