"""Finds the service that the caller or the model means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts
from voicecore.dialog.plain_words import comma_words, plain_words
from voicecore.dialog.ports import Service
from voicecore.dialog.slot_problem import SlotProblem

MOST_NAMED = 6
_NOTHING_SAID = comma_words(
    "a,an,the,my,for,on,of,to,i,i'd,i'm,we,need,needs,want,like,would,get,have,do,done,it,its,"
    "it's,is,me,please,some,just,car,vehicle,truck,appointment,book,booking,service,services,can,"
    "could,you,uh,um,yes,yeah,ok,okay,hi,hello,and,so,with,in,bring,looked,at,that,this,"
    "come,came,schedule,make,due,time,one,think,somebody,someone"
)
_ALIASES = {
    "oil_change": "lube filter fluid changed",
    "tire_rotation": "tyre rotate rotated",
    "battery_check": "test tested checked",
    "brake_inspection": "check checked inspected inspect",
    "brake_pads": "change changed new replace replaced",
    "full_service": "major tune up tuneup",
    "wheel_alignment": "align aligned front end",
    "coolant_flush": "radiator antifreeze change changed flushed",
    "state_inspection": "sticker emission emissions safety annual smog",
    "diagnostic": "check light warning diagnose diagnosed diagnosis scan computer",
}
"""Words that mean the same as those of a service's name, by its code."""
_REFUSED = re.compile(r"no (?=\w)", re.IGNORECASE)
"""Without a comma, "no oil change" is not "no, an oil change"."""
_REFUSING = comma_words("not,no,don't,without,except,neither,never")


def find_service(named: str, services: Sequence[Service]) -> Service | SlotProblem:
    """Find the one service that explains every word that was said; else ask."""
    by_code = [entry for entry in services if entry.code == named.strip()]
    if _REFUSED.match(named.strip()):
        return _which(services)
    said = plain_words(corrected_parts(named.replace("_", " "))[-1])
    by_name = by_code or [entry for entry in services if said in _titles(entry)]
    if len(by_name) == 1:
        return by_name[0]
    words = {_stem(word) for word in said.split() if word not in _NOTHING_SAID}
    if words & _REFUSING:
        words = set()
    fits = [entry for entry in services if words <= _vocabulary(entry)] if words else []
    sure = [entry for entry in fits if words & _own_words(entry)]
    if len(sure) == 1:
        return sure[0]
    choices = sure or [entry for entry in services if words & _own_words(entry)] or list(services)
    return _which(choices)


def _which(choices: Sequence[Service]) -> SlotProblem:
    names = phrases.listed([entry.name.lower() for entry in choices[:MOST_NAMED]])
    return SlotProblem("service_unclear", phrases.ASK_SERVICE.format(names=names))


def _titles(entry: Service) -> tuple[str, str]:
    return plain_words(entry.code.replace("_", " ")), plain_words(entry.name)


def _own_words(entry: Service) -> set[str]:
    """Return the words of the service's name and code, each in its simple form."""
    return {_stem(word) for title in _titles(entry) for word in title.split()}


def _vocabulary(entry: Service) -> set[str]:
    aliases = _ALIASES.get(entry.code, "").split()
    return _own_words(entry) | {_stem(word) for word in aliases}


def _stem(word: str) -> str:
    """Return a word without its plural: "brakes" is "brake"."""
    is_plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if is_plural else word
