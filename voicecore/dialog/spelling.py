"""Letters as callers spell them ("S as in Sam", "double L"), and as the agent spells them back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voicecore.dialog.number_words import ONES
from voicecore.dialog.plain_words import comma_words

_ALPHABET = """
Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa
Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu
"""
TELEPHONE_WORDS = {word[0]: word for word in _ALPHABET.split()}
"""The word that makes each letter clear. Source: ITU Radio Regulations, appendix 14."""
_OTHER_WORDS = """
alpha juliet whisky xray adam baker boy david edward frank george henry ida john king lincoln mary
nora ocean paul queen robert sam tom union william young zebra apple dog cat nancy peter larry
"""
_WORD_LETTERS = {word.lower(): word[0] for word in TELEPHONE_WORDS.values()} | {
    word: word[0].upper() for word in _OTHER_WORDS.split()
}
_NAMES = (
    "A:ay,eh B:bee,be C:cee,see,sea D:dee E:ee F:ef,eff G:gee H:aitch,haitch I:eye J:jay "
    "K:kay,cay L:el,ell M:em N:en O:oh,owe P:pee Q:cue,queue R:ar,are S:es,ess T:tee,tea U:you "
    "V:vee X:ex Y:why,wye Z:zee,zed"
)
_LETTER_NAMES = {
    name: letters
    for letters, _, names in (entry.partition(":") for entry in _NAMES.split())
    for name in names.split(",")
}
_SIGNS = {"hyphen": "-", "dash": "-", "apostrophe": "'"}
_REPEATS = {"double": 2, "triple": 3}
_BETWEEN = comma_words("and,then,capital,letter,with,uh,um,comma,next,is")
_CLARIFIERS = (("as", "in"), ("like", "in"), ("is", "for"), ("as",), ("for",), ("like",))
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_X_RAY = re.compile(r"\bx[ -]ray\b", re.IGNORECASE)
_DOUBLE_U = re.compile(r"\bdouble[ -](?:u|you)\b", re.IGNORECASE)
_DOTTED = re.compile(r"\b[A-Za-z](?:-[A-Za-z])+\b")
_FEWEST = 2
"""So many letters in a row are a spelling; one alone is an initial or an article."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """What was said before a spelling, its letters in upper case, and what came after it.

    `is_clear` is False where a letter and its word disagree ("B as in dog"); `has_pause`: a comma
    stands before the first letter.
    """

    before: str
    letters: str
    after: str
    is_clear: bool = True
    has_pause: bool = False


def letter_of(word: str) -> str | None:
    """Return the letter that one spoken word stands for; None: it is no letter."""
    plain = word.lower()
    if len(plain) == 1 and plain.isalpha():
        return plain.upper()
    return _WORD_LETTERS.get(plain) or _LETTER_NAMES.get(plain)


def find_spelling(text: str) -> Spelling | None:
    """Return the last spelling in `text`; None where nothing was spelled."""
    plain = _DOUBLE_U.sub("W", _X_RAY.sub("xray", text))
    plain = _DOTTED.sub(lambda match: match[0].replace("-", " "), plain)
    matches = list(_TOKEN.finditer(plain))
    words = [match[0] for match in matches]
    found: Spelling | None = None
    at = 0
    while at < len(words):
        letters, end, is_clear = _run(words, at)
        if letters[1:] == words[at].upper() and len(letters) > _FEWEST:
            # "Baker, B A K E R": the name itself is one of the spelling words.
            letters, end, is_clear = _run(words, at + 1)
            at += 1
        if sum(letter.isalpha() for letter in letters) >= _FEWEST and _is_spelled(words[at:end]):
            before = plain[: matches[at].start()]
            after = plain[matches[end - 1].end() :]
            found = Spelling(
                before=before.strip(" ,.:;-"),
                letters=letters,
                after=after.strip(" ,.:;-"),
                is_clear=is_clear,
                has_pause=before.rstrip().endswith((",", ".", ":", ";")),
            )
        at = max(end, at + 1)
    return found


def spell_back(text: str) -> str:
    """Spell letters and digits so that nobody mistakes them: "T as in Tango, seven"."""
    return ", ".join(_said(character) for character in text.upper() if character.isalnum())


def _said(character: str) -> str:
    if character in _DIGITS:
        return _DIGITS[character]
    word = TELEPHONE_WORDS.get(character)
    return f"{character} as in {word}" if word else character


_DIGITS = dict(zip("0123456789", ["zero", *ONES[1:10]], strict=True))


def _run(words: Sequence[str], at: int) -> tuple[str, int, bool]:
    """Read letters from `at` on; returns them, where they end, and whether they are clear."""
    letters, end, is_clear = "", at, True
    while at < len(words):
        part, used, agrees = _part(words, at)
        if part is None and letters and words[at].lower() in _BETWEEN:
            at += 1
            continue
        if part is None:
            break
        letters, at, is_clear = letters + part, at + used, is_clear and agrees
        end = at
    return letters, end, is_clear


def _part(words: Sequence[str], at: int) -> tuple[str | None, int, bool]:
    """Read one letter or sign; returns it, how many words it took, and whether it is clear."""
    word = words[at].lower()
    if word in _SIGNS:
        return _SIGNS[word], 1, True
    if word in _REPEATS and at + 1 < len(words):
        part, used, agrees = _part(words, at + 1)
        if part is not None and len(part) == 1:
            return part * _REPEATS[word], used + 1, agrees
    letter = letter_of(word)
    if letter is None:
        return None, 1, True
    for clarifier in _CLARIFIERS:
        after = at + 1 + len(clarifier)
        follows = tuple(said.lower() for said in words[at + 1 : after])
        if follows == clarifier and after < len(words) and len(words[after]) > 1:
            meant = words[after][0].upper()
            return meant, len(clarifier) + 2, meant == letter
    return letter, 1, True


def _is_spelled(words: Sequence[str]) -> bool:
    """Say whether these words are letters and not a phrase that sounds like some ("I see you")."""
    certain = sum(len(word) == 1 or word.lower() in _WORD_LETTERS for word in words)
    single = sum(len(word) == 1 and word.lower() not in ("a", "i") for word in words)
    return certain * 2 > len(words) - _clarifying(words) and (certain >= 3 or single >= 1)


def _clarifying(words: Sequence[str]) -> int:
    return sum(word.lower() in ("as", "in", "for", "like", "double", "triple") for word in words)
