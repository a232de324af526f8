"""Amounts with a unit, fractions, ranges and signs, as numbers and words.

Each pass runs on text whose numbers are still digits; `speakable` turns those into words behind it.
"""

from __future__ import annotations

import re

from voicecore.dialog.number_words import cardinal
from voicecore.dialog.number_words import year as year_words
from voicecore.dialog.spoken_time import MONTHS, WEEKDAYS

_AMOUNT = r"(\$?[0-9][0-9,]*(?:\.[0-9]+)?)"
_HALF_DAY = r"[ap]\.?\s?m\b"
_MONTH_START = rf"(?:{'|'.join(name[:3] for name in MONTHS)})"
_DAY = "|".join(WEEKDAYS)
_UNITS = {
    "mi": ("mile", "miles"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "qt": ("quart", "quarts"),
    "qts": ("quart", "quarts"),
    "gal": ("gallon", "gallons"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "ft": ("foot", "feet"),
    "mph": ("mile per hour", "miles per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "psi": ("P S I", "P S I"),
    "hp": ("horsepower", "horsepower"),
    "V": ("volt", "volts"),
    "L": ("liter", "liters"),
}
_PER = {"hr": "hour", "yr": "year", "mo": "month", "ea": "each"}
_FRACTIONS = {
    "½": ("half", "a half"),
    "¼": ("one quarter", "a quarter"),
    "¾": ("three quarters", "three quarters"),
    "⅓": ("one third", "a third"),
    "⅔": ("two thirds", "two thirds"),
}
_SLASHED = {"1/2": "½", "1/4": "¼", "3/4": "¾", "1/3": "⅓", "2/3": "⅔"}
_DIVIDED = r"(?:1/2|1/4|3/4|1/3|2/3)"
_PART_OF = r"(?:of|an?|hours?|inch(?:es)?|miles?|quarts?|gallons?|days?|the)\b"


def _unit(match: re.Match[str]) -> str:
    one, many = _UNITS[match[2]]
    return f"{match[1]} {one if match[1] == '1' else many}"


def _fraction(match: re.Match[str]) -> str:
    alone, behind = _FRACTIONS[_SLASHED.get(match[2], match[2])]
    return f"{match[1]} and {behind}" if match[1] else alone


def _decade(match: re.Match[str]) -> str:
    digits = match[1]
    said = year_words(int(digits)) if len(digits) == 4 else cardinal(int(digits))
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


def _month_of_year(match: re.Match[str]) -> str:
    return f"{MONTHS[int(match[2]) - 1]} {year_words(int(match[1]))}"


def _full_hours(match: re.Match[str]) -> str:
    return f"{match[1].removesuffix(':00')} to {match[2]}"


def _cents(match: re.Match[str]) -> str:
    return f"$0.{int(match[1]):02d}"


def _per(match: re.Match[str]) -> str:
    return f"{match[1]} per {_PER.get(match[2], match[2])}"


def _tire(match: re.Match[str]) -> str:
    hundreds, rest = match[1][0], match[1][1:]
    width = f"{hundreds} oh {rest[1]}" if rest.startswith("0") else f"{hundreds} {rest}"
    return f"{width}, {match[2]}, R {match[3]}"


MEASURES = (
    # --- signs ---
    (re.compile(r"(?<=[0-9.mM])\s?[–—]\s?(?=[$0-9])"), "-"),
    (re.compile(r"≥\s?(?=[0-9$])"), "at least "),
    (re.compile(r"≤\s?(?=[0-9$])"), "at most "),
    (re.compile(r">\s?(?=[0-9$])"), "more than "),
    (re.compile(r"<\s?(?=[0-9$])"), "less than "),
    (re.compile(r"(?<![\w.$-])-(?=[0-9]+(?:\.[0-9]+)? ?(?:degrees|°|percent|%))"), "minus "),
    (re.compile(r"[~≈]\s?(?=[0-9$])"), "about "),
    (re.compile(r"\b([0-9]+)\s?[x×]\s?(?=[0-9]+\b)"), r"\1 by "),
    (re.compile(r"\b([0-9]+)[x×](?=\s)"), r"\1 times"),
    # --- dates ---
    (re.compile(r"\b(0?[1-9]|1[0-2])-([0-3]?[0-9])-((?:19|20)[0-9]{2})\b"), r"\1/\2/\3"),
    (re.compile(r"(?<![0-9-])((?:19|20)[0-9]{2})-(0[1-9]|1[0-2])(?![0-9-])"), _month_of_year),
    (re.compile(r"\b((?:19|20)[0-9]0|[2-9]0)s\b"), _decade),
    (
        re.compile(rf"\b({_MONTH_START}[a-z]*\.? [0-9]{{1,2}})\s?-\s?([0-9]{{1,2}})\b(?![-/])"),
        r"\1 to the \2th",
    ),
    (re.compile(rf"\b([0-9]{{1,2}}(?:st|nd|rd|th)?)\s?[-–]\s?(?={_MONTH_START})"), r"\1 to "),
    (re.compile(rf"\b({_DAY})\s?[-–]\s?(?={_DAY})"), r"\1 to "),
    (
        re.compile(
            rf"\b([0-9]{{1,2}}(?::[0-9]{{2}})?)\s?-\s?([0-9]{{1,2}}(?::[0-9]{{2}})?\s?{_HALF_DAY})",
            re.IGNORECASE,
        ),
        _full_hours,
    ),
    (re.compile(rf"(?<=m)\s?-\s?(?=[0-9]{{1,2}}(?::[0-9]{{2}})?\s?{_HALF_DAY})", re.I), " to "),
    # --- money ---
    (re.compile(r"\$(?=\.[0-9]{2}\b)"), "$0"),
    (re.compile(r"\bUSD\s?(?=[0-9])"), "$"),
    (re.compile(r"\b([0-9][0-9,]*\.[0-9]{2})\s?(?:USD|dollars)\b"), r"$\1"),
    (re.compile(r"\b([0-9][0-9,]*)\s?USD\b"), r"$\1"),
    (re.compile(r"\b([0-9]{1,2})\s?¢"), _cents),
    (re.compile(r"(\$[0-9][0-9,.]*[0-9]|\$[0-9])\s?-\s?\$?(?=[0-9])"), r"\1 to $"),
    (re.compile(rf"€\s?{_AMOUNT}"), r"\1 euros"),
    (re.compile(rf"£\s?{_AMOUNT}"), r"\1 pounds"),
    # --- parts and units ---
    (re.compile(rf"\b([0-9]+) ({_DIVIDED})(?![0-9/])"), _fraction),
    (re.compile(rf"(?<![0-9/])()({_DIVIDED})(?= {_PART_OF})"), _fraction),
    (re.compile(r"(?:\b([0-9]+)\s?)?([½¼¾⅓⅔])"), _fraction),
    (re.compile(r"\b([0-9]{3})/([0-9]{2})\s?Z?R\s?([0-9]{2})\b"), _tire),
    (re.compile(r"\b4WD\b"), "four wheel drive"),
    (re.compile(r"\b2WD\b"), "two wheel drive"),
    (re.compile(rf"{_AMOUNT}/(hr|hour|day|week|mo|month|yr|year|mile|tire|wheel|axle)\b"), _per),
    (re.compile(r"\b([0-9]+)\s?h (?=[0-9]+\s?m(?:in)?\b)"), r"\1 hr "),
    (re.compile(r"(?<=hr )([0-9]+)\s?m\b"), r"\1 min"),
    (re.compile(r"(?<=[0-9])\s?ft-lbs?\b\.?"), " foot pounds"),
    (re.compile(r"([0-9.]+)\s?L(?= (?:engine|bottle|tank|V[0-9]))"), r"\1 liter"),
    (
        re.compile(
            r"(?<![\w.$])([0-9][0-9,]*(?:\.[0-9]+)?)\s?"
            rf"({'|'.join(sorted(_UNITS, key=len, reverse=True))})\b(?!-)\.?"
        ),
        _unit,
    ),
    (re.compile(r'(?<=[0-9])\s?"(?= (?:wheel|rim|tire|rotor|screen|pipe))'), " inch"),
    (re.compile(r"(?<=[0-9])\s?°\s?C\b"), " degrees Celsius"),
    (re.compile(r"\b([0-9]+)\s?-\s?([0-9]+)(?=\s?%)"), r"\1 to \2"),
)
"""Patterns with their replacements, in order."""
