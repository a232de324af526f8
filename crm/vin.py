"""Vehicle identification numbers: 17 characters, of which one checks the rest."""

from __future__ import annotations

VIN_LENGTH = 17
_CHECK_POSITION = 8
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES: dict[str, int] = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", (*range(10), *range(1, 9), *range(1, 6), 7, 9,
        *range(2, 10)), strict=True)
)  # fmt: skip
_YEAR_CODES = "ABCDEFGHJKLMNPRSTVWXY123456789"
_YEAR_POSITION = 9
_YEAR_CYCLE = 30
_FIRST_YEAR = 1980
# The first character of VINs from the United States, Canada and Mexico; 7 came late and only its
# upper part is American. Source: SAE J1044 and ISO 3780, world manufacturer identifiers.
_NORTH_AMERICA = frozenset("12345")
_LATE_NORTH_AMERICA = frozenset("FGHJKLMNPRSTUVWXYZ1234567890")
# Letters that no VIN has, and the digits that they are misread for.
_NEVER_IN_VINS = str.maketrans("IOQ", "100")


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
    if not is_vin_shaped(vin):
        return False
    return vin[_CHECK_POSITION] == check_digit(vin)


def vin_characters(text: str) -> str:
    """Return the letters and digits of a written VIN in upper case, I, O and Q read as digits."""
    kept = (char for char in text.upper() if char.isascii() and char.isalnum())
    return "".join(kept).translate(_NEVER_IN_VINS)


def is_vin_shaped(text: str) -> bool:
    """Tell whether the text is 17 characters that a VIN may have."""
    return len(text) == VIN_LENGTH and all(char in _VALUES for char in text)


def character_value(char: str) -> int:
    """Return what the character counts for the check digit; equal values escape it."""
    return _VALUES[char]


def is_north_american(vin: str) -> bool:
    """Tell whether the check digit is binding for this VIN."""
    return vin[0] in _NORTH_AMERICA or (vin[0] == "7" and vin[1] in _LATE_NORTH_AMERICA)


def model_years(vin: str, *, latest: int) -> tuple[int, ...]:
    """Return the model years that the tenth character can stand for, the newest first.

    `latest` is the newest year that can be on the road: this year and one. Of a North American
    car the seventh character tells the cycle: a digit before 2010, a letter from then on. Empty:
    the character stands for no year, or only for one to come.
    Source: 49 CFR 565.15(d)(1).
    """
    place = _YEAR_CODES.find(vin[_YEAR_POSITION])
    if place < 0:
        return ()
    years = range(_FIRST_YEAR + place, latest + 1, _YEAR_CYCLE)
    if is_north_american(vin):
        is_late = vin[6].isalpha()
        years_of_cycle = [year for year in years if (year >= _FIRST_YEAR + _YEAR_CYCLE) == is_late]
        return tuple(reversed(years_of_cycle))
    return tuple(reversed(years))


def year_code(year: int) -> str:
    """Return the tenth character for a model year; the code repeats every 30 years.

    Source: 49 CFR 565.15(d)(1), Table VII.
    """
    return _YEAR_CODES[(year - 1980) % len(_YEAR_CODES)]
