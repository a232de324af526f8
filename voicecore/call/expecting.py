"""What the agent's last question asks for, and whether the words so far are a whole answer to it.

The listener hears pauses and the words alone do not tell: "three one two" may be all of an answer
or the first part of a telephone number. Whoever asked knows.
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum
from types import MappingProxyType

from voicecore.call.dictation import dictated_characters, dictated_digits
from voicecore.call.words import looks_complete, looks_incomplete, words_of


class Expecting(StrEnum):
    """The kinds of answer that have an end of their own."""

    YES_NO = "yes_no"
    PHONE = "phone"
    """Ten digits, eleven with the country's 1 before them."""
    CODE = "code"
    """Six digits that were sent by text."""
    VIN = "vin"
    """Seventeen letters and digits."""
    PLATE = "plate"
    """Letters and digits, of no certain length."""
    NAME = "name"
    """Words, or letters one by one."""
    EMAIL = "email"
    """Complete with the end of a domain: "dot com"."""


class Progress(Enum):
    """How far an answer has come."""

    OPEN = "open"
    """The words tell nothing: pauses decide, as for any other answer."""
    GOING_ON = "going_on"
    COMPLETE = "complete"


PHONE_DIGITS, CODE_DIGITS, VIN_CHARACTERS = 10, 6, 17
LIKELY_PLATE_CHARACTERS = 5
"""A shorter plate is rare, so that more is waited for."""
FEWEST_LETTERS = 3
"""So many letters in a row are a spelling, even if all are words of their own ("Mike")."""

_BEGINNINGS = frozenset(
    (
        *("yes", "yeah", "sure", "ok", "okay", "of course", "absolutely", "right", "um", "uh"),
        *("one moment", "one second", "just a second", "just a moment", "hold on", "let me see"),
    )
)
"""What is said before a dictation begins."""
_WHOLE_DOMAIN = re.compile(
    r"\bat \S.* (?:dot|point) (?:com|net|org|edu|gov|us|info|biz)$|@\S+ dot (?:com|net|org)$"
)
_LOOKS_WRITTEN = re.compile(r"\S@\S+\.[a-z]{2,}[.]?$", re.IGNORECASE)


def calls_for_more(text: str, expecting: Expecting | None) -> bool:
    """Tell whether `text` cannot be the end of the answer."""
    if expecting is None:
        return looks_incomplete(text)
    progress = progress_of(text, expecting)
    if progress is Progress.OPEN:
        return looks_incomplete(text)
    return progress is Progress.GOING_ON


def is_whole(text: str, expecting: Expecting | None) -> bool:
    """Tell whether `text` is all of the answer, so that nothing need be waited for."""
    if expecting is None:
        return looks_complete(text)
    progress = progress_of(text, expecting)
    if progress is Progress.OPEN:
        return looks_complete(text) and not looks_incomplete(text)
    return progress is Progress.COMPLETE


def progress_of(text: str, expecting: Expecting) -> Progress:
    """Tell how far `text` has come as an answer of the kind that is expected."""
    words = words_of(text)
    if expecting is Expecting.YES_NO:
        whole = looks_complete(text) and not looks_incomplete(text)
        return Progress.COMPLETE if whole else Progress.OPEN
    if " ".join(words) in _BEGINNINGS:
        return Progress.GOING_ON
    return _OF_KIND[expecting](text, words)


def _phone(text: str, words: tuple[str, ...]) -> Progress:
    digits = dictated_digits(words)
    wanted = PHONE_DIGITS + digits.startswith("1")
    return _counted(len(digits), wanted)


def _code(text: str, words: tuple[str, ...]) -> Progress:
    return _counted(len(dictated_digits(words)), CODE_DIGITS)


def _vin(text: str, words: tuple[str, ...]) -> Progress:
    return _counted(dictated_characters(words), VIN_CHARACTERS)


def _plate(text: str, words: tuple[str, ...]) -> Progress:
    count = dictated_characters(words)
    return Progress.GOING_ON if 0 < count < LIKELY_PLATE_CHARACTERS else Progress.OPEN


def _name(text: str, words: tuple[str, ...]) -> Progress:
    count = dictated_characters(words)
    is_spelled = count >= FEWEST_LETTERS or any(len(word) == 1 for word in words[-1:])
    return Progress.GOING_ON if is_spelled else Progress.OPEN


def _email(text: str, words: tuple[str, ...]) -> Progress:
    plain = text.strip().lower().rstrip(".,")
    if _WHOLE_DOMAIN.search(plain) or _LOOKS_WRITTEN.search(text.strip()):
        return Progress.COMPLETE
    begun = {"at", "dot", "underscore", "dash"} & set(words) or dictated_characters(words)
    return Progress.GOING_ON if begun else Progress.OPEN


def _counted(count: int, wanted: int) -> Progress:
    if count == wanted:
        return Progress.COMPLETE
    return Progress.GOING_ON if 0 < count < wanted else Progress.OPEN


_OF_KIND = MappingProxyType(
    {
        Expecting.PHONE: _phone,
        Expecting.CODE: _code,
        Expecting.VIN: _vin,
        Expecting.PLATE: _plate,
        Expecting.NAME: _name,
        Expecting.EMAIL: _email,
    }
)
