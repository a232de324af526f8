"""Addresses, titles and other abbreviated names, written out."""

from __future__ import annotations

import re

from voicecore.dialog.number_words import digit_by_digit
from voicecore.dialog.spoken_time import WEEKDAYS, spoken_code

_STATES = {
    "AL": "Alabama", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "FL": "Florida", "GA": "Georgia", "ID": "Idaho", "IL": "Illinois",
    "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "MA": "Massachusetts",
    "MD": "Maryland", "MI": "Michigan", "MN": "Minnesota", "MO": "Missouri", "MS": "Mississippi",
    "MT": "Montana", "NC": "North Carolina", "ND": "North Dakota", "NE": "Nebraska",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NV": "Nevada",
    "NY": "New York", "OH": "Ohio", "PA": "Pennsylvania", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah",
    "VA": "Virginia", "VT": "Vermont", "WA": "Washington", "WI": "Wisconsin", "WV": "West Virginia",
    "WY": "Wyoming",
}  # fmt: skip
_DIRECTIONS = {"N": "North", "S": "South", "E": "East", "W": "West"}
_HOUSE = r"(\b[0-9]+[A-Z]? (?:[NSEW]\.? )?(?:[A-Z0-9][\w']* ){1,3})"
_DAYS = {day[:3]: day for day in WEEKDAYS}
_DAY_GOES_ON = (
    r"(?=,? (?:at|from|the|to|or|and|through|morning|afternoon|evening|[0-9])|[-–]|[.,;]|$)"
)


def _zip(match: re.Match[str]) -> str:
    more = f", {digit_by_digit(match[2])}" if match[2] else ""
    return f"{digit_by_digit(match[1])}{more}"


def _state(match: re.Match[str]) -> str:
    return f", {_STATES[match[1]]}"


def _direction(match: re.Match[str]) -> str:
    return f"{match[1]} {_DIRECTIONS[match[2]]} "


def _weekday(match: re.Match[str]) -> str:
    return _DAYS[match[1][:3]]


def _plate(match: re.Match[str]) -> str:
    return f"{match[1]}{spoken_code(match[2])}"


PLACES = (
    (re.compile(r"\b([\w-]+)\.(com|net|org|biz|info|us)\b(?!\.)"), r"\1 dot \2"),
    (re.compile(r"(?<=\bcall )911\b|(?<=\bdial )911\b", re.IGNORECASE), "nine one one"),
    (re.compile(r"\b([Pp]late (?:number )?(?:is )?)([A-Z]{2,3}[ -][0-9]{2,4})\b"), _plate),
    (re.compile(r"(?<=[0-9])\s?ext\.?\s?(?=[0-9]{1,5}\b)"), " extension "),
    (re.compile(r",? \b(?:A|a)pt\.? (?=[0-9])"), ", Apartment "),
    (re.compile(r"\bSte\.? (?=[0-9])"), "Suite "),
    (re.compile(r"\bHwy\.? (?=[0-9])"), "Highway "),
    (re.compile(r"\bRte\.? (?=[0-9])"), "Route "),
    (
        re.compile(r"(?<=, )([A-Z]{2}) ([0-9]{5})(?:-([0-9]{4}))?\b"),
        lambda match: (
            f"{_STATES.get(match[1], ' '.join(match[1]))} {digit_by_digit(match[2])}"
            + (f", {digit_by_digit(match[3])}" if match[3] else "")
        ),
    ),
    (re.compile(r"(?<=\b[Zz]ip )([0-9]{5})(?:-([0-9]{4}))?\b"), _zip),
    (re.compile(r"(?<=\bZIP )([0-9]{5})(?:-([0-9]{4}))?\b"), _zip),
    (re.compile(r"(?<=\b(?:zip|ZIP|Zip) code )([0-9]{5})(?:-([0-9]{4}))?\b"), _zip),
    (re.compile(rf", ({'|'.join(_STATES)})(?=[.,;!?]|$)"), _state),
    (re.compile(r"\b([0-9]+[A-Z]?) ([NSEW])\.? (?=[A-Z0-9])"), _direction),
    (re.compile(rf"{_HOUSE}St\b\.?"), r"\1Street"),
    (re.compile(rf"{_HOUSE}Dr\b\.?"), r"\1Drive"),
    (re.compile(rf"{_HOUSE}Ln\b\.?"), r"\1Lane"),
    (re.compile(rf"{_HOUSE}Pkwy\b\.?"), r"\1Parkway"),
    (re.compile(r"\bSt\. (?=[A-Z])"), "Saint "),
    (re.compile(r"\bMt\. (?=[A-Z])"), "Mount "),
    (re.compile(r"\bDr\. (?=[A-Z])"), "Doctor "),
    (re.compile(r"\bMr\. (?=[A-Z])"), "Mister "),
    (re.compile(r"\bMrs\. (?=[A-Z])"), "Missus "),
    (re.compile(r"\bJr\b\.?"), "Junior"),
    (re.compile(r"\bw/o(?=\s)"), "without"),
    (re.compile(r"\bN/A\b"), "not available"),
    (re.compile(r"\b[Nn]o\.\s?(?=[0-9])"), "number "),
    (re.compile(r"\band/or\b"), "and or"),
    (re.compile(r"(?<=\b[a-z][a-z])/(?=[a-z][a-z])|(?<=[a-z][a-z][a-z])/(?=[a-z][a-z])"), " or "),
    (
        re.compile(
            rf"(?<![-–])(?<![-–] )\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri)\b\.?"
            rf"(?! ?[-–] ?[A-Z]){_DAY_GOES_ON}"
        ),
        _weekday,
    ),
    (re.compile(r"\b(Sat|Sun)\b\.?(?=,? (?:at |from |morning|afternoon|[0-9]))"), _weekday),
)
"""Patterns with their replacements, in order."""
