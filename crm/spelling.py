"""How letters, digits and places of a code are said, so that nobody mistakes them."""

from __future__ import annotations

from collections.abc import Sequence

_ALPHABET = """
Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa
Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu
"""
_WORDS = {word[0]: word for word in _ALPHABET.split()}
_DIGIT_WORDS = "zero one two three four five six seven eight nine"
_DIGITS = {str(at): word for at, word in enumerate(_DIGIT_WORDS.split())}
_PLACE_WORDS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth
"""
_PLACES = _PLACE_WORDS.split()


def spelled(char: str) -> str:
    """Say one letter or digit: "T as in Tango", "the number three".

    Source: ITU Radio Regulations, appendix 14 (the words of the letters).
    """
    if char in _DIGITS:
        return f"the number {_DIGITS[char]}"
    return f"{char} as in {_WORDS[char]}"


def choice(chars: Sequence[str]) -> str:
    """Offer letters or digits: "T as in Tango or C as in Charlie"."""
    said = [spelled(char) for char in chars]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def place(number: int) -> str:
    """Say a place in a code from 1 to 17: "first"."""
    return _PLACES[number - 1]
