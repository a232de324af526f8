"""The code that was sent by text: taken from the caller's own words, and kept from everybody else.

The model asks for the code and never sees it: what the caller says or presses is checked by code,
and in the model's history a note stands in its place. What is written down of the call (journal,
snapshot, flight log) holds a zero for every digit that was said while a code was waited for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from voicecore.call.history import CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.identity import Identity
from voicecore.dialog.spoken_numbers import digit_readings, is_number_word, spoken_digits

CODE_TOOL = "update_customer_info"
CODE_NOTE = "(said the digits of a code; the system checks it)"
_WAITING = frozenset(("code_sent", "wrong_code"))
# Part of a code, or one with a digit too many or too few; a phone number is longer.
_FEWEST, _MOST = 3, 9
_WORD = re.compile(r"[^\W_]+")


def words_since_code_tool(history: Sequence[HistoryItem]) -> str | None:
    """Return what the caller said since the tool last answered; None: nothing."""
    words: list[str] = []
    for item in reversed(history):
        if isinstance(item, ToolUsed) and item.name == CODE_TOOL:
            break
        if isinstance(item, CallerSaid):
            words.append(item.text)
    return " ".join(reversed(words)) or None


def without_codes(
    history: Sequence[HistoryItem], codes_sent: Collection[str]
) -> tuple[HistoryItem, ...]:
    """Return the history with a note in place of every code, right, wrong or in part."""
    if not codes_sent:
        return tuple(history)
    return tuple(
        replace(item, text=CODE_NOTE)
        if isinstance(item, CallerSaid) and _hides(item.text, codes_sent, is_waiting=is_waiting)
        else item
        for item, is_waiting in _with_waiting(history)
    )


def masked(text: str) -> str:
    """Return the text with a zero for every digit: of a known length, and for nobody of use."""
    return _WORD.sub(lambda match: _masked_word(match[0]), text)


class CodeCurtain:
    """Hides what may be a code from whoever writes the call down.

    A zero stands for a digit, word for word, so that a recorded call still replays.
    """

    def __init__(self, identity: Identity, now: Callable[[], datetime]) -> None:
        self._identity = identity
        self._now = now

    def text(self, text: str) -> str:
        """Return words of the caller as they may be written down now."""
        codes = self._identity.codes_sent
        if codes and (self._identity.code_waits(self._now()) or _holds(text, codes)):
            return masked(text)
        return text

    def history(self, history: tuple[HistoryItem, ...]) -> tuple[HistoryItem, ...]:
        """Return the history as it may be written down."""
        codes = self._identity.codes_sent
        return (
            tuple(
                replace(item, text=masked(item.text))
                if isinstance(item, CallerSaid) and (is_waiting or _holds(item.text, codes))
                else item
                for item, is_waiting in _with_waiting(history)
            )
            if codes
            else history
        )


def _masked_word(word: str) -> str:
    if any(character.isdigit() for character in word):
        return "".join("0" if character.isdigit() else character for character in word)
    return "zero" if is_number_word(word) else word


def _with_waiting(history: Sequence[HistoryItem]) -> Iterator[tuple[HistoryItem, bool]]:
    """Yield each item, and whether a code was waited for then."""
    is_waiting = False
    for item in history:
        if isinstance(item, ToolUsed) and item.name == CODE_TOOL:
            is_waiting = _waits(item)
        yield item, is_waiting


def _waits(item: ToolUsed) -> bool:
    try:
        result = json.loads(item.content)
    except ValueError:
        return False
    return isinstance(result, dict) and not _WAITING.isdisjoint(
        str(result.get(name)) for name in ("status", "error")
    )


def _hides(text: str, codes_sent: Collection[str], *, is_waiting: bool) -> bool:
    if _holds(text, codes_sent):
        return True
    return is_waiting and _FEWEST <= len(spoken_digits(text)) <= _MOST


def _holds(text: str, codes_sent: Collection[str]) -> bool:
    return any(code in digits for digits in digit_readings(text) for code in codes_sent)
