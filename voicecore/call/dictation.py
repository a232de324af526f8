"""Counts what has been dictated so far: the digits or letters that end a caller's words."""

from __future__ import annotations

from collections.abc import Iterator

_DIGITS = {
    **{word: str(at) for at, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )},
    "oh": "0", "o": "0", "to": "2", "too": "2", "for": "4", "won": "1", "ate": "8", "niner": "9",
}  # fmt: skip
_TEENS = {
    word: str(at)
    for at, word in enumerate(
        ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
         "eighteen", "nineteen"), start=10,
    )
}  # fmt: skip
_TENS = {
    word: str(at)
    for at, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
_SCALES = {"hundred": "00", "thousand": "000"}
_REPEATS = {"double": 2, "triple": 3}
_LETTERS = frozenset(
    (
        *("alfa", "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"),
        *("india", "juliett", "juliet", "kilo", "lima", "mike", "november", "oscar", "papa"),
        *("quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee"),
        *("zulu", "bee", "cee", "see", "dee", "gee", "jay", "kay", "el", "em", "en", "pee", "cue"),
        *("ar", "es", "tee", "vee", "ex", "zee", "zed", "why", "you", "eff", "aitch"),
    )
)
_BETWEEN = frozenset(
    ("um", "uh", "er", "and", "then", "dash", "hyphen", "space", "area", "code", "the", "plus")
)


def dictated_digits(words: tuple[str, ...]) -> str:
    """Return the digits that end `words`; a word that is none of a number begins anew."""
    digits = ""
    for part in _parts(words):
        digits = digits + part if part.isdigit() else "" if part else digits
    return digits


def dictated_characters(words: tuple[str, ...]) -> int:
    """Return how many letters and digits end `words`, "B as in boy" being one."""
    count = 0
    for part in _parts(words):
        count = 0 if part == _OTHER else count + len(part)
    return count


_OTHER = "\N{MIDDLE DOT}"
"""A word that belongs to no dictation."""


def _parts(words: tuple[str, ...]) -> Iterator[str]:
    """Yield what each word adds: characters, nothing, or `_OTHER`."""
    at = 0
    while at < len(words):
        part, used = _part(words, at)
        yield part
        at += used


def _part(words: tuple[str, ...], at: int) -> tuple[str, int]:
    word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
    if word in _REPEATS:
        single = _single(following)
        return (single * _REPEATS[word], 2) if single else ("", 1)
    if word in _TENS:
        one = _DIGITS.get(following, "0")
        return _TENS[word] + one, 2 if one != "0" else 1
    if word in _TEENS or word in _SCALES:
        return _TEENS.get(word) or _SCALES[word], 1
    part = word if any(character.isdigit() for character in word) else _single(word)
    if part:
        return part, 1 + _clarifier_length(words, at + 1)
    return ("", 1) if word in _BETWEEN else (_OTHER, 1)


def _single(word: str) -> str:
    """Return the digit or the letter that a word stands for; empty: for none."""
    if word in _DIGITS:
        return _DIGITS[word]
    return word[:1] if len(word) == 1 or word in _LETTERS else ""


def _clarifier_length(words: tuple[str, ...], at: int) -> int:
    """Return how many words say which letter was meant ("as in boy")."""
    if words[at : at + 2] == ("as", "in"):
        return len(words[at : at + 3])
    return 0
