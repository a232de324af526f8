"""Postcodes of the United States and of Canada."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm.problem import Problem
from crm.spoken_code import spoken_code

_ZIP = re.compile(r"[0-9]{5}(?:[0-9]{4})?")
_LOWEST_ZIP, _HIGHEST_ZIP = 501, 99950
# No D, F, I, O, Q, U anywhere and no W, Z in front.
# Source: Canada Post, "Addressing guidelines", postal code.
_CANADIAN = re.compile(r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][0-9][ABCEGHJ-NPRSTV-Z][0-9]")
_LETTER_PLACES = (0, 2, 4)
_ASK = "What is your ZIP code? Five digits are enough."
_ASK_DIGITS = "I have {digits} digits, and a ZIP code has five. Could you say it once more?"
_ASK_UNKNOWN = "I can't place that ZIP code. Could you say it once more, digit by digit?"


@dataclass(frozen=True, slots=True)
class Postcode:
    """`code` as it is written on a letter; `country` is its ISO code, US or CA."""

    code: str
    country: str


def read_postcode(text: str) -> Postcode | Problem:
    """Read a ZIP code, a ZIP+4 or a Canadian postal code from words or characters."""
    code = spoken_code(text)
    if not code:
        return Problem("postcode", "postcode_unreadable", _ASK)
    canadian = _canadian(code)
    if canadian is not None:
        return canadian
    digits = code.replace("O", "0")
    if not digits.isdigit():
        return Problem("postcode", "postcode_unreadable", _ASK)
    if not _ZIP.fullmatch(digits):
        return Problem("postcode", "postcode_length", _ASK_DIGITS.format(digits=len(digits)))
    if not _LOWEST_ZIP <= int(digits[:5]) <= _HIGHEST_ZIP:
        return Problem("postcode", "postcode_unknown", _ASK_UNKNOWN)
    return Postcode(digits if len(digits) == 5 else f"{digits[:5]}-{digits[5:]}", "US")


def _canadian(code: str) -> Postcode | None:
    if len(code) != 6 or not code[0].isalpha():
        return None
    # A zero is often said, and written down, as the letter O; no Canadian code has that letter.
    mended = "".join(
        char if at in _LETTER_PLACES or char != "O" else "0" for at, char in enumerate(code)
    )
    if not _CANADIAN.fullmatch(mended):
        return None
    return Postcode(f"{mended[:3]} {mended[3:]}", "CA")
