"""Reads a person's name as it is said, with or without its spelling."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from voicecore.dialog import phrases
from voicecore.dialog.corrections import corrected_parts
from voicecore.dialog.plain_words import comma_words
from voicecore.dialog.ports import SlotReaders
from voicecore.dialog.slot_problem import SlotProblem
from voicecore.dialog.spelling import Spelling, find_spelling
from voicecore.dialog.spoken_numbers import is_number_word

_INTRODUCTION = re.compile(
    r"^ ?(?:(?:yes|yeah|sure|okay|ok|hi|hello|oh|um|uh|and|so|well)\b[ ,.]*)*"
    r"(?:(?:my|the|first|last|full|family) )*(?:(?:name|surname)\b[ ,]*(?:is|would be|will be)?|"
    r"(?:name)?'s|(?:you can )?(?:put|book) (?:it|that|me)|it's|it is|its|"
    r"that's|that is|this is|i'm|i am|call me)?"
    r"(?: (?:under|for))?(?: (?:mr|mrs|ms|miss|dr|doctor)\b\.?)?[ ,.:]+",
    re.IGNORECASE,
)
_FIRST_AND_LAST = re.compile(
    r"\bfirst name(?:'s| is)? (?P<first>[\w'-]+),? (?:and )?(?:my )?last name(?:'s| is)? "
    r"(?P<last>.+)$|"
    r"\blast name(?:'s| is)? (?P<last2>[\w'-]+),? (?:and )?(?:my )?first name(?:'s| is)? "
    r"(?P<first2>[\w'-]+)$",
    re.IGNORECASE,
)
_FIRST_LETTER = re.compile(r"^(\w[\w'-]+),? with an? ([a-z])\.?$", re.IGNORECASE)
_TAIL = re.compile(
    r"[ ,.]+(?:please|thanks|thank you|here|speaking|calling|it's spelled|spelled|spelt|that's|"
    r"that is|it's|spelling|is spelled|which is|so)$",
    re.IGNORECASE,
)
_WITH_LETTER = re.compile(
    r"\bwith(?:out)?\b|\b(?:ends?|starts?|begins?)\b|\bone word\b", re.IGNORECASE
)
_SURE_WORDS = comma_words(
    "i,i'm,i'd,i'll,you,we,they,it,is,was,am,are,do,does,did,don't,have,has,had,can,can't,would,"
    "will,not,no,yes,yeah,okay,ok,the,this,that,what,when,where,why,how,who,name,names,hello,hi,"
    "thanks,please,appointment,car,call,calling,about,need,want,like,just,spell,spelled,same,"
    "know,think,sure,again,sorry,number,phone,there,here,nope,oil,change,book,booking,me,him,them,us,speaking,an,of,my,"
    "your,his,her,our,their,for,with,under,from,and,or,but,so,um,uh,right,correct,exactly,great,"
    "perfect,fine,monday,tuesday,wednesday,thursday,friday,saturday,sunday,today,tomorrow,morning,"
    "afternoon,evening,everyone,everybody,whatever,nothing,none"
)
_ABOUT_LETTERS = comma_words("capital,letter,letters")
_HYPHEN = re.compile(r" (?:hyphen|dash) ", re.IGNORECASE)
_PREFIX = re.compile(r"\b(Ma?c) (?=[A-Z])")
_LETTERS_ONLY = re.compile(r"[^A-Za-z]")
_MOST_WORDS = 4
_LEAST_ALIKE = 0.5


def read_name(said: str, readers: SlotReaders) -> str | SlotProblem:
    """Return a name, capitals as its owner writes them; a spelling counts more than a word.

    "Maria Lopez, that's L O P E Z" is "Maria Lopez". Where word and spelling have nothing in
    common, or the letters are not clear, the caller is asked.
    """
    parts = corrected_parts(said)
    if not parts[-1]:
        return SlotProblem("name_missing", phrases.ASK_NAME)
    text = _in_order(parts[-1])
    if len(parts) > 1 and find_spelling(parts[0]) and not _is_whole(text):
        return SlotProblem("name_unclear", phrases.ASK_SPELL_NAME)
    if _WITH_LETTER.search(text):
        return SlotProblem("name_unclear", phrases.ASK_SPELL_NAME)
    spelling = find_spelling(text)
    words = _words(text if spelling is None else f"{spelling.before} ")
    if spelling is not None:
        joined = _joined(words, spelling)
        if joined is None:
            return SlotProblem("name_unclear", phrases.ASK_SPELL_NAME)
        words = joined
    if not words:
        return SlotProblem("name_missing", phrases.ASK_NAME)
    is_repeated = len({word.lower() for word in words}) < len(words)
    if len(words) > _MOST_WORDS or is_repeated or any(not _is_name(word) for word in words):
        return SlotProblem("name_unclear", phrases.ASK_SPELL_NAME)
    reading = readers.name(" ".join(words).lower())
    return SlotProblem(reading.error, reading.ask) if reading.ask else reading.value


def _in_order(text: str) -> str:
    """Put first and last name behind each other; drop the first letter told: "Kathy with a K"."""
    named = _FIRST_AND_LAST.search(text)
    if named is not None:
        return f"{named['first'] or named['first2']} {named['last'] or named['last2']}"
    lettered = _FIRST_LETTER.match(text)
    if lettered is not None and lettered[1][0].lower() == lettered[2].lower():
        return lettered[1]
    return text


def _is_whole(text: str) -> bool:
    """Say whether a correction is a name of its own and not a letter of the one before."""
    spelling = find_spelling(text)
    return len(spelling.letters if spelling else text) > 2


def _words(text: str) -> list[str]:
    text = _INTRODUCTION.sub("", f" {text.strip()} ").strip(" ,.")
    while (shorter := _TAIL.sub("", f" {text}").strip(" ,.")) != text:
        text = shorter
    text = _PREFIX.sub(r"\1", _HYPHEN.sub("-", text))
    words = [word.strip(",.;:") for word in text.split()]
    return [word for word in words if word and word.lower() not in _ABOUT_LETTERS]


def _joined(words: list[str], spelling: Spelling) -> list[str] | None:
    """Put the spelled letters in place of the word that they spell; None: that is not clear."""
    if not spelling.is_clear or spelling.after:
        return None
    alike = [_alike(word, spelling.letters) for word in words]
    if not words:
        return [spelling.letters] if len(spelling.letters) > 2 else None
    best = max(range(len(words)), key=lambda at: (alike[at], at))
    if alike[best] < _LEAST_ALIKE:
        # "Maria L O P E Z": one first name, and the last one only spelled.
        is_first_alone = len(words) == 1 and len(spelling.letters) > 2 and not spelling.has_pause
        return [*words, spelling.letters] if is_first_alone else None
    if _LETTERS_ONLY.sub("", words[best]).upper() == spelling.letters.upper():
        return words  # the word has what nobody spells: "O'Malley", "Garcia-Lopez"
    return [*words[:best], spelling.letters, *words[best + 1 :]]


def _alike(word: str, letters: str) -> float:
    return SequenceMatcher(None, word.upper(), letters, autojunk=False).ratio()


def _is_name(word: str) -> bool:
    plain = word.lower()
    return plain not in _SURE_WORDS and not is_number_word(plain) and not re.search(r"\d", word)
