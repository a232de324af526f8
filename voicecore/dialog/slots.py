"""Validators for what the caller tells us: phone, day, moment, service and name.

Each returns a value or a `SlotProblem`, whose `ask` is what the model should ask the caller.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts, spliced
from voicecore.dialog.plain_words import plain_words
from voicecore.dialog.service_match import find_service
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spelling import find_spelling, letter_of
from voicecore.dialog.spoken_day import DayQuestion, read_day
from voicecore.dialog.spoken_numbers import digit_readings, phone_candidates, spoken_digits
from voicecore.dialog.spoken_time import WEEKDAYS, spoken_date, spoken_phone

__all__ = [
    "SlotProblem",
    "check_said_day",
    "check_weekday",
    "find_service",
    "parse_day",
    "parse_moment",
    "parse_phone",
    "same_name",
    "same_plate",
]

LOCAL_DIGITS = 10
"""Digits of a number without its country code."""
FURTHEST_DAYS = 180
"""How far ahead an appointment may lie."""
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_DIGIT_PLACE = re.compile(r"\b(?:first|last|middle|next|digits?|ends?|instead)\b", re.IGNORECASE)
_BOUNDS = re.compile(
    r"\b(?:before|after|until|till|since|by|from|between|not|except|but|later|earlier|sooner|any|"
    r"instead of|moved?|cancel)\b"
)
_CLARIFIER = re.compile(r"\b(\w) (?:as in|as|like|for) [a-z]\w+", re.IGNORECASE)


def parse_phone(spoken: str, region: str = "US") -> str | SlotProblem:
    """Read one phone number from words or digits; returns E.164.

    What the caller takes back does not count: "555 no wait 556 0142".
    """
    first, *others = corrected_parts(spoken)
    parts = [first, *others] if spoken_digits(first) or not others else others
    candidates = _corrected_phones(parts, region)
    is_plain = bool(others) or not _DIGIT_PLACE.search(spoken)
    if len(candidates) == 1 and is_plain and not _has_alternative(spoken):
        return candidates[0]
    if candidates:
        choices = phrases.OR.join(spoken_phone(number) for number in candidates)
        return SlotProblem("phone_ambiguous", phrases.ASK_WHICH_PHONE.format(choices=choices))
    digits = len(spoken_digits(spoken)) if len(parts) == 1 else 0
    if digits == 0:
        return SlotProblem("phone_missing", phrases.ASK_PHONE)
    if digits < LOCAL_DIGITS:
        return SlotProblem("phone_too_short", phrases.ASK_PHONE_MORE.format(digits=digits))
    return SlotProblem("phone_invalid", phrases.ASK_PHONE_AGAIN)


def _corrected_phones(parts: Sequence[str], region: str) -> tuple[str, ...]:
    """Return the numbers that are possible once each part has replaced the end of those before."""
    if len(parts) == 1:
        return phone_candidates(parts[0], region)
    readings = list(digit_readings(parts[0]))
    for part in parts[1:]:
        spliced_readings = (
            spliced(before, after, LOCAL_DIGITS)
            for before in readings
            for after in digit_readings(part)
        )
        readings = list(dict.fromkeys(digits for digits in spliced_readings if digits))
    found = (number for digits in readings for number in phone_candidates(digits, region))
    return tuple(dict.fromkeys(found))


def _has_alternative(spoken: str) -> bool:
    """Say whether a second number was offered: "0142 or 0143"."""
    return any(len(spoken_digits(part)) > 1 for part in _OR.split(spoken)[1:])


def parse_day(value: str, *, now: datetime) -> date | SlotProblem:
    """Read an ISO date, or the date of an ISO moment, that is not past and not too far."""
    try:
        day = datetime.fromisoformat(value).date()
    except ValueError:
        return SlotProblem("date_not_iso", phrases.ASK_DAY)
    if day < now.date():
        return SlotProblem("date_past", phrases.ASK_DAY_PAST.format(day=spoken_date(day)))
    if day > now.date() + timedelta(days=FURTHEST_DAYS):
        return SlotProblem("date_too_far", phrases.ASK_DAY_NEARER)
    return day


def parse_moment(value: str, *, now: datetime) -> datetime | SlotProblem:
    """Read an ISO moment in the future; one without offset is taken in the zone of `now`."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return SlotProblem("moment_not_iso", phrases.ASK_DAY)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=now.tzinfo)
        if moment.replace(fold=1).utcoffset() != moment.utcoffset():
            return SlotProblem("moment_at_clock_change", phrases.ASK_NO_SUCH_TIME)
    moment = moment.astimezone(now.tzinfo)
    if moment <= now:
        return SlotProblem("moment_past", phrases.ASK_DAY_PAST.format(day=spoken_date(moment)))
    if moment > now + timedelta(days=FURTHEST_DAYS):
        return SlotProblem("moment_too_far", phrases.ASK_DAY_NEARER)
    return moment


def check_weekday(day: date, named: str) -> SlotProblem | None:
    """Hold the weekday that the caller named against the computed date; None: they agree."""
    if plain_words(named) == WEEKDAYS[day.weekday()].lower():
        return None
    ask = phrases.ASK_WEEKDAY.format(named=named, day=spoken_date(day))
    return SlotProblem("weekday_differs", ask)


def check_said_day(day: date, said: str, *, now: datetime) -> SlotProblem | None:
    """Hold the model's date against the day in the caller's own words; None: nothing differs.

    Words that only limit the day ("after Thursday") or name several days say nothing. "Next
    Friday" is asked about, because people mean two different days by it.
    """
    if _BOUNDS.search(plain_words(said)):
        return None
    named = read_day(said, today=now.date())
    if isinstance(named, DayQuestion):
        return named if named.is_next_weekday and day in named.days else None
    if isinstance(named, SlotProblem) or named == day:
        return None
    ask = phrases.ASK_OTHER_DAY.format(said=spoken_date(named), day=spoken_date(day))
    return SlotProblem("date_differs", ask)


def same_name(said: str, first_name: str, last_name: str) -> bool:
    """Say whether a spoken name is this person's: the last name alone or with the first."""
    spelling = find_spelling(said)
    letters = spelling.letters if spelling is not None and spelling.is_clear else ""
    words, first, last = (_name_words(name) for name in (letters or said, first_name, last_name))
    return bool(last) and words in (last, [*first, *last], [*last, *first])


def same_plate(said: str, plate: str | None) -> bool:
    """Say whether a spoken plate is this one; separators and number words are allowed."""
    if not plate:
        return False
    return _bare_code(said) == _bare_code(plate)


def _name_words(name: str) -> list[str]:
    """Return the words of a name without accents, which no listener writes reliably."""
    parts = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in parts if not unicodedata.combining(character))
    return plain_words(plain).replace("'", "").split()


def _bare_code(said: str) -> str:
    words = plain_words(_CLARIFIER.sub(r"\1", said)).split()
    parts = (_characters(word) for word in words)
    return "".join(parts).upper().replace("O", "0")


def _characters(word: str) -> str:
    if not word.isalpha():
        return word
    return spoken_digits(word) or letter_of(word) or word
