"""Names of people as a caller gives them: checked, and written as their owners write them."""

from __future__ import annotations

import re
import unicodedata

from crm.errors import InputError
from crm.problem import Problem
from crm.text import NAME_MAX_CHARS, clean_name

_ASK = {
    "first_name": "What is your first name?",
    "last_name": "What is your last name? You can spell it if you like.",
}
_ASK_OTHER = "What name may I put down?"
_ASK_SPELL = "I want to get your name right. Could you spell it for me?"
_ASK_SHORTER = "That is too long for me to write down. What is the short form of your name?"
_JOINING = frozenset(" '’-.·\u200c\u200d")
# What a carrier puts where there is no name. "None", "Null" and "Yes" are names of people.
_NO_NAMES = frozenset({"anonymous", "unknown", "unavailable"})
_SMALL_WORDS = "al bin da das de del della den der di do dos du el la le ten ter van von y zu zum"
_PARTICLES = frozenset(_SMALL_WORDS.split())
_SUFFIXES = {"jr": "Jr", "jr.": "Jr.", "sr": "Sr", "sr.": "Sr.", "ii": "II", "iii": "III",
    "iv": "IV"}  # fmt: skip
_BREAKS = re.compile(r"(['’-])")
_FOUR_ALIKE = re.compile(r"(\w)\1{3}", re.IGNORECASE)
_ONE_LETTER_PREFIX = frozenset({"o", "d", "l", "n"})


def read_name(text: str, field: str) -> str | Problem:
    """Return a first or last name in NFC, one line, at most 100 characters.

    Names that come all in capitals or all in small letters get their capitals: "O'BRIEN" is
    "O'Brien", "mcdonald" is "McDonald", "VAN DER BERG" is "Van der Berg". Mixed case is kept.
    Digits, signs and control characters are no part of a name.
    """
    if any(unicodedata.category(char) in ("Cc", "Cs") and not char.isspace() for char in text):
        return Problem(field, "name_unreadable", _ASK_SPELL)
    if len(text) > NAME_MAX_CHARS * 4:
        return Problem(field, "name_too_long", _ASK_SHORTER)
    try:
        name = clean_name(text, field)
    except InputError as error:
        too_long = "longer" in error.reason
        ask = _ASK_SHORTER if too_long else _ASK.get(field, _ASK_OTHER)
        return Problem(field, "name_too_long" if too_long else "name_missing", ask)
    if name.casefold() in _NO_NAMES:
        return Problem(field, "name_missing", _ASK.get(field, _ASK_OTHER))
    if not _is_plausible(name):
        return Problem(field, "name_unreadable", _ASK_SPELL)
    if name not in (name.upper(), name.lower()):
        return name
    cased = _with_capitals(name)
    # A few letters turn into two: those names are safer as they came.
    return cased if len(cased) == len(name) else name


def _is_plausible(name: str) -> bool:
    if _FOUR_ALIKE.search(name) or not name[0].isalpha():
        return False
    return all(char in _JOINING or unicodedata.category(char)[0] in "LM" for char in name) and any(
        char.isalpha() for char in name
    )


def _with_capitals(name: str) -> str:
    words = name.lower().split(" ")
    cased = (
        word
        if at > 0 and word in _PARTICLES
        else _SUFFIXES[word]
        if at > 0 and word in _SUFFIXES
        else _word(word)
        for at, word in enumerate(words)
    )
    return unicodedata.normalize("NFC", " ".join(cased))


def _word(word: str) -> str:
    parts = _BREAKS.split(word)
    cased = []
    for at, part in enumerate(parts):
        after_apostrophe = at > 1 and parts[at - 1] in ("'", "’")
        # "O'Brien" and "D'Angelo", but "Ka'ahu" and "Renee's".
        is_small = after_apostrophe and parts[at - 2].lower() not in _ONE_LETTER_PREFIX
        cased.append(part if is_small else _capital(part))
    return "".join(cased)


def _capital(part: str) -> str:
    if part.startswith("mc") and len(part) > 3:
        return "Mc" + part[2:3].upper() + part[3:]
    return part[:1].title() + part[1:]
