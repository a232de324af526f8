"""The stand-in model on the state of a car, and on extra work that waits for a word."""

from __future__ import annotations

from voicecore.sandbox import openai_hearing as hearing
from voicecore.sandbox.openai_moves import ANYTHING_ELSE, call, lower
from voicecore.sandbox.openai_reply import Reply
from voicecore.sandbox.openai_state import Json, Situation


def tell_status(result: Json) -> Reply:
    """Say how the work stands; ask about extra work."""
    work = list(result.get("work") or ())
    if not work:
        return Reply(f"I see no work on your car at the moment. {ANYTHING_ELSE}")
    entry = work[0]
    text = f"Your {lower(entry['service'])} on {entry['spoken']} is {entry['state']}."
    extra = next(iter(result.get("extra_work") or ()), None)
    if extra is None:
        return Reply(f"{text} {ANYTHING_ELSE}")
    return Reply(
        f"{text} The workshop also proposes {lower(extra['work'])} for {extra['price_spoken']}. "
        "May they do that?"
    )


def answer_extra_work(now: Situation) -> Reply | None:
    """Pass on a yes or a no to extra work that was told."""
    extra = now.extra_work
    if extra is None or now.pending is not None:
        return None
    word = "approve" if hearing.agrees(now.text) else ""
    word = "decline" if not word and hearing.refuses(now.text) else word
    if not word:
        return None
    return call(now, "answer_estimate", {"estimate": extra["estimate"], "answer": word})
