"""Licence plates of any state: letters and digits, as said or as written."""

from __future__ import annotations

from crm.problem import Problem
from crm.spoken_code import spoken_code

PLATE_MAX_CHARS = 8
_MIN_CHARS = 2
_ASK = "Could you read me the license plate, one letter or number at a time?"
_ASK_LONG = "That is longer than a plate. Could you read it to me once more, slowly?"
_ASK_SHORT = "I only got part of the plate. Could you read me all of it?"
# `translate(plate, 'OQIBSZ', '001852')` in SQL is the same folding.
_ALIKE = str.maketrans("OQIBSZ", "001852")


def read_plate(text: str) -> str | Problem:
    """Return the plate as it is stored: 2 to 8 of A-Z and 0-9, without blanks and hyphens.

    States disagree on everything else, and vanity plates on the rest, so nothing else is checked.
    """
    code = spoken_code(text)
    if not code:
        return Problem("plate", "plate_unreadable", _ASK)
    if len(code) > PLATE_MAX_CHARS:
        return Problem("plate", "plate_too_long", _ASK_LONG)
    if len(code) < _MIN_CHARS:
        return Problem("plate", "plate_too_short", _ASK_SHORT)
    return code


def plate_shape(plate: str) -> str:
    """Return what of a plate survives a misreading: 0/O/Q, 1/I, 8/B, 5/S and 2/Z are one each.

    Any text may come in; what no plate can hold is left out.
    """
    kept = (char for char in plate.upper() if char.isascii() and char.isalnum())
    return "".join(kept).translate(_ALIKE)
