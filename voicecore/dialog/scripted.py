"""What the agent says and does while no language model answers.

Everything here is made by code from the state of the call and is true: it repeats a read-back that
waits for a yes, acts on a clear yes, tells what the last tool has done, names the times that it
found, or takes a message that is written to the call's row. After a few such answers in a row it
gives up, and the call goes to a person or ends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from voicecore.call.history import CallerSaid, HistoryItem, ToolUsed
from voicecore.call.words import is_backchannel, is_farewell, is_salutation
from voicecore.dialog import phrases
from voicecore.dialog.consent import says_yes
from voicecore.dialog.desk import CallDesk, ReadBack
from voicecore.dialog.plain_words import contains_phrase, plain_words

MOST_IN_A_ROW = 4
_END_CALL = "end_call"
_DONE = {
    "booked": phrases.SCRIPTED_BOOKED,
    "rescheduled": phrases.SCRIPTED_MOVED,
    "cancelled": phrases.SCRIPTED_CANCELLED,
}
_DANGER = frozenset(
    (
        *("smoke", "smoking", "fire", "burning", "flames", "accident", "crash", "crashed"),
        *("no brakes", "brakes failed", "brakes don't work", "brakes are gone", "can't stop"),
        *("hurt", "injured", "ambulance", "emergency"),
    )
)


@dataclass(frozen=True, slots=True)
class ScriptedAnswer:
    """Words to say, or a tool to run: its name and the JSON text of its arguments."""

    text: str = ""
    tool: tuple[str, str] | None = None


class ScriptedAnswers:
    """The answers of one call; `messages` are what callers left for the staff."""

    def __init__(self, desk: CallDesk) -> None:
        self._desk = desk
        self._in_a_row = 0
        self._awaits_message = False
        self.messages: list[str] = []

    def model_answered(self) -> None:
        """Forget the trouble: the model is back."""
        self._in_a_row = 0
        self._awaits_message = False

    def next(self, history: Sequence[HistoryItem]) -> ScriptedAnswer | None:
        """Return the next answer; None: nothing more can be done without a model."""
        self._in_a_row += 1
        if self._in_a_row > MOST_IN_A_ROW:
            return None
        words, used = _last_words(history), _tools_since(history)
        if used:
            return self._after(used[-1], words)
        if self._awaits_message:
            return self._take_message(words)
        if says_yes(words) and (agreed := self._agreed(history)) is not None:
            return ScriptedAnswer(tool=agreed)
        waiting = self._waiting() if self._in_a_row == 1 else None
        if waiting is not None and not contains_phrase(plain_words(words), _DANGER):
            return ScriptedAnswer(f"{phrases.SCRIPTED_NOT_YET} {waiting.say}")
        return self._offer_message(words)

    def _after(self, used: ToolUsed, words: str) -> ScriptedAnswer | None:
        """Tell what the last tool has brought."""
        result = _object(used.content)
        status, said = str(result.get("status", "")), result.get("say")
        if used.name == _END_CALL:
            return None
        if status == "read_back" and isinstance(said, str):
            return ScriptedAnswer(said)
        if status in _DONE and isinstance(result.get("spoken"), str):
            done = phrases.filled(_DONE[status], when=str(result["spoken"]))
            return self._offer_message(words, done)
        times = _spoken_times(result)
        if times:
            before = "" if status != "taken" else phrases.SCRIPTED_TAKEN
            offer = phrases.SCRIPTED_OFFER.format(times=phrases.listed(times))
            return ScriptedAnswer(f"{before} {offer}".strip())
        if result.get("error") == "deadline" and used.name in phrases.SCRIPTED_WRITES:
            return self._offer_message(words, phrases.SCRIPTED_UNKNOWN)
        return self._offer_message(words)

    def _offer_message(self, words: str, before: str = "") -> ScriptedAnswer | None:
        """Offer to write something down, unless a person can take the call."""
        danger = contains_phrase(plain_words(words), _DANGER)
        if self._desk.shop.transfer_number and not before and not danger:
            return None
        self._awaits_message = True
        start = phrases.SCRIPTED_DANGER if danger else before
        return ScriptedAnswer(f"{start} {phrases.SCRIPTED_MESSAGE}".strip())

    def _take_message(self, words: str) -> ScriptedAnswer:
        if is_farewell(words) and self.messages:
            return ScriptedAnswer(tool=(_END_CALL, "{}"))
        if is_farewell(words) or is_backchannel(words) or is_salutation(words):
            return ScriptedAnswer(phrases.SCRIPTED_MESSAGE_AGAIN)
        self.messages.append(words)
        self._desk.ledger.notes.append("message taken")
        return ScriptedAnswer(phrases.SCRIPTED_MESSAGE_TAKEN)

    def _waiting(self) -> ReadBack | None:
        """Return the read-back that can still be agreed to."""
        for pending in self._desk.pending.values():
            hold = pending.hold
            if hold is None or hold.expires_at > self._desk.now():
                return pending
        return None

    def _agreed(self, history: Sequence[HistoryItem]) -> tuple[str, str] | None:
        """Return the tool whose read-back was given last; it checks the yes by itself."""
        for item in reversed(history):
            if isinstance(item, ToolUsed):
                is_read_back = _object(item.content).get("status") == "read_back"
                is_open = is_read_back and item.name in self._desk.pending
                return (item.name, item.arguments) if is_open else None
        return None


def _last_words(history: Sequence[HistoryItem]) -> str:
    said = (item.text for item in reversed(history) if isinstance(item, CallerSaid))
    return next(said, "")


def _tools_since(history: Sequence[HistoryItem]) -> list[ToolUsed]:
    """Return the tools that ran after the caller's last words."""
    used: list[ToolUsed] = []
    for item in reversed(history):
        if isinstance(item, CallerSaid):
            break
        if isinstance(item, ToolUsed):
            used.insert(0, item)
    return used


def _spoken_times(result: dict[str, object]) -> list[str]:
    slots = result.get("slots")
    if not isinstance(slots, list):
        return []
    return [str(slot["spoken"]) for slot in slots if isinstance(slot, dict) and "spoken" in slot]


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
