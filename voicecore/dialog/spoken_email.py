"""Reads an e-mail address as it is said: "maria dot lopez at example dot com"."""

from __future__ import annotations

import re

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts
from voicecore.dialog.plain_words import comma_words
from voicecore.dialog.ports import SlotReaders
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spoken_numbers import is_number_word, spoken_digits

_WRITTEN = re.compile(r"[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+")
_INTRODUCTION = re.compile(
    r"^(?:(?:yes|yeah|sure|okay|ok|so|well|um|uh|er|and|oh|my|the|our|his|her|e ?mail|e-mail|"
    r"address|it's|its|it is|that's|that is|that would be|that will be|is|would be|you can use|"
    r"use|try)\b[ ,.:]*)+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[ ,.]+(?:please|thanks|thank you|that's it|all lower ?case|all one word|no spaces)$",
    re.IGNORECASE,
)
_CLARIFIED = re.compile(
    r"\b([a-z]) (?:as in|like in|is for|as|like|for) ([a-z]{2,})\b", re.IGNORECASE
)
_REPEATED = re.compile(r"\b(double|triple) ([a-z])\b", re.IGNORECASE)
_TIMES = {"double": 2, "triple": 3}
_SIGNS = "dot|point|period|underscore|under score|dash|hyphen|minus|plus"
_NO_PART = comma_words(
    "with,an,is,it's,its,the,my,uh,um,er,email,mail,address,capital,letter,spelled,that's,number,then,"
    "slash,sign,name,initial,think,know,don't,have,no,not,double,triple"
)
_NOT_LOCAL, _NOT_HOST = _NO_PART | {"at"}, _NO_PART - {"mail"}


def read_email(said: str, readers: SlotReaders) -> str | SlotProblem:
    """Return the address; asked back where words in it could be read in two ways."""
    parts = corrected_parts(said)
    written = _WRITTEN.findall(said)
    if written:
        return _checked(written[0], readers) if len(parts) == len(written) == 1 else _again()
    text = parts[-1]
    if len(parts) > 1 and not (" at " in text and " dot " in text):
        return _again()
    text = _TAIL.sub("", f" {_INTRODUCTION.sub('', text.strip())}").strip(" ,.").lower()
    if any(letter.lower() != word[0].lower() for letter, word in _CLARIFIED.findall(text)):
        return _again()
    text = _CLARIFIED.sub(r"\1", text)
    text = _REPEATED.sub(lambda match: match[2] * _TIMES[match[1].lower()], text)
    text = " ".join(word.strip(",;") for word in text.split())
    local, at, host = text.rpartition(" at ")
    if not at:
        return SlotProblem("email_host", phrases.ASK_EMAIL)
    numbered = _with_digits(local.removesuffix(" sign"))
    if (
        numbered is None
        or set(local.split()) & (_NO_PART | {"at"})
        or set(host.split()) & (_NO_PART - {"mail"})
    ):
        return _again()
    return _checked(f"{numbered} at {host}", readers)


def _with_digits(local: str) -> str | None:
    """Write number words as digits; None: a lone one may be a word of the address ("john two")."""
    pieces = []
    for piece in re.split(rf"\b({_SIGNS})\b", local):
        words = piece.split()
        numbers = [word for word in words if is_number_word(word) and word != "o"]
        digits = spoken_digits(" ".join(numbers))
        spoken = [word for word in numbers if not word.isdigit()]
        if spoken and (len(digits) < 2 or words[-len(numbers) :] != numbers):
            return None
        if spoken:
            words = [*words[: -len(numbers)], digits]
        pieces.append(" ".join(words))
    return " ".join(piece for piece in pieces if piece)


def _checked(address: str, readers: SlotReaders) -> str | SlotProblem:
    reading = readers.email(address)
    return SlotProblem(reading.error, reading.ask) if reading.ask else reading.value


def _again() -> SlotProblem:
    return SlotProblem("email_unclear", phrases.ASK_EMAIL)
