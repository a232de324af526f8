"""Speech from text, offline: espeak-ng through ctypes, as µ-law with the time of every word.

espeak-ng keeps state between utterances (phase, flutter, random noise), so the same sentence
never comes out twice alike. The library is therefore loaded afresh for each synthesis, which costs
some 3 ms and makes every sentence a pure function of its arguments, in every process. It is not
thread safe either: one lock serves the whole process.
"""

from __future__ import annotations

import bisect
import ctypes
import itertools
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from voicecore.audio import mulaw
from voicecore.sandbox.reading import spoken_form

MAX_EDGE_SILENCE_MS: Final = 20
"""Silence kept before the first and after the last sound; the last frame's padding comes on top."""

_ESPEAK_RATE_HZ = 22_050
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_EVENT_END_OF_LIST = 0
_EVENT_WORD = 1
_PARAMETER_RATE = 1
_PARAMETER_PITCH = 3
_ALIASES = {"en-gb": "en"}
"""This build of espeak-ng has no file of that name: British English is plain `en`."""

_LEVEL_DBOV = -20.0
_OVERLOAD = 32_768
_PASS_HZ = 3_400
_STOP_HZ = 3_950
_LOWEST_HZ = 60
_HOP_MS = 5
_HOP_SAMPLES = _HOP_MS * mulaw.BYTES_PER_MS
_FLOOR_DB = 38.0
"""A hop this much below the speech level is silence."""
_QUIET = 8
"""Linear samples up to this size become the exact zero: a pause is digital silence."""


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word as written, with its place in the audio; `start_ms < end_ms`."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Speech:
    """A sentence and its sound: whole frames of µ-law, 8 kHz mono, and the time of each word."""

    text: str
    audio: bytes
    words: tuple[SpokenWord, ...]

    @property
    def duration_ms(self) -> int:
        """Length of the audio."""
        return len(self.audio) // mulaw.BYTES_PER_MS


