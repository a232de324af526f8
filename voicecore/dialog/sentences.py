"""Cuts the model's text into pieces that can be spoken, each as early as possible.

Theory of operation: characters are read one by one, so the pieces do not depend on how the text
was cut into deltas. A piece ends at "?", "!" or a line end at once; at "." only when white space
follows and the dot does not belong to an abbreviation, an initial or a list number. After "a.m."
and the like the next word decides: a capital letter starts a sentence. The first piece of a reply
may already end at a comma or semicolon, and any piece ends at one when it grows too long; a clause
that states a deed stays with the rest of its sentence, where its day and time are checked.
"""

from __future__ import annotations

import re
import unicodedata

from voicecore.dialog.claim_guard import claimed_deeds
from voicecore.dialog.plain_words import comma_words

FIRST_CLAUSE_CHARS = 24
"""From this length on the first piece may end at a clause: a second and a half of speech."""
LONG_CHARS = 260
"""From this length on any piece may end at a clause."""
LONGEST_CHARS = 600
"""No piece is longer; Deepgram takes 2000 characters in one message."""

_OPEN_ABBREVIATIONS = comma_words(
    "dr,mr,mrs,ms,st,mt,ave,blvd,rd,approx,appt,vs,ft,e.g,i.e,sgt,prof,est,dept,ext,hwy,min,hrs,"
    "mi,lbs,jan,feb,mar,apr,jun,jul,aug,sept,oct,nov,dec,mon,tue,tues,wed,thu,thur,thurs,fri,ste,apt"
)
_CLOSING_ABBREVIATIONS = comma_words("a.m.,p.m.,etc.,inc.,co.,jr.,sr.,ltd.,u.s.")
_NO_SENTENCE_START = comma_words(
    "monday,tuesday,wednesday,thursday,friday,saturday,sunday,central,eastern,pacific,mountain,"
    "january,february,march,april,may,june,july,august,september,october,november,december"
)
_DATE_GOES_ON = re.compile(
    r"(?:\b(?:mon|tues|wednes|thurs|fri|satur|sun)day|\b[0-9]{1,2}(?:st|nd|rd|th)?)$",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\s]*)\)")
_LINE_START = re.compile(r"^\s*(?:(?:#{1,6}|>|[-+•–—])\s+)+")
_EMPHASIS = re.compile(r"[*`|\\{}\[\]]+")
_SIGN_WITHOUT_NUMBER = re.compile(r"[#~<>^]+(?! ?[0-9$#~<>^])")
_UNDERSCORE = re.compile(r"_+(?![\w.+-]*@)")
_SPOKEN_SIGNS = "°¢€£≈≥≤×"
_CLOSERS = "\"')]}*_`”’»"


class SentenceSplitter:
    """Splits one reply; feed every delta, then call `finish` once."""

    __slots__ = ("_buffer", "_spoken")

    def __init__(self) -> None:
        self._buffer = ""
        self._spoken = False

    def feed(self, delta: str) -> list[str]:
        """Add text; returns the pieces that became complete, markdown removed."""
        pieces: list[str] = []
        for character in delta:
            self._buffer += character
            while cut := self._cut(character):
                self._take(cut, pieces)
        return pieces

    def finish(self) -> list[str]:
        """Return what is left, if it can be spoken; the splitter is then as new."""
        pieces: list[str] = []
        self._take(len(self._buffer), pieces)
        self._spoken = False
        return pieces

    def _take(self, cut: int, pieces: list[str]) -> None:
        piece = plain_text(self._buffer[:cut])
        self._buffer = self._buffer[cut:]
        if piece:
            self._spoken = True
            pieces.append(piece)

    def _cut(self, character: str) -> int:
        """Return how many characters of the buffer are a whole piece; 0: none yet."""
        text = self._buffer
        if not text:
            return 0
        if character == "\n":
            return len(text)
        if character in "!?":
            return 0 if "://" in text.rsplit(maxsplit=1)[-1] else len(text)
        if character.isspace():
            return self._cut_at_space(text)
        if len(text) >= LONGEST_CHARS:
            return text.rfind(" ") + 1 or len(text)
        return 0

    def _cut_at_space(self, text: str) -> int:
        words = text.split()
        if not words:
            return 0
        last = words[-1]
        if len(words) > 1 and _starts_sentence(words[-2], last):
            return text.rstrip().rfind(last)
        if _ends_sentence(last, first=len(words) == 1):
            return len(text)
        least = LONG_CHARS if self._spoken else FIRST_CLAUSE_CHARS
        is_clause = len(text) > least and last[-1] in ",;—" and not _DATE_GOES_ON.search(last[:-1])
        return len(text) if is_clause and not claimed_deeds(text) else 0


def plain_text(text: str) -> str:
    """Return `text` without markdown and pictures; empty where nothing can be spoken."""
    text = _LINK.sub(r"\1", text)
    text = _LINE_START.sub("", text)
    text = _EMPHASIS.sub(" ", text) if "|" in text else _EMPHASIS.sub("", text)
    text = _SIGN_WITHOUT_NUMBER.sub("", text)
    text = _UNDERSCORE.sub(" ", text)
    text = "".join(character for character in text if _is_spoken(character))
    text = " ".join(text.split())
    return text if any(character.isalnum() for character in text) else ""


def _is_spoken(character: str) -> bool:
    return (
        character.isascii()
        or character in _SPOKEN_SIGNS
        or unicodedata.category(character)[0] in "LNPZM"
    )


def _starts_sentence(before: str, word: str) -> bool:
    """Say whether `word` starts a sentence behind an abbreviation like "p.m."."""
    if before.rstrip(_CLOSERS).lower() not in _CLOSING_ABBREVIATIONS:
        return False
    bare = word.strip("\"'(*_").rstrip(_CLOSERS + ".,;:!?")
    return bare[:1].isupper() and bare.lower() not in _NO_SENTENCE_START


def _ends_sentence(word: str, *, first: bool) -> bool:
    word = word.rstrip(_CLOSERS)
    if not word.endswith((".", "…")):
        return False
    bare = word[:-1].lower().lstrip("\"'(*_")
    if f"{bare}." in _CLOSING_ABBREVIATIONS or bare in _OPEN_ABBREVIATIONS:
        return False
    if word == "no." and not first:
        return False  # of a number, where it does not end an answer
    is_initial = len(bare) == 1 and bare.isalpha() and word[0].isupper()
    return not is_initial and not (first and bare.isdigit())
