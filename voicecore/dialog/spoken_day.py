"""Reads a day as it is said: "the twenty-sixth", "a week from Thursday", "next Friday".

Theory of operation: the words are searched for one kind of expression after the other, the longest
first, and what was read is taken out. All expressions of one answer must agree on one day: a
weekday, a day of the month and a whole date narrow each other down. What does not agree, or can
be meant in two ways, becomes a question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts
from voicecore.dialog.number_words import cardinal, ordinal
from voicecore.dialog.plain_words import plain_words
from voicecore.dialog.slot_problem import DayQuestion, SlotProblem
from voicecore.dialog.spoken_time import MONTHS, WEEKDAYS, spoken_date

__all__ = ["DayQuestion", "read_day"]

MOST_CHOICES = 2
LATELY_DAYS = 100
"""A day of this year that is past no longer than this is a mistake and not next year's."""
_WEEK = timedelta(days=7)
_MONTH_NUMBERS = (
    {name.lower(): number for number, name in enumerate(MONTHS, start=1)}
    | {name[:3].lower(): number for number, name in enumerate(MONTHS, start=1) if name != "May"}
    | {"sept": 9}
)
_WEEKDAY_NUMBERS = {name.lower(): number for number, name in enumerate(WEEKDAYS)} | {
    "tues": 1, "thurs": 3, "thur": 3,
}  # fmt: skip
_ORDINALS = {plain_words(ordinal(number)): number for number in range(1, 32)} | {
    f"{number}{ending}": number for number in range(1, 32) for ending in ("st", "nd", "rd", "th")
}
_NUMBERS = {plain_words(cardinal(number)): number for number in range(1, 32)} | {
    str(number): number for number in range(1, 32)
}
_DAYS = _ORDINALS | _NUMBERS
_COUNTS = {plain_words(cardinal(number)): number for number in range(1, 13)} | {
    **{str(number): number for number in range(1, 13)}, "a": 1,
}  # fmt: skip


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_MONTH, _DAY, _ORDINAL = _any(_MONTH_NUMBERS), _any(_DAYS), _any(_ORDINALS)
_WEEKDAY, _COUNT = _any(_WEEKDAY_NUMBERS), _any(_COUNTS)
_YEAR = r"(?:,? (?:of )?(20[0-9]{2}|twenty twenty (?:[a-z]+)))?"
_SLASHED = re.compile(r"\b(1[0-2]|0?[1-9])/([0-9]{1,2})(?:/(20[0-9]{2}|[0-9]{2}))?\b")
_ISO = re.compile(r"\b(20[0-9]{2})-([0-9]{2})-([0-9]{2})\b")
_YEAR_WORDS = {f"twenty twenty {plain_words(cardinal(n))}": 2020 + n for n in range(1, 10)}
_WEEKDAY_SAID = re.compile(rf"\b(?:(next|this|coming|on) )?({_WEEKDAY})\b")
_LATER_ORDINAL = _any({words: number for words, number in _ORDINALS.items() if number > 3})
_COUNTED = r" (?:one|time|option|slot|choice|appointment|car|visit)\b"
_VAGUE = re.compile(
    r"\b(?:last|any|not|doesn't|don't|can't|won't|isn't|but|if|unless|bad|earliest|latest|from|"
    r"weeks?|weekend|any ?day|sometime|anytime|whenever|either|between|through|except|months?|"
    r"end of|beginning of|middle of|or|maybe|around the|every|few days|other day|until|after|"
    r"before|was in|were in|been in|came|picked|brought|dropped|couple|"
    r"january|february|march|april|june|july|august|september|october|november|december)\b"
)
_NEGATED = re.compile(
    rf"\b(?:not|instead of|rather than|can't do) (?:on |this |next )?"
    rf"(?:{_WEEKDAY}|today|tomorrow)\b|"
    rf"\b(?:{_WEEKDAY}|today|tomorrow) (?:won't|doesn't|does not|will not) work\b"
)
_NO_DAY = re.compile(
    r"\b(?:(?:the|my|our|your) first (?:available|opening|one|slot|time|thing|appointment|visit|"
    r"choice)|first (?:available|thing)|(?:a|one|just a|this|the|every) second "
    r"(?!of )(?:please|choice|one|time|slot|option|car|appointment)?|(?:a|one) second|"
    r"second (?:one|car)|third (?:one|time)|a quarter|half|second to last|the first time)\b"
)

Reading = tuple[date, ...] | SlotProblem
"""The days that an expression can stand for, or why it stands for none."""


