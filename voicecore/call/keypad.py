"""What a pressed key means as an answer: yes or no, or one of the things that were offered.

A key that answers no such question stays a digit: part of a telephone number, or of a code.
"""

from __future__ import annotations

import re

from voicecore.call.expecting import Expecting
from voicecore.call.words import words_of

_YES_NO = {"1": "yes", "2": "no"}
_PLACES = {"1": "the first one", "2": "the second one", "3": "the third one"}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def keypad_answer(digits: str, expecting: Expecting | None, asked: str) -> str | None:
    """Return the words for a pressed key; None: it is a digit like any other.

    `asked` is what the agent said last. 1 is yes and 2 is no to a question that takes one of them;
    1 to 3 choose from what a question offers ("nine, ten or half past two?").
    """
    if expecting is Expecting.YES_NO:
        return _YES_NO.get(digits)
    if expecting is not None:
        return None
    places = _places(asked)
    word = _PLACES.get(digits)
    return word if word is not None and int(digits) <= places else None


def _places(asked: str) -> int:
    """Count what a question offers: the parts between its commas and its "or"; 0: it is none."""
    sentences = [part for part in _SENTENCE_END.split(asked.strip()) if part]
    if not sentences or not sentences[-1].endswith("?"):
        return 0
    offers = next((part for part in reversed(sentences) if "or" in words_of(part)), "")
    if not offers:
        return 0
    before, _, _ = offers.lower().rpartition(" or ")
    return min(len(_PLACES), 2 + before.count(" or ") + before.rstrip(",").count(", "))