class _Script:
    """A sentence as written and as read aloud, and where each word stands in the latter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self.positions: list[int] = []
        self.spoken = ""
        for token in text.replace("\0", " ").split():
            if re.search(r"\w", token):
                self.words.append(token)
                self.positions.append(len(self.spoken))
            self.spoken += spoken_form(token) + " "


class EspeakVoice:
    """Speaks sentences; the same arguments always give the same bytes.

    Args:
        cache_size: how many sentences are kept; the oldest unused one goes first.
    """

    def __init__(self, cache_size: int = 512) -> None:
        self._cache: OrderedDict[tuple[str, str, int, int], Speech] = OrderedDict()
        self._cache_size = cache_size

    def synthesize(
        self, text: str, *, voice: str = "en-us", rate_wpm: int = 170, pitch: int = 50
    ) -> Speech:
        """Return `text` as speech at about -20 dBov; nothing to say gives empty audio.

        May be called from any thread.

        Args:
            voice: language, optionally with a variant: "en-us", "en-gb", "en-us+f2", "en-us+m3".
            rate_wpm: words a minute, 80 to 450.
            pitch: 0 to 99.

        Raises:
            ValueError: espeak-ng does not have that voice, or a number is out of range.
        """
        if not 80 <= rate_wpm <= 450 or not 0 <= pitch <= 99:
            raise ValueError(f"rate_wpm {rate_wpm} or pitch {pitch} is out of range")
        key = (text, voice, rate_wpm, pitch)
        with _LOCK:
            speech = self._cache.get(key)
            if speech is None:
                script = _Script(text)
                pcm, marks = _run_espeak(script.spoken, voice, rate_wpm, pitch)
                speech = _finish(script, pcm, marks)
                self._cache[key] = speech
                if len(self._cache) > self._cache_size:
                    self._cache.popitem(last=False)
            else:
                self._cache.move_to_end(key)
        return speech


def _run_espeak(
    text: str, voice: str, rate_wpm: int, pitch: int
) -> tuple[NDArray[np.int16], list[tuple[int, int]]]:
    """Return the samples at 22,050 Hz and, for each word event, (character, sample)."""
    chunks: list[NDArray[np.int16]] = []
    marks: list[tuple[int, int]] = []

    def on_audio(samples: Any, count: int, events: Any) -> int:
        index = 0
        while (event := events[index]).type != _EVENT_END_OF_LIST:
            if event.type == _EVENT_WORD:
                marks.append((event.text_position - 1, event.sample))
            index += 1
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _Callback(on_audio)
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        data_path = espeakng_loader.get_data_path().encode()
        if library.espeak_Initialize(_SYNCHRONOUS, 0, data_path, _DONT_EXIT) != _ESPEAK_RATE_HZ:
            raise OSError("espeak-ng did not start")
        library.espeak_SetSynthCallback(callback)
        _choose_voice(library, voice)
        library.espeak_SetParameter(_PARAMETER_RATE, rate_wpm, 0)
        library.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
        encoded = text.encode("utf-8", "replace") + b"\0"
        size = ctypes.c_size_t(len(encoded))
        status = library.espeak_Synth(encoded, size, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        if status != 0:
            raise OSError(f"espeak-ng could not speak: status {status}")
    finally:
        library.espeak_Terminate()
        ctypes.CDLL(None).dlclose(ctypes.c_void_p(library._handle))
    pcm = np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
    return pcm, marks


def _choose_voice(library: ctypes.CDLL, voice: str) -> None:
    language, _, variant = voice.partition("+")
    name = _ALIASES.get(language, language) + (f"+{variant}" if variant else "")
    # espeak-ng takes an unknown variant silently, and would speak with the plain voice.
    variants = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    known = not variant or variant in {path.name for path in variants.iterdir()}
    if not known or library.espeak_SetVoiceByName(name.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {voice!r}")


def _finish(script: _Script, pcm: NDArray[np.int16], marks: list[tuple[int, int]]) -> Speech:
    """Bring espeak's samples to the line's format, trim them and place the words."""
    samples = _resample(pcm)
    active = _active_hops(samples)
    if not active.any():
        return Speech(script.text, b"", ())
    levelled = _at_level(samples, active)
    edges = np.flatnonzero(active)
    first = max(0, int(edges[0]) * _HOP_MS - MAX_EDGE_SILENCE_MS)
    last = (int(edges[-1]) + 1) * _HOP_MS + MAX_EDGE_SILENCE_MS
    kept = levelled[first * mulaw.BYTES_PER_MS : last * mulaw.BYTES_PER_MS]
    words = _place_words(script, marks, active, first)
    audio = mulaw.encode(kept)
    padding = -len(audio) % mulaw.FRAME_BYTES
    return Speech(script.text, audio + bytes((mulaw.SILENCE_BYTE,)) * padding, words)


def _resample(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the samples at 8 kHz, band-limited to the telephone channel, with zero phase.

    8000 / 22050 = 160 / 441, so a whole number of 441-sample blocks maps exactly.
    """
    blocks = _smooth_at_least(-(-len(pcm) // 441) + 2)
    spectrum = np.fft.rfft(pcm.astype(np.float64), blocks * 441)
    count = blocks * 160
    spectrum = spectrum[: count // 2 + 1]
    frequency_hz = np.arange(len(spectrum)) * (mulaw.SAMPLE_RATE_HZ / count)
    roll = np.clip((frequency_hz - _PASS_HZ) / (_STOP_HZ - _PASS_HZ), 0.0, 1.0)
    spectrum *= 0.5 + 0.5 * np.cos(np.pi * roll)
    spectrum *= np.clip(frequency_hz / _LOWEST_HZ, 0.0, 1.0)
    samples: NDArray[np.float64] = np.fft.irfft(spectrum, count) * (160 / 441)
    return samples[: -(-len(pcm) * 160 // 441)]


def _smooth_at_least(count: int) -> int:
    """Return the least product of 2, 3 and 5 that is not below `count`: fast to transform."""
    best = 1 << max(1, count).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            power = max(0, (-(-count // three) - 1).bit_length())
            best = min(best, three << power)
            three *= 3
        five *= 5
    return best


def _hop_levels(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    hops = -(-len(samples) // _HOP_SAMPLES)
    padded = np.zeros(hops * _HOP_SAMPLES)
    padded[: len(samples)] = samples
    levels: NDArray[np.float64] = np.sqrt(np.mean(padded.reshape(hops, _HOP_SAMPLES) ** 2, axis=1))
    return levels


def _active_hops(samples: NDArray[np.float64]) -> NDArray[np.bool_]:
    levels = _hop_levels(samples)
    if not levels.size or levels.max() < 1.0:
        return np.zeros(levels.size, np.bool_)
    loud = levels[levels > levels.max() / 10]
    return np.asarray(levels > np.sqrt(np.mean(loud**2)) * 10 ** (-_FLOOR_DB / 20))


def _at_level(samples: NDArray[np.float64], active: NDArray[np.bool_]) -> NDArray[np.int16]:
    level = float(np.sqrt(np.mean(_hop_levels(samples)[active] ** 2)))
    scaled = samples * (_OVERLOAD * 10 ** (_LEVEL_DBOV / 20) / level)
    whole = np.clip(np.rint(scaled), -_OVERLOAD, _OVERLOAD - 1).astype(np.int16)
    whole[np.abs(scaled) <= _QUIET] = 0
    return whole


def _place_words(
    script: _Script, marks: list[tuple[int, int]], active: NDArray[np.bool_], offset_ms: int
) -> tuple[SpokenWord, ...]:
    """Give every written word the span in which it sounds, relative to `offset_ms`."""
    if not script.words:
        return ()
    total_ms = len(active) * _HOP_MS
    starts = _word_starts(script, marks, total_ms)
    words = []
    for text, start_ms, end_ms in zip(script.words, starts, [*starts[1:], total_ms], strict=True):
        # The hop in which the next word starts is not this word's.
        sounding = _without_next_onset(
            np.flatnonzero(active[start_ms // _HOP_MS : end_ms // _HOP_MS])
        )
        if sounding.size:
            base_ms = start_ms // _HOP_MS * _HOP_MS
            end_ms = min(end_ms, base_ms + (int(sounding[-1]) + 1) * _HOP_MS)
            start_ms = max(start_ms, base_ms + int(sounding[0]) * _HOP_MS)
        start_ms = max(0, start_ms - offset_ms)
        words.append(SpokenWord(text, start_ms, max(start_ms + 1, end_ms - offset_ms)))
    return tuple(words)


def _without_next_onset(sounding: NDArray[np.int64]) -> NDArray[np.int64]:
    """Drop a last stir of under 20 ms behind a pause: the next word's attack, heard early."""
    if sounding.size < 2:
        return sounding
    pauses = np.flatnonzero(np.diff(sounding) * _HOP_MS >= 40)
    stir = sounding.size - 1 - int(pauses[-1]) if pauses.size else sounding.size
    return sounding[: sounding.size - stir] if stir * _HOP_MS < 20 else sounding


def _word_starts(script: _Script, marks: list[tuple[int, int]], total_ms: int) -> list[int]:
    """Return when each word starts; words that espeak merged share the span by their length."""
    known: dict[int, int] = {0: 0}
    newest = 0
    for position, sample in marks:
        word = max(newest, bisect.bisect_right(script.positions, position) - 1)
        if word > newest:
            known[word] = round(sample * 1000 / _ESPEAK_RATE_HZ)
            newest = word
    anchors = [*sorted(known), len(script.words)]
    starts: list[int] = []
    for anchor, following in itertools.pairwise(anchors):
        begin_ms = known[anchor]
        span_ms = known.get(following, total_ms) - begin_ms
        sizes = [len(word) for word in script.words[anchor:following]]
        starts.extend(
            begin_ms + span_ms * sum(sizes[:index]) // sum(sizes) for index in range(len(sizes))
        )
    return starts
