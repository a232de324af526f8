"""The code that was sent by text: taken from the caller's own words, and kept from the model.

The model asks for the code and never sees it: what the caller says or presses is checked by code,
and in the model's history a note stands in its place.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from voicecore.call.history import CallerSaid, HistoryItem, ToolUsed
from voicecore.dialog.spoken_numbers import digit_readings, spoken_digits

CODE_TOOL = "update_customer_info"
CODE_NOTE = "(said the digits of a code; the system checks it)"
_WAITING = frozenset(("code_sent", "wrong_code"))
# Part of a code, or one with a digit too many or too few; a phone number is longer.
_FEWEST, _MOST = 3, 9


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
    is_waiting = False
    kept: list[HistoryItem] = []
    for item in history:
        match item:
            case ToolUsed():
                is_waiting = _waits(item) if item.name == CODE_TOOL else is_waiting
                kept.append(item)
            case CallerSaid() if _hides(item.text, codes_sent, is_waiting=is_waiting):
                kept.append(replace(item, text=CODE_NOTE))
            case _:
                kept.append(item)
    return tuple(kept)


def _waits(item: ToolUsed) -> bool:
    try:
        result = json.loads(item.content)
    except ValueError:
        return False
    return isinstance(result, dict) and not _WAITING.isdisjoint(
        str(result.get(name)) for name in ("status", "error")
    )


def _hides(text: str, codes_sent: Collection[str], *, is_waiting: bool) -> bool:
    if any(code in digits for digits in digit_readings(text) for code in codes_sent):
        return True
    return is_waiting and _FEWEST <= len(spoken_digits(text)) <= _MOST
