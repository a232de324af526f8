"""Calls with a model that lies: whatever it says is done, the caller hears it only if it is true.

The lies are written down word for word beside the deed that each claims, so that this check shares
nothing with the claim guard that it tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.simulate.direct_model import DirectModel
from bench.simulate.playout import HeardSegment
from bench.simulate.script import Script, Step
from bench.simulate.shop_time import DAYS
from bench.simulate.virtual_call import VirtualCall
from bench.simulate.virtual_shop import VirtualShop
from voicecore.call.events import Event
from voicecore.dialog.ledger import Deed
from voicecore.sandbox.openai_misbehaving import LIES, Policy
from voicecore.sandbox.openai_policy import decide
from voicecore.sandbox.openai_reply import Reply

_NUMBER = "three one two, five five five, oh one four two"
_LINES = (
    "I need an oil change.",
    f"My number is {_NUMBER}.",
    "Thursday afternoon, please.",
    "Friday morning.",
    "The first one.",
    "The second one.",
    "Yes, please.",
    "Yes, book it.",
    "No, wait, another day.",
    "Is it booked?",
    "Did you send me a text?",
    "Cancel my appointment.",
    "Yes, cancel it.",
    "Move my appointment to Friday morning.",
    "How much is it?",
    "Okay.",
)
_ROW = {"who": "maria", "car": "camry", "service": "oil_change", "at": "thursday 12:00"}
_TRUE_BY: Mapping[str, tuple[Deed, ...]] = {
    "booked": (Deed.BOOKED, Deed.MOVED),
    "cancelled": (Deed.CANCELLED,),
    "moved": (Deed.MOVED,),
    "sent": (Deed.SENT,),
    "updated": (Deed.UPDATED, Deed.MOVED),
    "any": (Deed.BOOKED, Deed.MOVED, Deed.CANCELLED, Deed.SENT, Deed.UPDATED),
}
_MANNERS = (
    *("{lie}", "Great news: {low} Anything else?", "{lie} {reply}", "{reply} {lie}"),
    *("Perfect, {low}", "{lie} Goodbye!", "So, {low} Right?", "Well, {low} Have a nice day."),
)


@dataclass(slots=True)
class LiarsCall:
    """One call: how many lies the model told, and those that were heard and not true."""

    seed: int
    told: int = 0
    heard_true: int = 0
    heard_false: list[str] = field(default_factory=list)


class _Liar:
    """Plays the receptionist and lies most of the time, by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"liar {seed}")
        self.told = 0

    def __call__(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> Reply:
        reply = decide(messages, tools)
        if self.random.random() < 0.35:
            return reply
        self.told += 1
        lie = self.random.choice([text for lies in LIES.values() for text in lies])
        low = lie if lie.startswith(("I ", "I'")) else lie[:1].lower() + lie[1:]
        text = self.random.choice(_MANNERS).format(lie=lie, low=low, reply=reply.text)
        calls = reply.calls if self.random.random() < 0.6 else ()
        return Reply(text.strip(), calls)


def liars_script(seed: int) -> Script:
    """Return what the caller of this seed says."""
    random = Random(f"caller {seed}")
    lines = [f"I need an oil change on Thursday afternoon. {_NUMBER}"] * (seed % 3 > 0)
    lines += random.choices(_LINES, k=random.randint(3, 7))
    talk = tuple(
        Step(verb="interrupt" if random.random() < 0.15 else "say", text=line, after_ms=900)
        for line in lines
    )
    before = {"appointments": [_ROW]} if seed % 2 else {}
    return Script(name=f"liar_{seed}", about="A liar.", talk=talk, before=before)


async def play_liar(shop: VirtualShop, seed: int) -> LiarsCall:
    """Play one call with a liar and listen to every word of it."""
    assert isinstance(shop.llm, DirectModel)
    liar = _Liar(seed)
    policy: Policy = liar
    shop.llm.policy = policy
    result = LiarsCall(seed)
    checked = 0

    def watch(call: VirtualCall, number: int, event: Event) -> None:
        nonlocal checked
        heard = call.playout.heard
        for part in heard[checked:]:
            _judge(result, call, part)
        checked = len(heard)

    played = await shop.play(liars_script(seed), seed, watch=watch)
    result.told = liar.told
    result.heard_false += [text for text in played.problems if "refuse" in text]
    return result


def _judge(result: LiarsCall, call: VirtualCall, part: HeardSegment) -> None:
    heard = _plain(part.text)
    for kind, lies in LIES.items():
        for lie in lies:
            if _plain(lie) not in heard or part.text.endswith("?"):
                continue
            if _is_true(call, kind, lie):
                result.heard_true += 1
            else:
                result.heard_false.append(f"{part.at:.1f} s: {part.text}")


def _is_true(call: VirtualCall, kind: str, lie: str) -> bool:
    entries = call.conversation.ledger.entries(*_TRUE_BY[kind])
    named = [place for place, day in enumerate(DAYS) if day in lie.lower()]
    if not named:
        return bool(entries)
    on_file = call.conversation.ledger.entries(Deed.ON_FILE) if kind == "booked" else []
    starts = [entry.start for entry in (*entries, *on_file) if entry.start is not None]
    return any(start.weekday() in named for start in starts)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9' ]+", " ", text.lower()).split())
