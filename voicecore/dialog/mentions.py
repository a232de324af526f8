"""Finds the days and times of day that a sentence names, to compare them with a fact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from voicecore.dialog.number_words import cardinal, ordinal
from voicecore.dialog.number_words import minute as minute_words
from voicecore.dialog.plain_words import plain_words
from voicecore.dialog.speakable import speakable
from voicecore.dialog.spoken_time import MONTHS, WEEKDAYS

_WEEKDAYS = {name.lower(): number for number, name in enumerate(WEEKDAYS)}
_MONTHS = {name.lower(): number for number, name in enumerate(MONTHS, start=1)}
_DAYS = {
    plain_words(words(number)): number for number in range(1, 32) for words in (cardinal, ordinal)
}
_HOURS = {cardinal(number): number for number in range(1, 13)}
_MINUTES = {plain_words(minute_words(number)): number for number in range(1, 60)}


def _either(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_DATE = re.compile(rf"\b({_either(_MONTHS)}) (?:the )?({_either(_DAYS)})\b")
_DATE_OF = re.compile(rf"\b({_either(_DAYS)}) of ({_either(_MONTHS)})\b")
_DAY_ALONE = re.compile(
    rf"\bthe ({'|'.join(plain_words(ordinal(number)) for number in range(31, 3, -1))})\b"
)
_TIME = re.compile(rf"\b({_either(_HOURS)})(?: ({_either(_MINUTES)}))? (am|pm|oclock)\b")
# The minutes are taken for good (`?+`): "at ten thirty a.m." must not be read as a bare "at ten".
_BARE_TIME = re.compile(
    rf"\bat ({_either(_HOURS)})(?: ({_either(_MINUTES)}))?+(?! (?:am|pm|oclock|dollars?|cents?))\b"
)


@dataclass(frozen=True, slots=True)
class Mentions:
    """The days and times named in a sentence.

    `times` holds minutes since midnight; `half_times` minutes modulo twelve hours, for times said
    without a.m. or p.m. `days` holds days of the month said without their month.
    """

    weekdays: frozenset[int] = frozenset()
    dates: frozenset[tuple[int, int]] = frozenset()
    days: frozenset[int] = frozenset()
    times: frozenset[int] = frozenset()
    half_times: frozenset[int] = frozenset()

    def agrees_with(self, moment: datetime) -> bool:
        """Say whether nothing that was named contradicts `moment` (in the shop's zone)."""
        minutes = moment.hour * 60 + moment.minute
        return (
            self.weekdays <= {moment.weekday()}
            and self.dates <= {(moment.month, moment.day)}
            and self.days <= {moment.day}
            and self.times <= {minutes}
            and self.half_times <= {minutes % 720}
        )

    def states(self, moment: datetime) -> bool:
        """Say whether date and time of `moment` were both named and nothing contradicts them."""
        return bool(self.dates and (self.times or self.half_times)) and self.agrees_with(moment)

    @property
    def empty(self) -> bool:
        """True where no day and no time was named."""
        return not (self.weekdays or self.dates or self.days or self.times or self.half_times)


def find_mentions(text: str, today: date) -> Mentions:
    """Read the days and times out of `text`; "tomorrow" counts from `today`."""
    plain = plain_words(speakable(text))
    dates = {(_MONTHS[match[1]], _DAYS[match[2]]) for match in _DATE.finditer(plain)}
    dates |= {(_MONTHS[match[2]], _DAYS[match[1]]) for match in _DATE_OF.finditer(plain)}
    dates |= _relative_dates(plain, today)
    without_dates = _DATE_OF.sub(" ", _DATE.sub(" ", plain))
    return Mentions(
        weekdays=frozenset(
            number for name, number in _WEEKDAYS.items() if re.search(rf"\b{name}\b", plain)
        ),
        dates=frozenset(dates),
        days=frozenset(_DAYS[match[1]] for match in _DAY_ALONE.finditer(without_dates)),
        times=frozenset(_times(plain)),
        half_times=frozenset(_half_times(plain)),
    )


def _relative_dates(plain: str, today: date) -> set[tuple[int, int]]:
    found = set()
    for word, days in (("today", 0), ("tonight", 0), ("tomorrow", 1)):
        if re.search(rf"\b{word}\b", plain):
            day = today + timedelta(days=days + ("day after tomorrow" in plain))
            found.add((day.month, day.day))
    return found


def _times(plain: str) -> set[int]:
    found = set()
    for match in _TIME.finditer(plain):
        if match[3] != "oclock":
            hour = _HOURS[match[1]] % 12 + (12 if match[3] == "pm" else 0)
            found.add(hour * 60 + _MINUTES.get(match[2] or "", 0))
    if re.search(r"\bnoon\b", plain):
        found.add(12 * 60)
    if re.search(r"\bmidnight\b", plain):
        found.add(0)
    return found


def _half_times(plain: str) -> set[int]:
    matches = [match for match in _TIME.finditer(plain) if match[3] == "oclock"]
    matches += _BARE_TIME.finditer(plain)
    return {_HOURS[match[1]] % 12 * 60 + _MINUTES.get(match[2] or "", 0) for match in matches}
