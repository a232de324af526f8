"""The stereo file of a call."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from voicecore.audio.mulaw import decode
from voicecore.sandbox.stereo import write_stereo


def test_the_caller_is_left_and_what_they_heard_is_right(tmp_path: Path) -> None:
    said, heard = bytes(range(256)), b"\x10" * 100
    write_stereo(tmp_path / "call.wav", said, heard)
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        assert file.getnframes() == 256
        frames = np.frombuffer(file.readframes(256), dtype="<i2").reshape(-1, 2)
    assert (frames[:, 0] == decode(said)).all()
    assert (frames[:100, 1] == decode(heard)).all()
    assert not frames[100:, 1].any()
