"""Text and audio: which words of a reply were heard when its audio stopped at a position.

The speaker tells how long a segment's audio is, not where its words lie in it. Where its pauses are
known, `word_times` places the words between them. Where they are not, the end of each word is
estimated by two measures, letters and syllables, and the later of the two is taken. A margin comes
on top: a word too few is harmless, a word that was never heard misleads the model.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from voicecore.call.word_times import word_ends_ms

MARGIN_MS = 160
"""A word counts as heard only so long after its estimated end."""
MARGIN_BETWEEN_PAUSES_MS = 180
"""The same where the pauses of the audio are known."""
MARGIN_SHARE = 0.05
"""And this share of the segment's audio on top: pauses shift long sentences by more."""
SLOW_LETTER_MS = 110
"""A segment of unknown length is taken to be spoken so slowly; voices need 60 to 80 ms."""

_VOWEL_GROUPS = re.compile(r"[aeiouy]+")
_DIGIT_SYLLABLES = 2.0
_DIGIT_LETTERS = 4.0
_COMMA_LETTERS = 2.5
_STOP_LETTERS = 2.0
_COMMA_SYLLABLES = 1.0
_STOP_SYLLABLES = 3.4


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """One segment of a reply as far as it is known.

    `start_ms` in the reply's own audio, None where nothing of it was played; `audio_ms` None
    while it is being synthesised; `heard`: its mark came back. `sounds`: the stretches of its audio
    that are no pause, in ms; empty where they are not known.
    """

    text: str
    start_ms: int | None
    audio_ms: int | None
    heard: bool
    sounds: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """The words that reached the caller; `complete` when none is missing."""

    text: str
    complete: bool


def heard_text(segments: Sequence[SpokenSegment], played_ms: int | None) -> Heard:
    """Return what was heard of a reply that was played up to `played_ms` of its own audio.

    Only whole words are kept, and none that was not played. Where the position is not known
    (None) only segments whose mark came back count.
    """
    parts = [_heard_of(segment, played_ms) for segment in segments]
    text = " ".join(part.text for part in parts if part.text)
    return Heard(text, all(part.complete for part in parts))


def _heard_of(segment: SpokenSegment, played_ms: int | None) -> Heard:
    if segment.heard:
        return Heard(segment.text, True)
    if segment.start_ms is None or played_ms is None:
        return Heard("", False)
    within_ms = played_ms - segment.start_ms
    if segment.audio_ms is not None and within_ms >= segment.audio_ms > 0:
        return Heard(segment.text, True)
    words = segment.text.split()
    if segment.audio_ms is not None and segment.sounds:
        ends_ms = word_ends_ms(segment.text, segment.audio_ms, segment.sounds)
        sure_ms = within_ms - MARGIN_BETWEEN_PAUSES_MS
        count = min(bisect_right(ends_ms, sure_ms), max(0, len(words) - 1))
    else:
        count = _words_before(words, within_ms, segment.audio_ms)
    return Heard(" ".join(words[:count]), False)


def _words_before(words: Sequence[str], within_ms: int, audio_ms: int | None) -> int:
    """Return how many words end before `within_ms`; at least one is kept back."""
    if audio_ms is None:
        letters = list(accumulate(_letters(word) for word in words))
        ends_ms = [total * SLOW_LETTER_MS for total in letters]
        margin_ms = float(MARGIN_MS)
    else:
        ends_ms = [share * audio_ms for share in _word_ends(words)]
        margin_ms = MARGIN_MS + MARGIN_SHARE * audio_ms
    count = sum(1 for end_ms in ends_ms if end_ms + margin_ms <= within_ms)
    return max(0, min(count, len(words) - 1))


def _word_ends(words: Sequence[str]) -> list[float]:
    """Return where each word ends, as a share of the segment, by the more careful measure."""
    by_letters = _shares([_letters(word) for word in words])
    by_syllables = _shares([_syllables(word) for word in words])
    return [max(pair) for pair in zip(by_letters, by_syllables, strict=True)]


def _shares(weights: Sequence[float]) -> list[float]:
    total = sum(weights)
    return [running / total for running in accumulate(weights)]


def _letters(word: str) -> float:
    plain = sum(_DIGIT_LETTERS if sign.isdigit() else 1.0 for sign in word if sign.isalnum())
    return max(1.0, plain) + _pause(word, _COMMA_LETTERS, _STOP_LETTERS)


def _syllables(word: str) -> float:
    digits = sum(1 for sign in word if sign.isdigit())
    groups = len(_VOWEL_GROUPS.findall(word.lower()))
    return max(1.0, groups + digits * _DIGIT_SYLLABLES) + _pause(
        word, _COMMA_SYLLABLES, _STOP_SYLLABLES
    )


def _pause(word: str, comma: float, stop: float) -> float:
    """Return the weight of the pause behind a word."""
    if word.endswith((".", "!", "?", ":", ";")):
        return stop
    return comma if word.endswith((",", "-", "–", "—")) else 0.0
