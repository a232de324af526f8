"""The stand-in model and the caller's account: who calls, new callers, and contact details."""

from __future__ import annotations

import re

from voicecore.sandbox import openai_hearing as hearing
from voicecore.sandbox.openai_moves import ASK_PHONE, call
from voicecore.sandbox.openai_reply import Reply
from voicecore.sandbox.openai_state import Situation

_ASK_NAME = "Could you tell me your first and last name?"
# What stands in the history where the caller has said a code.
_CODE_NOTE = "digits of a code"
_LEAD = re.compile(
    r"^(?:(?:hi|hello|yes|sure|okay|ok|uh|um|well|and|so)\b[ ,]*)*(?:my (?:last |first )?name is|"
    r"my name's|the (?:last )?name is|(?:my|the) (?:license )?plate(?: number)? is|this is|it's|"
    r"it is|i'm|i am)\b[ ,]*",
    re.IGNORECASE,
)


def identify(now: Situation) -> Reply | None:
    """Find out who is calling, as far as the last words help with that."""
    text = now.text
    if now.is_new:
        return _register(now)
    if hearing.says_phone(text):
        arguments = {"phone": text, "name": None, "plate": None}
        return call(now, "lookup_customer", arguments)
    if now.asked_fact_for and not hearing.wish(text) and not hearing.refuses(text):
        fact = _fact(text)
        field = "plate" if any(character.isdigit() for character in fact) else "name"
        arguments = {"phone": now.asked_fact_for, "name": None, "plate": None, field: fact}
        return call(now, "lookup_customer", arguments)
    return None


def change_details(now: Situation, lead: str = "") -> Reply:
    """Change phone or e-mail of a known caller: the new value, then the code."""
    if now.code_sent_for is not None and _CODE_NOTE in now.text:
        return call(now, "update_customer_info", dict(now.code_sent_for))
    new = dict.fromkeys(("first_name", "last_name", "phone", "email"))
    said = " ".join(now.caller_words[-2:])
    email = hearing.email(said)
    if email:
        return call(now, "update_customer_info", {**new, "email": email}, lead)
    if hearing.says_phone(now.text) and now.customer is not None and not lead:
        return call(now, "update_customer_info", {**new, "phone": now.text})
    return Reply(f"{lead} What is the new e-mail address or phone number?".strip())


def _register(now: Situation) -> Reply:
    name = _fact(now.text).split()
    asked_name = _ASK_NAME in now.last_said
    names = [word for word in now.caller_words if _LEAD.match(word) and len(_fact(word)) < 40]
    if asked_name and len(name) >= 2 and not hearing.says_phone(now.text):
        names = [now.text]
    if not names:
        return Reply(f"Welcome! {_ASK_NAME}")
    if not now.phone:
        return Reply("And which phone number can we reach you at?")
    first, _, last = _fact(names[-1]).partition(" ")
    arguments = {
        "first_name": first,
        "last_name": last,
        "phone": now.phone,
        "email": None,
    }
    return call(now, "update_customer_info", arguments)


def _fact(text: str) -> str:
    return _LEAD.sub("", text).strip(" .,!")


def ask_phone(lead: str = "") -> Reply:
    """Ask for the number on the account."""
    return Reply(f"{lead} {ASK_PHONE}".strip())
