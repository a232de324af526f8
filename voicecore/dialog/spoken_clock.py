"""Reads a time of day as it is said: "half past two", "quarter to nine", "noon"."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts
from voicecore.dialog.number_words import cardinal
from voicecore.dialog.plain_words import comma_words, plain_words
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spoken_time import MONTHS, spoken_time

OPENS, CLOSES = time(8), time(18)
"""Where the caller does not say morning or afternoon, the time is looked for between these."""
_NOON, _DAY_MINUTES = 12 * 60, 24 * 60
_HOURS = {cardinal(number): number for number in range(1, 13)} | {
    str(number): number for number in range(1, 13)
}
_LATE_HOURS = {cardinal(number).replace("-", " "): number for number in range(13, 24)}
_MINUTES = (
    {cardinal(number).replace("-", " "): number for number in range(10, 60)}
    | {f"oh {cardinal(number)}": number for number in range(1, 10)}
    | {f"{number:02}": number for number in range(60)}
    | {"oclock": 0, "hundred": 0}
)
_PAST = {cardinal(number).replace("-", " "): number for number in range(1, 30)} | {
    **{str(number): number for number in range(1, 30)}, "quarter": 15, "a quarter": 15, "half": 30,
}  # fmt: skip


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_HOUR, _LATE, _MINUTE, _COUNT = _any(_HOURS), _any(_LATE_HOURS), _any(_MINUTES), _any(_PAST)
_SURE_COUNT = "a quarter|quarter|five|ten|twenty five|twenty|5|10|20|25"
"""What is surely counted in "ten to three"; "two to three" may be a span."""
_HALF = (
    r"(?: ?(am|pm|in the morning|in the afternoon|in the evening|at night|tonight|"
    r"this morning|this afternoon|this evening|morning|afternoon|evening))?"
)
_HALF_BEFORE = re.compile(r"\b(morning|afternoon|evening|tonight)\b")
_LATE_HALVES = comma_words(
    "pm,in the afternoon,in the evening,at night,tonight,this afternoon,this evening,afternoon,"
    "evening"
)
_HEARD_AS = re.compile(r"\bat (?:to|too)\b")
_HEARD_FOR = re.compile(r"\bat (?:for|fore)\b")
_CLOCK = re.compile(r"\b([0-2]?[0-9])[:.]([0-5][0-9])\b")
_JOINED_HALF = re.compile(r"(?<=[0-9])(?=[ap]\.?m\b)")
_THAT_ONE = re.compile(
    rf"\b((?:the|that) (?:{_HOUR}) (?:ten|fifteen|twenty|thirty|forty|fifty)) one\b"
)
"""One of the times that were offered: "the nine thirty one" is no 9:31."""
_NO_HOUR = r"(?<!twenty )(?<!thirty )(?<!forty )(?<!fifty )"
_ORDINAL = r"(?:first|second|third|\w+th|[0-9]+(?:st|nd|rd|th))"
_TENS = "twenty|thirty"
_DATE = re.compile(
    rf"\b(?:{'|'.join(MONTHS)}) (?:the )?(?:(?:{_TENS}) ?)?(?:{_ORDINAL}|[0-9]{{1,2}})\b|"
    rf"\b(?:the )?(?:(?:{_TENS}) )?{_ORDINAL} of (?:{'|'.join(MONTHS)})\b|"
    rf"\b(?:the )?(?:{_TENS}) {_ORDINAL}\b|\bthe {_ORDINAL}\b|"
    r"\b(?:a|one|two|three|four|five|six) (?:weeks?|days?)(?: from| after| on)?\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\bnot (?:at )?[a-z0-9: ]+?(?:[,;]|\bbut\b)", re.IGNORECASE)
_VAGUE = re.compile(
    r"\b(?:or|between|before|after|until|till|any ?time|whenever|either|earliest|latest|soon|not|"
    r"hours?|minutes?|sometime|by|from|through|half|ish|around lunch|doesn't|don't|can't|won't|"
    r"isn't|get off|off work|finish|leave|close|busy|sixty|seventy|eighty|ninety)\b"
)
_BARE = re.compile(
    rf"^(?:(?:make it|how about|let's do|let's say|say|um|uh|yes|yeah|okay|ok) )*(?:{_HOUR})\b"
)
_LEAD = r"(?:at|around|about|for|say|make it|(?:it|me|that|move|push) to|then|is|do|like)"

_Found = tuple[int, str]
"""Minutes since midnight, and the words that say which half of the day; empty: none."""


def read_time(said: str, *, opens: time = OPENS, closes: time = CLOSES) -> time | SlotProblem:
    """Return the one time that was named, inside the opening hours; else what to ask."""
    parts = corrected_parts(said)
    found = _times(parts[-1])
    if not found:
        return SlotProblem("time_missing", phrases.ASK_TIME)
    if isinstance(found, SlotProblem):
        return found
    before = _times(" ".join(parts[:-1])) if len(parts) > 1 else []
    inherited = before[-1][1] if isinstance(before, list) and before else ""
    # "Ten a.m., no, two": the half of the day is only taken over where the hours fit it.
    possible = _possible(found, opens, closes)
    if len(possible) > 1 and inherited:
        possible = [clock for clock in possible if (clock.hour >= 12) == _is_late(inherited)]
    if len(possible) == 1:
        return possible[0]
    if not possible:
        return _closed(found[0])
    choices = phrases.OR.join(spoken_time(clock) for clock in possible)
    return SlotProblem("time_ambiguous", phrases.ASK_WHICH_TIME.format(choices=choices))


def _closed(found: _Found) -> SlotProblem:
    minutes = _halves(*found)
    if len(minutes) > 1:
        return SlotProblem("time_half", phrases.ASK_TIME)
    words = spoken_time(_as_time(minutes[0] % _DAY_MINUTES))
    return SlotProblem("time_closed", phrases.ASK_TIME_CLOSED.format(time=words))


def _possible(found: list[_Found], opens: time, closes: time) -> list[time]:
    """Return the different times, in the opening hours, that the words can stand for."""
    clocks: dict[time, None] = {}
    for minutes, half in found:
        for each in _halves(minutes, half):
            clock = _as_time(each)
            if opens <= clock < closes:
                clocks[clock] = None
    return list(clocks)


def _halves(minutes: int, half: str) -> tuple[int, ...]:
    if half == "exact":
        return (minutes,)
    if half:
        return (minutes % _NOON + (_NOON if _is_late(half) else 0),)
    return minutes % _NOON, minutes % _NOON + _NOON


def _is_late(half: str) -> bool:
    return half in _LATE_HALVES


def _as_time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def _times(text: str) -> list[_Found] | SlotProblem:
    """Return every time in `text`."""
    plain = _THAT_ONE.sub(r"\1", _JOINED_HALF.sub(" ", _NEGATED.sub(" ", text.lower())))
    plain = plain.replace("hundred hours", "hundred")
    plain = _HEARD_FOR.sub("at four", _HEARD_AS.sub("at two", plain))
    plain = _CLOCK.sub(r" clock \1 \2 ", plain)
    plain = _DATE.sub(" | ", plain_words(plain))
    found: list[_Found] = []
    for pattern, read in _EXPRESSIONS:
        found.extend(read(match) for match in pattern.finditer(plain))
        plain = pattern.sub(" | ", plain)
    if _BARE.match(plain) and not found:
        bare = re.compile(rf"\b({_HOUR})(?: ({_MINUTE}))?\b{_HALF}")
        found.extend(_hour(match) for match in bare.finditer(plain))
    if found and _VAGUE.search(plain):
        return SlotProblem("time_vague", phrases.ASK_TIME)
    said_half = _HALF_BEFORE.search(plain)
    if said_half is not None:
        found = [(minutes, half or said_half[1]) for minutes, half in found]
    return found


def _noon(match: re.Match[str]) -> _Found:
    return (0, "exact") if match[1] == "midnight" else (_NOON, "exact")


def _digits(match: re.Match[str]) -> _Found:
    hour, minute = int(match[1]), int(match[2])
    if hour > 23:
        return _DAY_MINUTES, "am"
    is_exact = hour > 12 or hour == 0 or match[1].startswith("0")
    return hour * 60 + minute, match[3] or ("exact" if is_exact else "")


def _past(match: re.Match[str]) -> _Found:
    return _HOURS[match[2]] % 12 * 60 + _PAST[match[1]], match[3] or ""


def _to(match: re.Match[str]) -> _Found:
    return (_HOURS[match[2]] % 12 * 60 - _PAST[match[1]]) % _NOON, match[3] or ""


def _late(match: re.Match[str]) -> _Found:
    return _LATE_HOURS[match[1]] * 60 + _MINUTES[match[2]], "exact"


def _hour(match: re.Match[str]) -> _Found:
    return _HOURS[match[1]] % 12 * 60 + _MINUTES[match[2] or "oclock"], match[3] or ""


_EXPRESSIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Found]], ...] = (
    (re.compile(rf"\bclock ([0-9]+) ([0-9]+)\b{_HALF}"), _digits),
    (re.compile(rf"\b({_COUNT})(?: minutes?)? (?:past|after) ({_HOUR})\b{_HALF}"), _past),
    (
        re.compile(
            rf"\b({_SURE_COUNT}|(?:{_COUNT})(?= minutes?))(?: minutes?)? "
            rf"(?:to|till|til|before|of) ({_HOUR})\b{_HALF}"
        ),
        _to,
    ),
    (re.compile(r"\b(?:twelve |12 )?(noon|midday|midnight)\b"), _noon),
    (re.compile(rf"\b({_LATE}) ({_MINUTE})\b"), _late),
    (re.compile(rf"\b{_NO_HOUR}({_HOUR}) ({_MINUTE})\b{_HALF}"), _hour),
    (re.compile(rf"\b{_NO_HOUR}({_HOUR})()\b{_HALF.removesuffix('?')}"), _hour),
    (re.compile(rf"\b(?:{_LEAD}) ({_HOUR})()()\b(?! (?:weeks?|days?|cars?|people|of us))"), _hour),
)
