"""The agent's first words, in its own name where it has one."""

from __future__ import annotations

from voicecore.dialog import phrases
from voicecore.dialog.desk import plain_text
from voicecore.dialog.reminder import Reminder
from voicecore.dialog.shop import ShopProfile


def greetings(shop: ShopProfile) -> tuple[str, str]:
    """Return the greetings of open and of closed hours, so that both can be ready as sound."""
    this_is = phrases.THIS_IS.format(agent=shop.agent_name) if shop.agent_name else ""
    return (
        phrases.GREETING.format(shop=shop.name, this_is=this_is),
        phrases.GREETING_CLOSED.format(shop=shop.name, this_is=this_is),
    )


def greeting(shop: ShopProfile, reminder: Reminder | None, *, is_open: bool) -> str:
    """Return the first words of a call; of one of ours the question for the customer."""
    if reminder is None:
        return greetings(shop)[0 if is_open else 1]
    caller = shop.name
    if shop.agent_name:
        caller = phrases.OF_SHOP.format(agent=shop.agent_name, shop=shop.name)
    name = plain_text(reminder.first_name)
    return phrases.GREETING_REMINDER.format(caller=caller, name=name)
