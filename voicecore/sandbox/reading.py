"""How a written word is read aloud: times, phone numbers, money, years and plates.

espeak-ng reads "2:00" as "two zero zero" and "5550142" as five and a half million; people on the
phone do neither.
"""

from __future__ import annotations

import re

_MARKED = re.compile(r"(?P<open>^\W*)(?P<core>.*?)(?P<close>[^\w]*$)", re.DOTALL)
_TIME = re.compile(r"(\d{1,2}):(\d{2})([ap]\.?m)?", re.IGNORECASE)
_HOUR = re.compile(r"(\d{1,2})([ap]\.?m)", re.IGNORECASE)
_NOON_HALF = re.compile(r"([ap])\.?m", re.IGNORECASE)
_MONEY = re.compile(r"(\d[\d,]*)(?:\.(\d{2}))?")
_DIGIT_GROUPS = re.compile(r"\d{2,}(?:[-.]\d{2,})+|0\d+|\d{5,}")
_YEAR = re.compile(r"(19|20)(\d{2})")
_CODE = re.compile(r"(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]{4,}")


def spoken_form(word: str) -> str:
    """Return `word` (no spaces inside) as it is read aloud, with its punctuation kept."""
    match = _MARKED.fullmatch(word)
    if match is None:
        return word
    opening, core, closing = match.group("open"), match.group("core"), match.group("close")
    if opening.endswith("$") and (money := _MONEY.fullmatch(core)):
        return opening[:-1] + _money(money[1], money[2]) + closing
    if _NOON_HALF.fullmatch(core) and ("." in core or closing.startswith(".")):
        return f"{opening}{core[0].upper()} M{closing.removeprefix('.')}"
    return opening + _core(core, closing) + closing


def _core(core: str, closing: str) -> str:
    if time := _TIME.fullmatch(core):
        return _time(time[1], time[2], time[3])
    if hour := _HOUR.fullmatch(core):
        return f"{int(hour[1])} {hour[2][0].upper()} M"
    if _CODE.fullmatch(core):
        return " ".join(core)
    if year := _YEAR.fullmatch(core):
        return _year(year[1], year[2])
    if _DIGIT_GROUPS.fullmatch(core):
        groups = re.split(r"\D", core)
        return ", ".join(" ".join(group) for group in groups)
    return core


def _time(hour: str, minute: str, half: str | None) -> str:
    if minute == "00":
        words = f"{int(hour)}"
    elif minute.startswith("0"):
        words = f"{int(hour)} oh {int(minute)}"
    else:
        words = f"{int(hour)} {int(minute)}"
    return f"{words} {half[0].upper()} M" if half else words


def _year(century: str, rest: str) -> str:
    if century == "20" and rest.startswith("0"):
        return f"two thousand {int(rest)}" if rest != "00" else "two thousand"
    if rest.startswith("0"):
        return f"{century} oh {int(rest)}" if rest != "00" else f"{century} hundred"
    return f"{century} {rest}"


def _money(whole: str, cents: str | None) -> str:
    dollars = whole.replace(",", "")
    unit = "dollar" if dollars == "1" else "dollars"
    return f"{dollars} {unit}" + (f" and {int(cents)} cents" if cents and int(cents) else "")
