"""What every part of the stand-in model uses: a tool call if it is offered, and fixed sentences."""

from __future__ import annotations

from voicecore.sandbox.openai_reply import Reply, ToolCall
from voicecore.sandbox.openai_state import Json, Situation

ANYTHING_ELSE = "Is there anything else I can do for you?"
ASK_PHONE = "Could you tell me the phone number on your account?"
SORRY = "I am sorry, that did not work just now."


def call(now: Situation, name: str, arguments: Json, lead: str = "") -> Reply:
    """Call a tool that the request offers; without it say what is needed first."""
    if name in now.tools:
        return Reply(lead, (ToolCall(name, dict(arguments)),))
    if now.customer is None and "lookup_customer" in now.tools:
        return Reply(f"{lead} {ASK_PHONE}".strip())
    return Reply(f"{lead} I am sorry, I cannot do that right now.".strip())


def with_article(name: object) -> str:
    """Say a thing within a sentence: "an oil change"."""
    text = lower(name)
    return f"an {text}" if text[:1] in "aeio" else f"a {text}"


def lower(name: object) -> str:
    """Begin with a small letter."""
    text = str(name)
    return text[:1].lower() + text[1:]
