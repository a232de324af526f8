"""Validators for what the caller tells us: phone, day, moment, service and name.

Each returns a value or a `SlotProblem`, whose `ask` is what the model should ask the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from voicecore.dialog import phrases
from voicecore.dialog.plain_words import plain_words
from voicecore.dialog.ports import Service
from voicecore.dialog.spoken_numbers import phone_candidates, spoken_digits
from voicecore.dialog.spoken_time import WEEKDAYS, spoken_date, spoken_phone

FURTHEST_DAYS = 180
"""How far ahead an appointment may lie."""


@dataclass(frozen=True, slots=True)
class SlotProblem:
    """Why a value was not taken: a word for the log and a question for the caller."""

    error: str
    ask: str


def parse_phone(spoken: str, region: str = "US") -> str | SlotProblem:
    """Read one phone number from words or digits; returns E.164."""
    candidates = phone_candidates(spoken, region)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        choices = phrases.OR.join(spoken_phone(number) for number in candidates)
        return SlotProblem("phone_ambiguous", phrases.ASK_WHICH_PHONE.format(choices=choices))
    digits = len(spoken_digits(spoken))
    if digits == 0:
        return SlotProblem("phone_missing", phrases.ASK_PHONE)
    if digits < 10:
        return SlotProblem("phone_too_short", phrases.ASK_PHONE_MORE.format(digits=digits))
    return SlotProblem("phone_invalid", phrases.ASK_PHONE_AGAIN)


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


def find_service(named: str, services: Sequence[Service]) -> Service | SlotProblem:
    """Find the service by code or by the words of its name."""
    wanted = plain_words(named.replace("_", " "))
    by_code = [entry for entry in services if plain_words(entry.code.replace("_", " ")) == wanted]
    by_name = by_code or [entry for entry in services if plain_words(entry.name) == wanted]
    if not by_name and wanted:
        words = set(wanted.split())
        by_name = [entry for entry in services if words <= set(plain_words(entry.name).split())]
    if len(by_name) == 1:
        return by_name[0]
    choices = by_name or list(services)
    names = phrases.listed([entry.name.lower() for entry in choices[:6]])
    return SlotProblem("service_unclear", phrases.ASK_SERVICE.format(names=names))


def same_name(said: str, first_name: str, last_name: str) -> bool:
    """Say whether a spoken name is this person's: the last name alone or with the first."""
    words = plain_words(said).replace("'", "").split()
    first = plain_words(first_name).replace("'", "").split()
    last = plain_words(last_name).replace("'", "").split()
    return bool(last) and words in (last, [*first, *last], [*last, *first])


def same_plate(said: str, plate: str | None) -> bool:
    """Say whether a spoken plate is this one; separators and number words are allowed."""
    if not plate:
        return False
    return _bare_code(said) == _bare_code(plate)


def _bare_code(said: str) -> str:
    words = plain_words(said).split()
    parts = (word if not word.isalpha() else spoken_digits(word) or word for word in words)
    return "".join(parts).upper().replace("O", "0")