def read_day(said: str, *, today: date) -> date | SlotProblem:
    """Return the one day that was named, from `today` on; else what to ask.

    A `DayQuestion` holds the days that can be meant.
    """
    parts = corrected_parts(said)
    found = _days(parts[-1], today, month=None)
    if len(parts) > 1 and not isinstance(found, SlotProblem):
        # "December third, no, fourth": the month was said before.
        month = next(_months(" ".join(parts[:-1])), None)
        found = _days(parts[-1], today, month=month)
    if isinstance(found, SlotProblem):
        return found
    if not found:
        return SlotProblem("day_missing", phrases.ASK_DAY)
    if len(found) > 1:
        is_next = re.search(rf"\bnext (?:{_WEEKDAY})\b", plain_words(parts[-1])) is not None
        return _question(found, is_next=is_next)
    if found[0] < today:
        return SlotProblem("day_past", phrases.ASK_DAY_PAST.format(day=spoken_date(found[0])))
    return found[0]


def _question(days: tuple[date, ...], *, is_next: bool) -> DayQuestion:
    choices = phrases.OR.join(spoken_date(day) for day in days)
    ask = phrases.ASK_WHICH_DAY.format(choices=choices)
    return DayQuestion("day_ambiguous", ask, days=days, is_next_weekday=is_next)


def _days(text: str, today: date, *, month: int | None) -> Reading:
    """Return the days that all expressions of `text` allow; empty: none was named."""
    rest = _ISO.sub(r" isodate \1 \2 \3 ", text)
    rest = _SLASHED.sub(r" slashdate \1 \2 \3 ", rest)
    rest = _NO_DAY.sub(" ", _NEGATED.sub(" ", plain_words(rest)))
    readings: list[tuple[date, ...]] = []
    for pattern, read in _EXPRESSIONS:
        for match in pattern.finditer(rest):
            days = read(match, today, month)
            if isinstance(days, SlotProblem):
                return days
            readings.append(days)
        rest = pattern.sub(" | ", rest)
    weekdays = list(_WEEKDAY_SAID.finditer(rest))
    rest = _WEEKDAY_SAID.sub(" | ", rest)
    if not readings and not weekdays:
        return ()
    if _VAGUE.search(rest):
        return SlotProblem("day_vague", phrases.ASK_DAY)
    named = {_WEEKDAY_NUMBERS[match[2]] for match in weekdays}
    if not readings:
        readings = [_weekday(match, today) for match in weekdays]
        return _common(readings)
    found = _common(readings)
    if isinstance(found, SlotProblem) or named <= {day.weekday() for day in found}:
        return found
    ask = phrases.ASK_WEEKDAY.format(named=WEEKDAYS[min(named)], day=spoken_date(found[0]))
    return SlotProblem("weekday_differs", ask)


def _common(readings: Sequence[tuple[date, ...]]) -> Reading:
    """Return the days that every reading allows; a question where there is none."""
    allowed = tuple(day for day in readings[0] if all(day in other for other in readings[1:]))
    if allowed:
        return allowed
    firsts = dict.fromkeys(days[0] for days in readings)
    return _question(tuple(firsts)[:MOST_CHOICES], is_next=False)


def _months(text: str) -> Iterator[int]:
    for match in re.finditer(rf"\b({_MONTH})\b", plain_words(text)):
        yield _MONTH_NUMBERS[match[1]]


def _written(match: re.Match[str], today: date, month: int | None) -> Reading:
    return _on(int(match[2]), int(match[3]), today, year=int(match[1]))


def _slashed(match: re.Match[str], today: date, month: int | None) -> Reading:
    year = int(match[3]) if match[3] else None
    year = year + 2000 if year is not None and year < 100 else year
    return _on(int(match[1]), int(match[2]), today, year=year)


def _month_day(match: re.Match[str], today: date, month: int | None) -> Reading:
    return _on(_MONTH_NUMBERS[match[1]], _DAYS[match[2]], today, year=_year(match[3]))


def _day_of_month(match: re.Match[str], today: date, month: int | None) -> Reading:
    return _on(_MONTH_NUMBERS[match[2]], _DAYS.get(match[1], 0), today, year=_year(match[3]))


def _year(said: str | None) -> int | None:
    if not said:
        return None
    return int(said) if said.isdigit() else _YEAR_WORDS.get(said)


def _on(month: int, number: int, today: date, *, year: int | None) -> Reading:
    """Return the day of a month: of the year that was said, or the next one to come."""
    years = [year] if year is not None else [today.year, today.year + 1]
    for each in years:
        try:
            day = date(each, month, number)
        except ValueError:
            continue
        if year is not None or day >= today or (today - day).days <= LATELY_DAYS:
            return (day,)
    name = f"{MONTHS[month - 1]} {ordinal(number)}" if 1 <= month <= 12 else "such day"
    return SlotProblem("no_such_day", phrases.ASK_NO_SUCH_DAY.format(day=name))


