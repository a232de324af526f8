"""The stand-in model on a call of ours: who has answered, and do they come?"""

from __future__ import annotations

import re

from voicecore.sandbox import openai_hearing as hearing
from voicecore.sandbox.openai_moves import call
from voicecore.sandbox.openai_reply import Reply
from voicecore.sandbox.openai_state import Situation

_MACHINE = re.compile(
    r"\b(?:voicemail|voice mail|mailbox|leave (?:a|your) message|after the (?:tone|beep)|"
    r"not available|can't come to the phone)\b"
)
_SCREENING = re.compile(
    r"\b(?:state your name|record your name|reason for (?:calling|your call)|"
    r"using a screening service|screening your call)\b"
)
_NO_CALLS = re.compile(
    r"\b(?:stop calling|don't call|do not call|never call|no more calls|take me off)\b"
)
_OTHER = re.compile(
    r"\b(?:wrong number|no|not here|isn't here|don't know|nobody|she's out|he's out)\b"
)
_SELF = re.compile(r"\b(?:speaking|this is|it's me|that's me)\b")
_WHO = re.compile(r"Am I speaking with ([^?]+)\?")


def is_reminder(now: Situation) -> bool:
    """It is we who rang, and it is not clear yet who has answered."""
    return "note_reached" in now.tools and "confirm_visit" not in now.tools


def wants_no_calls(now: Situation) -> bool:
    """Somebody whom we rang does not want that."""
    return "note_reached" in now.tools and bool(_NO_CALLS.search(hearing.plain(now.text)))


def who_answered(now: Situation) -> Reply:
    """Note who has answered, or ask once more."""
    words = hearing.plain(now.text)
    asked = _WHO.search(now.greeting)
    name = hearing.plain(asked[1]) if asked else ""
    if _SCREENING.search(words):
        return call(now, "note_reached", {"who": "call_screening"})
    if _MACHINE.search(words):
        return call(now, "note_reached", {"who": "machine"})
    if _OTHER.search(words):
        return call(now, "note_reached", {"who": "somebody_else"})
    named = bool(name) and name in words.split()
    if hearing.agrees(now.text) or _SELF.search(words) or named:
        return call(now, "note_reached", {"who": "customer"})
    return Reply(asked[0] if asked else "Who am I speaking with?")


def cannot_come(now: Situation) -> Reply | None:
    """Offer another time to somebody who cannot make it."""
    pending = now.pending
    if pending is None or pending.name != "confirm_visit":
        return None
    if now.goal in ("move", "cancel") or hearing.agrees(now.text):
        return None
    if hearing.cannot_come(now.text) or hearing.refuses(now.text):
        return Reply("No problem. Shall I move the appointment to another day, or cancel it?")
    return None
