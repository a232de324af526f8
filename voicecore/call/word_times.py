"""When each word of a segment ends in its audio, from the text and the pauses alone.

The speaker tells neither words nor times. Every word gets a weight: its sounds, estimated from its
letters. Where nothing else is known, time is shared out by weight. Pauses in the audio say more: a
pause lies between two words, most likely behind a comma or a full stop, and close to where the
weights put that word's end. The best way to give pauses to word ends is found by dynamic
programming; between two pauses time is shared out by weight again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

Spans = tuple[tuple[int, int], ...]

_VOWELS = re.compile(r"[aeiouy]+")
_HISSES = re.compile(r"sh|ch|th|ph|[sfzx]|c(?=[eiy])")
_STOPPED = re.compile(r"ck|[ptkqbdg]|c(?![eiyhk])")
_SONORANTS = re.compile(r"[mnlrwvjh]")
_SILENT_E = re.compile(r"(?<=[a-z][b-df-hj-np-tv-xz])e(s?)(?![a-z])")
# Fitted to espeak-ng: 12 voices, 33 sentences, 4,800 words; the unit is a word of mean length.
_WORD = 0.62
_VOWEL = 0.16
_LATER_VOWEL = 0.41
"""From the third on: a long word loses none of them."""
_HISS, _STOPPED_SOUND, _SONORANT = 0.11, 0.12, 0.055
_DIGIT = 0.6
_SIGN = 1.57
_FINAL = 0.45
"""The last word before a comma or a full stop is drawn out."""
_FINAL_SYLLABLES = 0.7
_LIGHT = -0.36
_LEAST = 0.25
_LIGHT_WORDS = frozenset(
    (
        *("a", "an", "the", "of", "to", "in", "on", "at", "for", "and", "or", "is", "it", "as"),
        *("by", "be", "your", "you", "we", "i", "our", "from", "with", "that", "this", "was"),
        *("are", "can", "will"),
    )
)
_STOPS = (".", "!", "?", ":", ";")
_COMMAS = (",", "-", "–", "—")
_DEVIATION_MS = 150.0
_COMMA_WORTH, _COMMA_MS = 3.0, 130.0
_STOP_WORTH, _STOP_MS = 4.0, 180.0
_PLAIN_WORTH = -2.0
_NO_PLACE_MS = 120.0
_LENGTH_WORTH = 3.0


@lru_cache(maxsize=512)
def word_ends_ms(text: str, audio_ms: int, sounds: Spans) -> tuple[float, ...]:
    """Return the end of each word of `text`; `sounds` are the stretches that are no pause."""
    words = text.split()
    weights = list(accumulate(_weight(word) for word in words))
    spans = sounds or ((0, audio_ms),)
    if not words:
        return ()
    anchors = _anchors(words, weights, spans)
    syllables = list(accumulate(_syllables(word) for word in words))
    ends: list[float] = []
    for index in range(len(words)):
        by_weight = _place(index, weights, spans, anchors)
        by_syllables = _place(index, syllables, spans, anchors)
        ends.append(max(by_weight, by_syllables, *ends[-1:]))
    return tuple(ends)


def _weight(word: str) -> float:
    """Return how long the word is, as a share of a mean word."""
    plain = word.lower()
    bare = "".join(sign for sign in plain if sign.isalnum())
    vowels = len(_VOWELS.findall(_SILENT_E.sub(r"\1", plain)))
    weight = (
        _WORD
        + _VOWEL * min(vowels, 2)
        + _LATER_VOWEL * max(0, vowels - 2)
        + _HISS * len(_HISSES.findall(plain))
        + _STOPPED_SOUND * len(_STOPPED.findall(plain))
        + _SONORANT * len(_SONORANTS.findall(plain))
        + _DIGIT * sum(1 for sign in bare if sign.isdigit())
        + _SIGN * sum(1 for sign in plain if sign in "$%€£")
    )
    if plain.endswith(_STOPS + _COMMAS):
        weight += _FINAL
    if bare in _LIGHT_WORDS:
        weight += _LIGHT
    return max(_LEAST, weight)


def _syllables(word: str) -> float:
    final = _FINAL_SYLLABLES if word.endswith(_STOPS + _COMMAS) else 0.0
    return max(1, len(_VOWELS.findall(word.lower()))) + final


def _anchors(words: Sequence[str], weights: Sequence[float], spans: Spans) -> list[tuple[int, int]]:
    """Return (word, pause) pairs in order: pause `p` lies behind word `w`."""
    sounding = list(accumulate(end - start for start, end in spans))
    pauses = range(len(spans) - 1)
    lengths = [spans[p + 1][0] - spans[p][1] for p in pauses]
    guesses = [weight / weights[-1] * sounding[-1] for weight in weights]
    best: list[tuple[float, tuple[tuple[int, int], ...]]] = [(0.0, ())] * len(words)
    for pause in pauses:
        taken: list[tuple[float, tuple[tuple[int, int], ...]]] = []
        for word in range(len(words)):
            unplaced = _LENGTH_WORTH * max(0.0, math.log(lengths[pause] / _NO_PLACE_MS))
            skipped = (best[word][0] - unplaced, best[word][1])
            before = best[word - 1] if word else (0.0, ())
            worth = _worth(words[word], lengths[pause], guesses[word], sounding[pause])
            if word == len(words) - 1:
                worth = -math.inf
            with_it = (before[0] + worth, (*before[1], (word, pause)))
            option = max(skipped, with_it)
            taken.append(max(taken[-1], option) if taken else option)
        best = taken
    return list(best[-1][1])


def _worth(word: str, pause_ms: int, guess_ms: float, sounding_ms: float) -> float:
    """Return how well a pause fits behind a word; below zero it is rather none of its own."""
    off = (guess_ms - sounding_ms) / _DEVIATION_MS / (1 + sounding_ms / 2500)
    if word.endswith(_STOPS):
        worth = _STOP_WORTH + _LENGTH_WORTH * math.log(pause_ms / _STOP_MS)
    elif word.endswith(_COMMAS):
        worth = _COMMA_WORTH + _LENGTH_WORTH * math.log(pause_ms / _COMMA_MS)
    else:
        worth = _PLAIN_WORTH
    return worth - off * off


def _place(
    word: int, weights: Sequence[float], spans: Spans, anchors: Sequence[tuple[int, int]]
) -> float:
    """Return when this word ends: by weight, between the pauses around it."""
    first_word, first_span = -1, 0
    last_word, last_span = len(weights) - 1, len(spans) - 1
    for anchored, pause in anchors:
        if anchored < word:
            first_word, first_span = anchored, pause + 1
        else:
            last_word, last_span = anchored, pause
            break
    base = weights[first_word] if first_word >= 0 else 0.0
    share = (weights[word] - base) / (weights[last_word] - base)
    return _after(share, spans[first_span : last_span + 1])


def _after(share: float, spans: Spans) -> float:
    """Return the time at which this share of the sounding time is over."""
    left = share * sum(end - start for start, end in spans)
    for start, end in spans[:-1]:
        if left <= end - start + 1e-9:
            return start + left
        left -= end - start
    start, end = spans[-1]
    return min(start + left, float(end))
