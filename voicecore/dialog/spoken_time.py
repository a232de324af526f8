"""Dates, times and amounts the way they are said on the phone."""

from __future__ import annotations

from datetime import date, datetime, time

from voicecore.dialog.number_words import cardinal, digit_by_digit, minute, ordinal

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def spoken_date(day: date) -> str:
    """Say a day with its weekday: "Thursday, November twenty-sixth"."""
    return f"{WEEKDAYS[day.weekday()]}, {spoken_month_day(day)}"


def spoken_month_day(day: date) -> str:
    """Say a day without its weekday: "March fourth"."""
    return f"{MONTHS[day.month - 1]} {ordinal(day.day)}"


def spoken_time(clock: time) -> str:
    """Say a time of day: "two p.m.", "nine thirty a.m.", "noon"."""
    if (clock.hour, clock.minute) == (12, 0):
        return "noon"
    if (clock.hour, clock.minute) == (0, 0):
        return "midnight"
    half = "a.m." if clock.hour < 12 else "p.m."
    parts = (cardinal((clock.hour - 1) % 12 + 1), minute(clock.minute), half)
    return " ".join(part for part in parts if part)


def spoken_when(moment: datetime) -> str:
    """Say a moment in its own zone: "Thursday, November twenty-sixth at two p.m."."""
    return f"{spoken_date(moment.date())} at {spoken_time(moment.time())}"


def spoken_price(cents: int) -> str:
    """Say an amount in US money: 4995 is "forty-nine dollars and ninety-five cents"."""
    dollars, rest = divmod(cents, 100)
    words = []
    if dollars or not rest:
        words.append(f"{cardinal(dollars)} dollar{'' if dollars == 1 else 's'}")
    if rest:
        words.append(f"{cardinal(rest)} cent{'' if rest == 1 else 's'}")
    return " and ".join(words)


def spoken_phone(digits: str) -> str:
    """Say a phone number in groups; takes digits, "+" and separators, US grouping for ten."""
    bare = "".join(character for character in digits if character in "0123456789")
    if len(bare) == 11 and bare.startswith("1"):
        bare = bare[1:]
    if len(bare) == 10:
        groups = [bare[:3], bare[3:6], bare[6:]]
    elif len(bare) == 7:
        groups = [bare[:3], bare[3:]]
    else:
        groups = [bare[start : start + 3] for start in range(0, len(bare), 3)]
    return ", ".join(digit_by_digit(group) for group in groups)


def spoken_code(code: str) -> str:
    """Spell a plate or VIN: "ABC 1234" is "A B C, one two three four"."""
    groups: list[list[str]] = []
    kind = ""
    for character in code.upper():
        if not (character.isascii() and character.isalnum()):
            kind = ""
            continue
        found = "digit" if character.isdigit() else "letter"
        if found != kind:
            groups.append([])
            kind = found
        groups[-1].append(digit_by_digit(character) if found == "digit" else character)
    return ", ".join(" ".join(group) for group in groups)
