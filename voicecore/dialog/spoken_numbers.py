"""Turns spoken numbers into digits: "oh", "double five", "twelve fifty-five", "nineteen hundred".

Theory of operation: the words become pieces ("fifty" is `50`, "five" is `5`). Pieces that follow
each other are either joined as spoken ("five fifty-five" is 5 55) or, where a ten is followed by a
one, can be read in two ways ("fifty five" is 55 or 50 5); `digit_readings` yields both, the usual
one first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product

import phonenumbers

from voicecore.dialog.number_words import ONES, TENS
from voicecore.dialog.plain_words import comma_words

_ONES = {word: str(number) for number, word in enumerate(ONES[:10])}
_ZEROS = {"oh": "0", "o": "0", "ow": "0", "nought": "0", "naught": "0", "nil": "0", "null": "0"}
_HEARD_AS = {"won": "1", "to": "2", "too": "2", "tree": "3", "for": "4", "fore": "4", "ate": "8"}
_TEENS = {word: str(number) for number, word in enumerate(ONES[10:], start=10)}
_TENS = {word: f"{number}0" for number, word in enumerate(TENS[2:], start=2)} | {"fourty": "40"}
_REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_BETWEEN = comma_words(
    "uh,um,er,like,so,then,and,dash,hyphen,space,dot,area,code,plus,the,number,is,it's,its,my,"
    "that's,phone,mobile,cell,extension,please,yeah,ok,okay"
)
_MOST_READINGS = 32
_WORD = re.compile(r"\+|[0-9]+|[a-z']+")

Piece = tuple[str, ...]
"""One number word: its possible digit strings, the usual one first."""


def spoken_digits(text: str) -> str:
    """Return all digits said in `text`, in order; other words are skipped."""
    return next(digit_readings(text), "")


def digit_readings(text: str) -> Iterator[str]:
    """Yield the digit strings that `text` may stand for, the most usual first; at most 32."""
    pieces = [piece for run in _runs(text) for piece in run]
    if pieces:
        for choice in islice(product(*pieces), _MOST_READINGS):
            yield "".join(choice)


def phone_candidates(text: str, region: str = "US") -> tuple[str, ...]:
    """Return the valid phone numbers said in `text` as E.164, each once, likeliest first.

    `region` is the ISO country of numbers said without a country code.
    """
    found: dict[str, None] = {}
    for run in _runs(text):
        plus = "+" if text.strip().startswith("+") else ""
        for choice in islice(product(*run), _MOST_READINGS):
            number = _valid_number(plus + "".join(choice), region)
            if number is not None:
                found[number] = None
    return tuple(found)


def _valid_number(digits: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _runs(text: str) -> list[list[Piece]]:
    """Split the number words of `text` into runs that other words separate."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    runs: list[list[Piece]] = [[]]
    at = 0
    while at < len(words):
        piece, used = _piece(words, at, inside=bool(runs[-1]))
        if piece is not None:
            runs[-1].append(piece)
        elif words[at] not in _BETWEEN and words[at] != "+" and runs[-1]:
            runs.append([])
        at += used
    return [run for run in runs if run]


def _piece(words: list[str], at: int, *, inside: bool) -> tuple[Piece | None, int]:
    """Read the piece at `at`; returns it (None: not a number) and how many words it took."""
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else ""
    if word in _REPEATS and _single(following, strict=False) is not None:
        return ((_single(following, strict=False) or "") * _REPEATS[word],), 2
    if word.isdigit():
        return _with_scale((word,), words, at + 1, 1)
    single = _single(word, strict=not inside)
    if single is not None:
        return _with_scale((single,), words, at + 1, 1)
    if inside and word in _HEARD_AS:
        return (_HEARD_AS[word], ""), 1
    if word in _TEENS:
        return _with_scale((_TEENS[word],), words, at + 1, 1)
    if word in _TENS:
        return _tens(words, at)
    return None, 1


def _tens(words: list[str], at: int) -> tuple[Piece, int]:
    ten = _TENS[words[at]]
    one = _ONES.get(words[at + 1]) if at + 1 < len(words) else None
    if one in (None, "0"):
        return _with_scale((ten,), words, at + 1, 1)
    joined = ten[0] + str(one)
    if at + 2 < len(words) and words[at + 2] in ("hundred", "thousand"):
        return _with_scale((joined,), words, at + 2, 2)
    return (joined, ten + str(one)), 2


def _with_scale(piece: Piece, words: list[str], at: int, used: int) -> tuple[Piece, int]:
    if at < len(words) and words[at] == "hundred":
        return tuple(f"{part}00" for part in piece), used + 1
    if at < len(words) and words[at] == "thousand":
        return tuple(f"{part}000" for part in piece), used + 1
    return piece, used


def _single(word: str, *, strict: bool) -> str | None:
    """Return the digit of a word; a lone "o" counts only inside a number."""
    if word.isdigit() and len(word) == 1:
        return word
    if word == "o" and strict:
        return None
    return _ONES.get(word) or _ZEROS.get(word)
