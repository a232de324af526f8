"""The WAV is read back by an independent reader of RIFF chunks."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from voicecore.ops.mulaw_wav import stereo_mulaw_wav


def chunks(wav: bytes) -> dict[bytes, bytes]:
    assert wav[:4] == b"RIFF"
    assert struct.unpack("<I", wav[4:8])[0] == len(wav) - 8
    assert wav[8:12] == b"WAVE"
    found = {}
    at = 12
    while at < len(wav):
        name, size = struct.unpack("<4sI", wav[at : at + 8])
        found[name] = wav[at + 8 : at + 8 + size]
        at += 8 + size
    assert at == len(wav)
    return found


def test_the_header_says_stereo_mulaw_at_8_khz() -> None:
    parts = chunks(stereo_mulaw_wav(b"\x01\x02\x03", b"\x04\x05\x06"))

    assert struct.unpack("<HHIIHHH", parts[b"fmt "]) == (7, 2, 8000, 16000, 2, 8, 0)
    assert struct.unpack("<I", parts[b"fact"]) == (3,)
    assert list(parts) == [b"fmt ", b"fact", b"data"]


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_each_channel_carries_its_track_byte_for_byte(left: bytes, right: bytes) -> None:
    data = chunks(stereo_mulaw_wav(left, right))[b"data"]

    length = max(len(left), len(right))
    assert data[0::2] == left.ljust(length, b"\xff")
    assert data[1::2] == right.ljust(length, b"\xff")
