"""Turns spoken numbers into digits: "oh", "double five", "twelve fifty-five", "nineteen hundred".

Theory of operation: the words become pieces ("fifty" is `50`, "five" is `5`). Pieces that follow
each other are either joined as spoken ("five fifty-five" is 5 55) or can be read in two ways:
"fifty five" is 55 or 50 5, and "eight hundred five" is 805 or 800 5, as in a phone number.
`digit_readings` yields both, the usual one first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product

import phonenumbers

from voicecore.dialog.number_words import ONES, TENS
from voicecore.dialog.plain_words import comma_words

_ONES = {word: str(number) for number, word in enumerate(ONES[:10])} | {"niner": "9"}
_ZEROS = {"oh": "0", "o": "0", "ow": "0", "nought": "0", "naught": "0", "nil": "0", "null": "0"}
_HEARD_AS = {"won": "1", "to": "2", "too": "2", "tree": "3", "for": "4", "fore": "4", "ate": "8"}
_TEENS = {word: str(number) for number, word in enumerate(ONES[10:], start=10)}
_TENS = {word: f"{number}0" for number, word in enumerate(TENS[2:], start=2)} | {"fourty": "40"}
_REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_BETWEEN = comma_words(
    "uh,um,er,like,so,then,and,dash,hyphen,space,dot,area,code,plus,the,number,is,it's,its,my,"
    "that's,phone,mobile,cell,extension,ext,please,yeah,ok,okay"
)
_SCALES = {"hundred": 100, "thousand": 1000}
_SCALED_MAX = 1_000_000
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


def is_number_word(word: str) -> bool:
    """Say whether a word is one of a number: "oh", "5", "fifty", "hundred", "too"."""
    plain = word.lower()
    return plain.isdigit() or any(
        plain in known for known in (_ONES, _ZEROS, _HEARD_AS, _TEENS, _TENS, _SCALES)
    )


def phone_candidates(text: str, region: str = "US") -> tuple[str, ...]:
    """Return the valid phone numbers said in `text` as E.164, each once, likeliest first.

    `region` is the ISO country of numbers said without a country code.
    """
    found: dict[str, None] = {}
    for run in _runs(text):
        plus = "+" if text.strip().lower().startswith(("+", "plus ")) else ""
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
    following = _word(words, at + 1)
    if word in _REPEATS and _single(following, strict=False) is not None:
        return ((_single(following, strict=False) or "") * _REPEATS[word],), 2
    scaled = _scaled(words, at)
    if scaled is not None:
        return scaled
    if word.isdigit():
        return (word,), 1
    single = _single(word, strict=not inside and not _begins_number(words, at + 1))
    if single is not None:
        return (single,), 1
    if inside and word in _HEARD_AS:
        return (_HEARD_AS[word], ""), 1
    if word in _TEENS:
        return (_TEENS[word],), 1
    if word in _TENS:
        return _tens(words, at)
    return None, 1


def _scaled(words: list[str], at: int) -> tuple[Piece, int] | None:
    """Read "nineteen hundred" or "forty-five thousand two hundred"; None: there is no such word.

    Each part must fit into the zeros of the one before, or it begins a number of its own.
    """
    thousands = group = parts = 0
    room, joined, end = _SCALED_MAX, "", at
    while room > 1:
        begin = end + 1 if parts and _word(words, end) == "and" else end
        small = _below_hundred(words, begin) if parts else _leading(words, begin)
        if small is None:
            break
        number, after = small
        scale = _SCALES.get(_word(words, after), 1)
        if scale == 1 and not parts:
            return None
        if scale == 1000 and group and not thousands:
            scale = 1  # "one hundred and twenty thousand": the word multiplies all before it
        if number * scale >= room:
            break
        parts, group, room = parts + 1, group + number * scale, scale
        joined, end = f"{joined}{number * scale}", after + (scale > 1)
        if scale < 1000 and not thousands and _word(words, end) == "thousand":
            group, joined, end, room = group * 1000, f"{joined}000", end + 1, 1000
        if room == 1000:
            thousands, group = group, 0
    if not parts:
        return None
    total = str(thousands + group)
    readings = (joined, total) if _begins_number(words, end) else (total, joined)
    return tuple(dict.fromkeys(readings)), end - at


def _leading(words: list[str], at: int) -> tuple[int, int] | None:
    """Read what can stand before "hundred": also "a", and up to three digits."""
    word = _word(words, at)
    if word == "a":
        return 1, at + 1
    if word.isdigit() and len(word) <= 3 and word[0] != "0":
        return int(word), at + 1
    return _below_hundred(words, at)


def _below_hundred(words: list[str], at: int) -> tuple[int, int] | None:
    """Read a whole number from 1 to 99; returns it and where it ends."""
    word = _word(words, at)
    if word in _TEENS:
        return int(_TEENS[word]), at + 1
    one = int(_ONES.get(word, "0"))
    if one:
        return one, at + 1
    if word not in _TENS:
        return None
    one = int(_ONES.get(_word(words, at + 1), "0"))
    return int(_TENS[word]) + one, at + 2 if one else at + 1


def _begins_number(words: list[str], at: int) -> bool:
    """Say whether the next word that counts is one of a number."""
    while _word(words, at) in _BETWEEN:
        at += 1
    word = _word(words, at)
    return word.isdigit() or any(
        word in known for known in (_ONES, _ZEROS, _TEENS, _TENS, _REPEATS)
    )


def _word(words: list[str], at: int) -> str:
    return words[at] if at < len(words) else ""


def _tens(words: list[str], at: int) -> tuple[Piece, int]:
    ten = _TENS[words[at]]
    one = _ONES.get(_word(words, at + 1))
    if one in (None, "0"):
        return (ten,), 1
    return (ten[0] + str(one), ten + str(one)), 2


def _single(word: str, *, strict: bool) -> str | None:
    """Return the digit of a word; a lone "o" counts only inside a number."""
    if word.isdigit() and len(word) == 1:
        return word
    if word == "o" and strict:
        return None
    return _ONES.get(word) or _ZEROS.get(word)
