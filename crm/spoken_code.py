"""Reads codes that are said character by character: plates, VINs and postcodes.

Understands single characters, spelling words ("Tango", "T as in Tango"), the names of letters as a
recogniser writes them ("bee", "zed"), number words ("oh", "seventy-four", "nineteen hundred") and
repetition ("double five").
"""

from __future__ import annotations

import re
import unicodedata

CODE_MAX_CHARS = 400

_SPELLING_WORDS = """
alfa alpha bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november
oscar papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu
adam baker boy david edward frank george henry ida john king lincoln mary nora ocean paul queen
robert sam tom union william young zebra apple dog cat nancy peter larry
"""
_SPELLED = {word: word[0].upper() for word in _SPELLING_WORDS.split()}
_LETTER_NAMES = {
    **dict.fromkeys(("ay",), "A"),
    **dict.fromkeys(("bee", "be"), "B"),
    **dict.fromkeys(("cee", "see", "sea"), "C"),
    **dict.fromkeys(("dee",), "D"),
    **dict.fromkeys(("ee",), "E"),
    **dict.fromkeys(("ef", "eff"), "F"),
    **dict.fromkeys(("gee",), "G"),
    **dict.fromkeys(("aitch", "haitch"), "H"),
    **dict.fromkeys(("eye",), "I"),
    **dict.fromkeys(("jay",), "J"),
    **dict.fromkeys(("kay", "okay"), "K"),
    **dict.fromkeys(("el", "ell"), "L"),
    **dict.fromkeys(("em",), "M"),
    **dict.fromkeys(("en",), "N"),
    **dict.fromkeys(("pee",), "P"),
    **dict.fromkeys(("cue", "queue"), "Q"),
    **dict.fromkeys(("ar", "are"), "R"),
    **dict.fromkeys(("es", "ess"), "S"),
    **dict.fromkeys(("tee", "tea"), "T"),
    **dict.fromkeys(("you",), "U"),
    **dict.fromkeys(("vee",), "V"),
    **dict.fromkeys(("ex",), "X"),
    **dict.fromkeys(("why", "wye"), "Y"),
    **dict.fromkeys(("zee", "zed"), "Z"),
}
_ONE_WORDS = "zero one two three four five six seven eight nine"
_TEEN_WORDS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {
    **{word: str(at) for at, word in enumerate(_ONE_WORDS.split())},
    **dict.fromkeys(("oh", "nought", "naught"), "0"),
    "won": "1", "to": "2", "too": "2", "tree": "3", "for": "4", "ate": "8", "niner": "9",
}  # fmt: skip
_TEENS = {word: str(at) for at, word in enumerate(_TEEN_WORDS.split(), start=10)}
_TENS = {word: str(at) for at, word in enumerate(_TEN_WORDS.split(), start=2)}
_SCALES = {"hundred": "00", "thousand": "000"}
_REPEATS = {"double": 2, "triple": 3, "treble": 3}
_FILLER_WORDS = """
uh um er my the its it's it is that's that plate license licence number tag vin zip postal code
postcode and then dash hyphen space dot plus letter capital please yeah yes so ok
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
_CLARIFIERS = (("as", "in"), ("like", "in"), ("as",), ("for",), ("like",))
_WORD = re.compile(r"[A-Za-z0-9']+")
_BARE_MAX_CHARS = 3
_DOUBLE_YOU = re.compile(r"\bdouble[ -](?:u|you)\b", re.IGNORECASE)
_X_RAY = re.compile(r"\bx[ -]ray\b", re.IGNORECASE)


def spoken_code(text: str) -> str | None:
    """Return the letters and digits that were said, in upper case and without anything between.

    None: it holds a word that is no part of a code, or is longer than 400 characters. Empty: it
    holds nothing at all.
    """
    if len(text) > CODE_MAX_CHARS:
        return None
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    if any(char.isalnum() and not char.isascii() for char in plain):
        return None
    words = _WORD.findall(_X_RAY.sub("xray", _DOUBLE_YOU.sub("W", plain)))
    code: list[str] = []
    at = 0
    while at < len(words):
        part, used = _part(words, at)
        if part is None:
            return None
        code.append(part)
        at += used
    return "".join(code)


def _part(words: list[str], at: int) -> tuple[str | None, int]:
    """Read the word at `at`; returns its characters (None: no part of a code) and words taken."""
    word = words[at].lower()
    if word in _REPEATS and at + 1 < len(words):
        part, used = _part(words, at + 1)
        single = part is not None and len(part) == 1
        return (part * _REPEATS[word], used + 1) if part and single else (None, 1)
    clarified = _clarified(words, at)
    if clarified is not None:
        return clarified
    if word in _TENS:
        return _tens(words, at)
    plain = _TEENS.get(word) or _ONES.get(word)
    if plain is not None:
        scale = _SCALES.get(words[at + 1].lower(), "") if at + 1 < len(words) else ""
        return plain + scale, 2 if scale else 1
    return _bare(words[at]), 1


def _clarified(words: list[str], at: int) -> tuple[str, int] | None:
    """Read "T as in Tango"; where the two disagree the word is right, being easier to hear."""
    letter = _letter(words[at])
    if letter is None:
        return None
    for clarifier in _CLARIFIERS:
        follows = tuple(word.lower() for word in words[at + 1 : at + 1 + len(clarifier)])
        end = at + 1 + len(clarifier)
        if follows == clarifier and end < len(words):
            spelled = words[end].lower()
            if len(spelled) > 1 and spelled.isalpha() and spelled not in _ONES:
                return spelled[0].upper(), len(clarifier) + 2
    return None


def _tens(words: list[str], at: int) -> tuple[str, int]:
    ten = _TENS[words[at].lower()]
    following = words[at + 1].lower() if at + 1 < len(words) else ""
    if following in _SCALES:
        return f"{ten}0{_SCALES[following]}", 2
    one = _ONES.get(following, "0")
    return (f"{ten}{one}", 2) if one != "0" else (f"{ten}0", 1)


def _bare(word: str) -> str | None:
    lower = word.lower()
    if lower in _FILLERS:
        return ""
    letter = _letter(word)
    if letter is not None:
        return letter
    code = word.replace("'", "").upper()
    # "BK74219" and "abc" are characters run together; "love" in lower case is a word of a sentence.
    run_together = any(char.isdigit() for char in code) or word.isupper()
    return code if run_together or len(code) <= _BARE_MAX_CHARS else None


def _letter(word: str) -> str | None:
    lower = word.lower()
    if len(word) == 1 and word.isalpha():
        return word.upper()
    return _SPELLED.get(lower) or _LETTER_NAMES.get(lower)
