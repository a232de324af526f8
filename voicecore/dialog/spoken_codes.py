"""Reads plates and VINs: what is no code is sorted out here, the rest is for the readers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts, spliced
from voicecore.dialog.plain_words import comma_words
from voicecore.dialog.ports import SlotReaders
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spelling import letter_of
from voicecore.dialog.spoken_numbers import is_number_word

VIN_LENGTH = 17
_SHORTEST_PLATE = 3
_SHORTEST_RESTATED_PLATE = 5
_INTRODUCTION = re.compile(
    r"^(?:(?:yes|yeah|sure|okay|ok|so|well|um|uh|and|my|the|it's|its|it is|that's|that is|"
    r"license|licence|plate'?s?|tag|number(?:'s)?|vin|is|are|reads|says|would be)\b[ ,.:]*)+",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"\b(?:an? |the |my )?(?:vanity|personalized|custom|alabama|alaska|arizona|arkansas|"
    r"california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|indiana|iowa|"
    r"kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|"
    r"missouri|montana|nebraska|nevada|new (?:hampshire|jersey|mexico|york)|ohio|oklahoma|oregon|"
    r"(?:north|south) (?:carolina|dakota)|pennsylvania|rhode island|tennessee|texas|utah|vermont|"
    r"virginia|washington|west virginia|wisconsin|wyoming) (?:license )?plates?\b",
    re.IGNORECASE,
)
"""What kind of plate it is says nothing about what stands on it."""
_TAIL = re.compile(r"[ ,.]+(?:please|thanks|thank you|that's it|that is it)$", re.IGNORECASE)
_ARTICLE = re.compile(r"\b(?:it's|its|is|that's) a (?=\w)")
"""Perhaps the letter A, perhaps the word: nobody can tell."""
_X_RAY = re.compile(r"\bx[ -]ray\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_FILLERS = comma_words(
    "uh,um,er,my,the,its,it's,it,is,plate,license,licence,number,tag,vin,and,then,dash,hyphen,"
    "space,dot,letter,capital,as,in,for,like,double,triple,hundred,thousand,please"
)
_CLARIFIED = re.compile(r"\b(\w+) (?:as in|like in|is for|as|like|for) ([a-z]\w+)", re.IGNORECASE)


# Words that are letters or digits only among others that surely are.
_ALSO_WORDS = comma_words("see,sea,you,are,why,be,eye,tea,oh,ex,i,a,to,too,for,in,as,like,and")


def read_plate(said: str, readers: SlotReaders) -> str | SlotProblem:
    """Return a licence plate as the records write it: letters and digits only."""
    said = _KIND.sub(" plate", said)
    parts = [_trimmed(part) for part in corrected_parts(said)]
    if not _are_codes(parts) or _ARTICLE.search(said):
        return SlotProblem("plate_unreadable", phrases.ASK_PLATE)
    reading = readers.plate(parts[-1])
    if reading.ask:
        return SlotProblem(reading.error, reading.ask)
    shortest = _SHORTEST_PLATE if len(parts) == 1 else _SHORTEST_RESTATED_PLATE
    is_cut = any(len(readers.code(part)) > len(reading.value) for part in parts[:-1])
    if len(reading.value) < shortest or is_cut:
        return SlotProblem("plate_too_short", phrases.ASK_PLATE)
    return reading.value


def read_vin(said: str, readers: SlotReaders, *, on_file: Sequence[str]) -> str | SlotProblem:
    """Return a VIN whose every character is sure; `on_file` are those of the caller's cars."""
    parts = [_trimmed(part) for part in corrected_parts(said)]
    if not _are_codes(parts):
        return SlotProblem("vin_unreadable", phrases.ASK_VIN)
    code = readers.code(parts[0])
    for part in parts[1:]:
        code = spliced(code, readers.code(part), VIN_LENGTH) or ""
    reading = readers.vin(code, on_file)
    return SlotProblem(reading.error, reading.ask) if reading.ask else reading.value


def _trimmed(part: str) -> str:
    part = _X_RAY.sub("xray", part.strip())
    return _TAIL.sub("", f" {_INTRODUCTION.sub('', part)}").strip(" ,.")


def _are_codes(parts: Sequence[str]) -> bool:
    """Say whether every word can belong to a code: "let me see" must not become LETMEC."""
    if not all(parts):
        return False
    for part in parts:
        for letter, word in _CLARIFIED.findall(part):
            spelled = letter_of(letter)
            if spelled is not None and not is_number_word(word) and word[0].upper() != spelled:
                return False
        words = _WORD.findall(_CLARIFIED.sub(r"\1", part))
        doubtful = sum(word.lower() in _ALSO_WORDS and not word.isupper() for word in words)
        if doubtful * 2 > len(words) or not all(_is_code_word(word) for word in words):
            return False
    return True


def _is_code_word(word: str) -> bool:
    if any(char.isdigit() for char in word) or word.isupper():
        return True
    plain = word.lower()
    return letter_of(plain) is not None or is_number_word(plain) or plain in _FILLERS