def _day_alone(match: re.Match[str], today: date, month: int | None) -> Reading:
    """Return the next day of that number; with a weekday said as well, of the months ahead."""
    number = _ORDINALS[match[1]]
    if month is not None:
        return _on(month, number, today, year=None)
    months = [(today.year + (today.month + ahead - 1) // 12, (today.month + ahead - 1) % 12 + 1)
        for ahead in range(3)]  # fmt: skip
    days = []
    for year, each in months:
        try:
            days.append(date(year, each, number))
        except ValueError:
            continue
    return (next(day for day in days if day >= today),)


def _relative(match: re.Match[str], today: date, month: int | None) -> Reading:
    ahead = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1, "day after tomorrow": 2}
    return (today + timedelta(days=ahead.get(match[1], 0)),)


def _from_now(match: re.Match[str], today: date, month: int | None) -> Reading:
    count = _COUNTS[match[1]]
    return (today + timedelta(days=count * (7 if match[2].startswith("week") else 1)),)


def _weeks_from(match: re.Match[str], today: date, month: int | None) -> Reading:
    days = _COUNTS[match[1]] * (7 if match[2].startswith("week") else 1)
    start = match[3]
    if start in _WEEKDAY_NUMBERS:
        begins = _coming(_WEEKDAY_NUMBERS[start], today)
        if begins == today:
            return (today + timedelta(days=days), today + _WEEK + timedelta(days=days))
    else:
        begins = today + timedelta(days={"today": 0, "now": 0, "tomorrow": 1}[start])
    return (begins + timedelta(days=days),)


def _weekday_next_week(match: re.Match[str], today: date, month: int | None) -> Reading:
    """Return the weekday of the week that begins with the Monday to come."""
    number = _WEEKDAY_NUMBERS[match[1] or match[2]]
    monday = today - timedelta(days=today.weekday()) + _WEEK
    return (monday + timedelta(days=number),)


def _weekday(match: re.Match[str], today: date) -> tuple[date, ...]:
    word, number = match[1], _WEEKDAY_NUMBERS[match[2]]
    coming = _coming(number, today)
    if coming == today:
        if word == "this":
            return (today,)
        return (today + _WEEK,) if word == "next" else (today, today + _WEEK)
    return (coming, coming + _WEEK) if word == "next" else (coming,)


def _coming(weekday: int, today: date) -> date:
    return today + timedelta(days=(weekday - today.weekday()) % 7)


_EXPRESSIONS: tuple[
    tuple[re.Pattern[str], Callable[[re.Match[str], date, int | None], Reading]], ...
] = (
    (re.compile(r"\bisodate ([0-9]+) ([0-9]+) ([0-9]+)"), _written),
    (re.compile(r"\bslashdate ([0-9]+) ([0-9]+)(?: ([0-9]+))?"), _slashed),
    (re.compile(rf"\b(?:the )?({_DAY}) (?:day )?of ({_MONTH})\b{_YEAR}"), _day_of_month),
    (re.compile(rf"\b({_MONTH}) (?:the )?({_DAY})\b(?! (?:oclock|am|pm)\b){_YEAR}"), _month_day),
    (re.compile(rf"\b(?:the )?({_ORDINAL}|[1-3]?[0-9]) ({_MONTH})\b{_YEAR}"), _day_of_month),
    (
        re.compile(
            rf"\b({_COUNT}) (weeks?|days?) (?:from|after|on) (?:this )?"
            rf"({_WEEKDAY}|today|now|tomorrow)\b"
        ),
        _weeks_from,
    ),
    (re.compile(rf"\bin ({_COUNT}) (weeks?|days?)\b"), _from_now),
    (
        re.compile(rf"\b(?:({_WEEKDAY}) (?:of )?next week|next week (?:on )?({_WEEKDAY}))\b"),
        _weekday_next_week,
    ),
    (
        re.compile(r"\b(?:sometime |the )?(day after tomorrow|yesterday|today|tonight|tomorrow)\b"),
        _relative,
    ),
    (re.compile(r"\b(this (?:morning|afternoon|evening))\b"), _relative),
    (re.compile(rf"\b(?:the |on )?({_LATER_ORDINAL})\b(?!{_COUNTED})"), _day_alone),
    (
        re.compile(rf"(?:\bon|(?<=day)) the (first|second|third|1st|2nd|3rd)\b(?!{_COUNTED})"),
        _day_alone,
    ),
)
