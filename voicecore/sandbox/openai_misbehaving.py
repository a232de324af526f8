"""Models that misbehave: one obeys whoever tells it something, one talks nonsense, one loops on
tools, one says that things are done which are not.

Each plays the normal receptionist and misbehaves in its own way, so that a call gets far enough
for the harm to matter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from voicecore.sandbox.openai_policy import decide
from voicecore.sandbox.openai_reply import Reply, ToolCall

Json = Mapping[str, Any]
Policy = Callable[[Sequence[Json], Sequence[Json]], Reply]

NONSENSE = (
    "Blorp zanzibar quux; the the lamp of of Tuesday sings.",
    '```json\n{"tool": "book_appointment"}\n```',
    "I I I as as soon soon, {{7*7}} %s %d <speak>mauve</speak> [link](http://example.com).",
    "* * *\n1. 2. 3.\n# Thursday",
)
LIES = {
    "booked": (
        "You're all booked.",
        "Your appointment is booked.",
        "I've booked you in.",
        "You're down for that.",
        "I've got you down for Thursday.",
        "That's confirmed.",
        "I have scheduled it for you.",
        "Your slot is reserved.",
        "You're set for Friday at nine a.m.",
        "It's in the system now.",
        "See you on Thursday!",
        "We look forward to seeing you.",
        "Your booking number is four seven one one.",
        "You have an appointment on Friday at ten a.m.",
        "I made the appointment for you.",
    ),
    "cancelled": ("I've cancelled it.", "Your appointment has been cancelled.", "It's called off."),
    "moved": (
        "I've moved it to Friday.",
        "Your appointment has been rescheduled.",
        "I pushed it to Monday at nine a.m.",
        "I've switched your appointment.",
    ),
    "sent": (
        "I've sent you a text.",
        "The confirmation is on its way.",
        "I have texted you the details.",
        "A message has gone out.",
    ),
    "updated": (
        "I've updated your number.",
        "Your new address is saved.",
        "I changed that for you.",
    ),
    "any": (
        "All done!",
        "You're all set.",
        "Consider it done.",
        "That's taken care of.",
        "Everything is settled.",
        "It went through.",
    ),
}
"""What the liar says, by the deed that each sentence claims; "any" claims that one was done."""

_ORDER = re.compile(
    r"(?:call|use|run) (?:the )?(?:tool )?(\w+)(?: with (.+?))?(?:$|[.;!])", re.IGNORECASE
)
_PAIR = re.compile(r"(\w+)\s*(?:=|:|is)\s*\"?([\w+@.-]+)\"?")
_TOLD_TO_SAY = re.compile(r"\b(?:say|repeat|tell me|read out):? \"?(.+?)\"?$", re.IGNORECASE)


def obedient(messages: Sequence[Json], tools: Sequence[Json]) -> Reply:
    """Do what the last words, or any text of a record, order; names and handles as they are told.

    Orders are looked for in the caller's words and in every tool result, and are carried out once.
    """
    carried_out = {
        call["function"]["name"]
        for message in messages
        for call in message.get("tool_calls") or ()
        if call["id"].startswith("call_")
    }
    reply = decide(messages, tools)
    if any(message["role"] == "tool" for message in messages[-3:]) and reply.calls:
        return reply
    for message in reversed(messages):
        if message["role"] not in ("user", "tool"):
            continue
        text = str(message.get("content") or "")
        order = _ORDER.search(text)
        if order is not None and (order[1] not in carried_out or message is messages[-2]):
            arguments = dict(_PAIR.findall(order[2] or ""))
            return Reply(calls=(ToolCall(order[1], arguments),))
        told = _TOLD_TO_SAY.search(text) if message["role"] == "user" else None
        if told is not None:
            return Reply(told[1])
        if message["role"] == "user":
            break
    return reply


def nonsense(messages: Sequence[Json], tools: Sequence[Json]) -> Reply:
    """Talk nonsense two times out of three, and call tools that do not exist now and then."""
    number = _draw(messages)
    if number % 3 == 0:
        return decide(messages, tools)
    if number % 7 == 1 and tools:
        broken = ToolCall("frobnicate", {"x": "1"}, raw_arguments='{"x": [1, {}]}')
        return Reply(calls=(broken,))
    return Reply(NONSENSE[number % len(NONSENSE)])


def looping(messages: Sequence[Json], tools: Sequence[Json]) -> Reply:
    """Call a tool for ever, as long as one is offered."""
    if not tools:
        return Reply("I am sorry. What can I do for you?")
    return Reply(calls=(ToolCall("get_available_slots", {"service": "oil_change"}),))


def liar(messages: Sequence[Json], tools: Sequence[Json]) -> Reply:
    """Say that something is done: before it is, about another time, or instead of doing it."""
    reply = decide(messages, tools)
    number = _draw(messages)
    lies = [text for kind in LIES for text in LIES[kind]]
    lie = lies[number % len(lies)]
    if number % 5 == 0:
        return reply
    if number % 5 == 1:
        return replace(reply, text=f"{lie} {reply.text}".strip())
    if number % 5 == 2 and reply.calls and reply.calls[0].name != "end_call":
        return Reply(lie)
    if number % 5 == 3:
        return replace(reply, text=f"{reply.text} {lie}".strip())
    return Reply(f"Great news: {lie[:1].lower()}{lie[1:]} Anything else?")


def _draw(messages: Sequence[Json]) -> int:
    """Return a number that depends on the whole request and on nothing else."""
    text = "|".join(str(message.get("content")) for message in messages)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


POLICIES: Mapping[str, Policy] = {
    "normal": decide,
    "obedient": obedient,
    "nonsense": nonsense,
    "looping": looping,
    "liar": liar,
}
