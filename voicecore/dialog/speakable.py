"""Writes a sentence the way it is said: no digit, sign or abbreviation is left to the voice."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time

from voicecore.dialog.number_words import LARGEST, ONES, TENS, cardinal, digit_by_digit, ordinal
from voicecore.dialog.number_words import year as year_words
from voicecore.dialog.spoken_measures import MEASURES
from voicecore.dialog.spoken_places import PLACES
from voicecore.dialog.spoken_time import (
    MONTHS,
    spoken_code,
    spoken_date,
    spoken_month_day,
    spoken_phone,
    spoken_price,
    spoken_time,
    spoken_when,
)

_MONTH_NUMBERS = {name[:3].lower(): number for number, name in enumerate(MONTHS, start=1)}
_MONTH = (
    r"(Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?\.?|July?\.?|"
    r"Aug(?:ust|\.)?|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_WEEKDAY_NAMES = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_UNIT = (
    r"(?:miles?|kilometers?|minutes?|hours?|days?|weeks?|months?|dollars?|pounds?|quarts?|"
    r"customers?|cars?|times?|units?|points?|rpm|mi\b|km\b|lbs?\b)"
)
_HALF = r"([ap])\.?\s?m\b\.?"
_NUMBER_WORD = "|".join([*ONES, *TENS[2:]])
_SMALL_ABBREVIATIONS = (
    (r"\be\.g\.", "for example"),
    (r"\bi\.e\.", "that is"),
    (r"\betc\.", "et cetera"),
    (r"\bvs\.?(?=\s)", "versus"),
    (r"\bw/(?=\s?\w)", "with "),
    (r"\bapprox\.", "approximately"),
    (r"\bappt\b\.?", "appointment"),
    (r"\bAve\b\.?", "Avenue"),
    (r"\bBlvd\b\.?", "Boulevard"),
    (r"(?<=[a-z] )St\b\.(?=[\s,]|$)", "Street"),
    (r"(?<=[a-z] )Rd\b\.?", "Road"),
    (r"(?<=[0-9])\s?mi\b\.?", " miles"),
    (r"(?<=[0-9])\s?hrs?\b\.?", " hours"),
    (r"(?<=[0-9])\s?mins?\b\.?", " minutes"),
    (r"(?<=[0-9])\s?lbs?\b\.?", " pounds"),
    (r"(?<=[0-9])\s?°\s?F\b", " degrees Fahrenheit"),
    (r"°", " degrees"),
    (r"&", " and "),
    (r"#(?=[0-9])", "number "),
    (r"[~≈](?=[0-9$])", "about "),
    (r"(?<=\w)\s?\+\s?(?=\w)", " plus "),
    (r"\s=\s", " equals "),
)


def speakable(text: str) -> str:
    """Return `text` in words; nothing is left that a voice could read wrongly.

    Works on whole sentences: "$49.95 at 2:30 PM on 11/26/2026" cut in the middle is misread.
    """
    for pattern, replace in _PASSES:
        text = pattern.sub(replace, text)
    return " ".join(text.split())


def _email(match: re.Match[str]) -> str:
    signs = {".": " dot ", "@": " at ", "_": " underscore ", "-": " dash ", "+": " plus "}
    return "".join(signs.get(character, character) for character in match[0])


def _web_address(match: re.Match[str]) -> str:
    return match[1].rstrip("/.").replace(".", " dot ").replace("/", " slash ")


def _iso_moment(match: re.Match[str]) -> str:
    try:
        return spoken_when(datetime.fromisoformat(f"{match[1]}T{match[2]}"))
    except ValueError:
        return match[0]


def _iso_date(match: re.Match[str]) -> str:
    try:
        return spoken_date(date.fromisoformat(match[0]))
    except ValueError:
        return match[0]


def _slash_date(match: re.Match[str]) -> str:
    month, day, year_digits = int(match[1]), int(match[2]), match[3]
    if not year_digits and day < 13:
        return f"{cardinal(month)} slash {cardinal(day)}"
    year = int(year_digits or 2024)
    try:
        moment = date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return match[0]
    return spoken_date(moment) if year_digits else spoken_month_day(moment)


def _phone(match: re.Match[str]) -> str:
    return spoken_phone(match[0])


def _money(match: re.Match[str]) -> str:
    dollars = int(match[1].replace(",", ""))
    if dollars * 100 > LARGEST:
        return match[0]
    if match[3]:
        scale = {"k": "thousand", "m": "million"}[match[3][0].lower()]
        fraction = f" point {digit_by_digit(match[2])}" if match[2] else ""
        return f"{cardinal(dollars)}{fraction} {scale} dollars"
    cents = int((match[2] or "0").ljust(2, "0"))
    return spoken_price(dollars * 100 + cents)


def _half_day_time(match: re.Match[str]) -> str:
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3].lower()
    if not 1 <= hour <= 12 or minute > 59:
        return match[0]
    hour = hour % 12 + (12 if half == "p" else 0)
    return spoken_time(time(hour, minute))


def _clock_time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if hour > 23 or minute > 59:
        return match[0]
    if hour > 12 or match[1].startswith("0"):
        return spoken_time(time(hour, minute))
    words = spoken_time(time(hour % 12 + 12, minute)).removesuffix(" p.m.")
    if minute == 0:
        return f"{cardinal(hour)} o'clock"
    return words


def _month_day(match: re.Match[str]) -> str:
    month, day, year_digits = match[1], int(match[2]), match[3]
    if not 1 <= day <= 31:
        return match[0]
    said = f"{_month_name(month)} {ordinal(day)}"
    return f"{said}, {year_words(int(year_digits))}" if year_digits else said


def _day_month(match: re.Match[str]) -> str:
    day = int(match[1])
    if not 1 <= day <= 31:
        return match[0]
    return f"{_month_name(match[2])} {ordinal(day)}"


def _month_name(month: str) -> str:
    return MONTHS[_MONTH_NUMBERS[month[:3].lower()] - 1]


def _weekday_range(match: re.Match[str]) -> str:
    return f"{_WEEKDAY_NAMES[match[1].lower()]} to {_WEEKDAY_NAMES[match[2].lower()]}"


def _weekday(match: re.Match[str]) -> str:
    return _WEEKDAY_NAMES[match[1][:3].lower()]


def _ordinal(match: re.Match[str]) -> str:
    return ordinal(int(match[1]))


def _oil_grade(match: re.Match[str]) -> str:
    return f"{cardinal(int(match[1]))} W {cardinal(int(match[2]))}"


def _model_name(match: re.Match[str]) -> str:
    letters, number = match[1], match[2]
    if len(number) == 3 and number[1:] != "00" and number[1] != "0":
        said = f"{ONES[int(number[0])]} {cardinal(int(number[1:]))}"
    else:
        said = cardinal(int(number))
    return f"{letters} {said}"


def _mixed_code(match: re.Match[str]) -> str:
    code = match[0]
    letters = sum(character.isalpha() for character in code)
    if letters == 0 or letters == len(code.replace("-", "")):
        return code
    return spoken_code(code)


def _year(match: re.Match[str]) -> str:
    return year_words(int(match[0]))


def _percent(match: re.Match[str]) -> str:
    return f"{_number_words(match[1])} percent"


def _range(match: re.Match[str]) -> str:
    return f"{_number_words(match[1])} to {_number_words(match[2])}"


def _number(match: re.Match[str]) -> str:
    return _apart(match, _number_words(match[0]))


def _number_words(digits: str) -> str:
    whole, _, fraction = digits.replace(",", "").partition(".")
    said = digit_by_digit(whole) if _is_code(whole) else cardinal(int(whole))
    return f"{said} point {digit_by_digit(fraction)}" if fraction else said


def _is_code(digits: str) -> bool:
    return len(digits) > 9 or (len(digits) > 1 and digits.startswith("0"))


def _apart(match: re.Match[str], words: str) -> str:
    """Keep spelled digits from running into a letter that touches them."""
    text, (start, end) = match.string, match.span()
    before = " " if start and text[start - 1].isalnum() else ""
    after = " " if end < len(text) and text[end].isalnum() else ""
    return f"{before}{words}{after}"


Replacement = str | Callable[[re.Match[str]], str]

_PASSES: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _email),
    (re.compile(r"\b(?:https?://)(\S+)"), _web_address),
    (re.compile(r"\b(www\.\S+)"), _web_address),
    *PLACES,
    *MEASURES,
    (
        re.compile(
            r"\b([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?::[0-9]{2})?(?:\.[0-9]+)?"
            r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?\b"
        ),
        _iso_moment,
    ),
    (re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b"), _iso_date),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    (re.compile(r"\b(0?[1-9]|1[0-2])/([0-9]{1,2})(?:/([0-9]{4}|[0-9]{2}))?\b(?!/)"), _slash_date),
    (re.compile(r"\+[0-9][0-9 ().-]{8,16}[0-9]\b"), _phone),
    (re.compile(r"(?:\b1[ .-])?(?:\([0-9]{3}\) ?|\b[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}\b"), _phone),
    (re.compile(r"(?<![0-9$.,-])\b(?:1?[0-9]{10}|[0-9]{3}-[0-9]{4})\b(?![,.]?[0-9])"), _phone),
    (
        re.compile(
            r"\$\s?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{1,2})(?![0-9]))?"
            r"(?:\s?(k|million)\b)?",
            re.IGNORECASE,
        ),
        _money,
    ),
    (re.compile(rf"\b([0-9]{{1,2}})(?::([0-9]{{2}}))?\s?{_HALF}", re.IGNORECASE), _half_day_time),
    (re.compile(r"\b([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?\b"), _clock_time),
    (
        re.compile(rf"\b((?:{_NUMBER_WORD})) ?[Pp][Mm]\b\.?", re.IGNORECASE),
        lambda match: f"{match[1]} p.m.",
    ),
    (re.compile(rf"\b((?:{_NUMBER_WORD})) ?(?:AM|am)\b\.?"), lambda match: f"{match[1]} a.m."),
    (re.compile(r"(?:(?<=[ap]\.m\.)|(?<=o'clock)|(?<=noon))\s?[-–]\s?"), " to "),
    (
        re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ?[-–] ?(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"),
        _weekday_range,
    ),
    (
        re.compile(rf"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?(?=,? {_MONTH}\b)"),
        _weekday,
    ),
    (
        re.compile(rf"\b{_MONTH} ([0-9]{{1,2}})(?:st|nd|rd|th)?\b(?:,? ((?:19|20)[0-9]{{2}})\b)?"),
        _month_day,
    ),
    (re.compile(rf"\b([0-9]{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH}\b"), _day_month),
    (re.compile(r"\b([0-9]{1,4})(?:st|nd|rd|th)\b"), _ordinal),
    (re.compile(r"\b([0-9]{1,2})[Ww]-?([0-9]{2})\b"), _oil_grade),
    *((re.compile(pattern), words) for pattern, words in _SMALL_ABBREVIATIONS),
    (re.compile(r"\b([A-Z]{1,3}|RAV)-?([0-9]{1,3})\b(?!-)"), _model_name),
    (re.compile(r"\b(?=[A-Z0-9-]*[0-9])[A-Z0-9]+(?:-[A-Z0-9]+)*\b"), _mixed_code),
    (re.compile(rf"(?<![\w.,-])(?:19|20)[0-9]{{2}}(?![\w%]|[.,-][0-9]| {_UNIT})"), _year),
    (re.compile(r"([0-9]+(?:\.[0-9]+)?)\s?%"), _percent),
    (re.compile(r"\b([0-9][0-9,]*)\s?[-–]\s?([0-9][0-9,]*)\b"), _range),
    (re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?"), _number),
    (re.compile(r"(?<=\w)/(?=\w)"), " "),
)
