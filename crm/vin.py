"""Vehicle identification numbers: 17 characters, of which one checks the rest."""

from __future__ import annotations

VIN_LENGTH = 17
_CHECK_POSITION = 8
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", (*range(10), *range(1, 9), *range(1, 6), 7, 9,
        *range(2, 10)), strict=True)
)  # fmt: skip
_YEAR_CODES = "ABCDEFGHJKLMNPRSTVWXY123456789"


def check_digit(vin: str) -> str:
    """Return the character that position 9 must hold, whatever it holds now.

    `vin` is 17 characters, upper case, without I, O and Q.
    Source: 49 CFR 565.15(c), check digit calculation; ISO 3779.
    """
    total = sum(_VALUES[char] * weight for char, weight in zip(vin, _WEIGHTS, strict=True))
    return "0123456789X"[total % 11]


def with_check_digit(vin: str) -> str:
    """Return the VIN with its check digit put in place."""
    return f"{vin[:_CHECK_POSITION]}{check_digit(vin)}{vin[_CHECK_POSITION + 1 :]}"


def is_valid_vin(vin: str) -> bool:
    """Tell whether the VIN is well formed and its check digit holds (binding in North America)."""
    if len(vin) != VIN_LENGTH or any(char not in _VALUES for char in vin):
        return False
    return vin[_CHECK_POSITION] == check_digit(vin)


def year_code(year: int) -> str:
    """Return the tenth character for a model year; the code repeats every 30 years.

    Source: 49 CFR 565.15(d)(1), Table VII.
    """
    return _YEAR_CODES[(year - 1980) % len(_YEAR_CODES)]
