"""Reduces speech to lower-case words for comparison; punctuation and hyphens carry no meaning."""

from __future__ import annotations

import re

_HALF_OF_DAY = re.compile(r"\b([ap])\.\s?m\b\.?")
_NOT_A_WORD = re.compile(r"[^a-z0-9' ]+")

_LONGEST_TEXT_CHARS = 40


def plain_words(text: str) -> str:
    """Return lower-case words: "Twenty-sixth, at 2 p.m." is "twenty sixth at 2 pm"."""
    lowered = text.lower().replace("’", "'").replace("o'clock", "oclock")
    lowered = _HALF_OF_DAY.sub(r"\1m", lowered)
    return " ".join(_NOT_A_WORD.sub(" ", lowered).split())


def contains_phrase(plain: str, phrases: frozenset[str]) -> bool:
    """Say whether one of the plain `phrases` stands in `plain` as whole words."""
    padded = f" {plain} "
    return any(f" {phrase} " in padded for phrase in phrases)


def comma_words(text: str) -> frozenset[str]:
    """Return the plain phrases between the commas of `text`."""
    return frozenset(text.split(","))


def plain_text(text: str) -> str:
    """Reduce a text from the records to one short line without anything but words."""
    kept = (character if character.isalnum() or character in " -.'&" else " " for character in text)
    return " ".join("".join(kept).split())[:_LONGEST_TEXT_CHARS].rstrip()
