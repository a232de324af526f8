"""Where a sentence sounds and where it pauses."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.sounds import frames, mixed, noise, speech
from voicecore.audio.speech_map import HOP_MS, LEAST_PAUSE_MS, sounding_spans


def test_pauses_separate_the_stretches() -> None:
    signal = mixed(np.zeros(16000), (0.1, noise(0.5, -20)), (0.9, noise(0.3, -24)))
    assert sounding_spans(b"".join(frames(signal))) == ((100, 600), (900, 1200))


def test_a_noisy_voice_has_pauses_too() -> None:
    signal = mixed(noise(2, -62), (0.1, noise(0.5, -20)), (0.9, noise(0.3, -24)))
    assert sounding_spans(b"".join(frames(signal))) == ((100, 600), (900, 1200))


def test_the_closure_of_a_consonant_is_no_pause() -> None:
    signal = mixed(np.zeros(8000), (0.0, noise(0.3, -20)), (0.36, noise(0.3, -20)))
    assert sounding_spans(b"".join(frames(signal))) == ((0, 660),)


def test_silence_and_nothing_have_no_stretch() -> None:
    assert sounding_spans(b"") == ()
    assert sounding_spans(b"\xff" * 100) == ()
    assert sounding_spans(b"\xff" * 8000) == ()


def test_a_comma_is_heard() -> None:
    both = mixed(np.zeros(8 * 6000), (0.0, speech(0)), (3.0, speech(1)))
    assert len(sounding_spans(bytearray(b"".join(frames(both))))) >= 2


@given(st.binary(max_size=4000))
def test_stretches_are_in_order_apart_and_inside(audio: bytes) -> None:
    spans = sounding_spans(audio)
    ends = [0 - LEAST_PAUSE_MS, *[end for _, end in spans]]
    for (start, end), before in zip(spans, ends, strict=False):
        assert start - before >= LEAST_PAUSE_MS or before < 0
        assert start < end <= len(audio) // 8
        assert start % HOP_MS == end % HOP_MS == 0
