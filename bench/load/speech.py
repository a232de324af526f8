"""Sound for the load: utterances and line noise, rendered once, cut into frames, looped."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicecore.audio import mulaw
from voicecore.sandbox.voice import EspeakVoice

QUESTIONS = (
    "Stop please, what time do you open tomorrow morning",
    "Wait, can you tell me how much an oil change is",
    "Hold on, do you also do brakes and tires there",
    "Stop, which days of the week are you open",
)
"""Each interrupts by its first word and asks something, so that one script suits every moment."""

_NOISE_RMS = 16.0
_NOISE_FRAMES = 64
_LOUD_SAMPLE = 400
_FRAME = mulaw.FRAME_BYTES

QUIET_CODES = bytes(
    code for code in range(256) if abs(int(mulaw.decode(bytes([code]))[0])) < _LOUD_SAMPLE
)
"""The µ-law codes of small samples: what is left of audio without them is speech."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a caller says: frames of µ-law in base64; speech begins with the first sample."""

    text: str
    frames: tuple[bytes, ...]


def line_noise(seed: int) -> tuple[bytes, ...]:
    """Return frames, in base64, of a quiet line at about -66 dBov."""
    noise = _noise(_NOISE_FRAMES * _FRAME, seed)
    return _frames(noise)


def utterances(seed: int) -> tuple[Utterance, ...]:
    """Return the questions, spoken, over line noise."""
    voice = EspeakVoice()
    return tuple(_utterance(voice, text, seed + n) for n, text in enumerate(QUESTIONS))


def agent_audio(seconds: float) -> bytes:
    """Return µ-law of the agent's voice, of that length."""
    text = "We are open from Monday to Friday, from eight in the morning until six at night. "
    audio = EspeakVoice().synthesize(text).audio
    size = int(seconds * mulaw.SAMPLE_RATE_HZ)
    return (audio * (size // len(audio) + 1))[:size]


def is_speech(audio: bytes) -> bool:
    """Whether audio holds more than line noise."""
    return len(audio.translate(None, QUIET_CODES)) * 20 > len(audio)


def _utterance(voice: EspeakVoice, text: str, seed: int) -> Utterance:
    pcm = mulaw.decode(voice.synthesize(text).audio).astype(np.int32)
    loud = np.flatnonzero(np.abs(pcm) >= _LOUD_SAMPLE)
    pcm = pcm[loud[0] : loud[-1] + 1]
    pcm = np.pad(pcm, (0, -len(pcm) % _FRAME))
    return Utterance(text, _frames(pcm + _noise(len(pcm), seed)))


def _noise(samples: int, seed: int) -> NDArray[np.int32]:
    drawn = np.random.default_rng(seed).normal(0.0, _NOISE_RMS, samples)
    return drawn.astype(np.int32)


def _frames(pcm: NDArray[np.int32]) -> tuple[bytes, ...]:
    audio = mulaw.encode(np.clip(pcm, -32_768, 32_767).astype(np.int16))
    return tuple(
        base64.b64encode(audio[start : start + _FRAME]) for start in range(0, len(audio), _FRAME)
    )
