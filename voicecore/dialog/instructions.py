"""The changing part of the model's instructions: facts of the shop and the state of the call."""

from __future__ import annotations

from datetime import timedelta

from voicecore.dialog.desk import CallDesk, plain_text
from voicecore.dialog.identity import Rung
from voicecore.dialog.prompt_files import prompt
from voicecore.dialog.speakable import speakable
from voicecore.dialog.spoken_time import WEEKDAYS, spoken_date, spoken_price, spoken_when

CALENDAR_DAYS = 15
_UNKNOWN_HOURS = "not known to you"


def context_text(desk: CallDesk) -> str:
    """Return the facts that hold for the whole call, as far as they are known."""
    now = desk.now()
    days = (now.date() + timedelta(days=ahead) for ahead in range(CALENDAR_DAYS))
    services = [
        f"- {entry.code}: {plain_text(entry.name)}, "
        f"{speakable(f'{entry.labour_minutes} minutes')}, {spoken_price(entry.price_cents)}"
        for entry in desk.services
    ]
    return prompt("context.md").format(
        shop=desk.shop.name,
        address=desk.shop.address,
        hours=desk.shop.hours or _UNKNOWN_HOURS,
        now=f"{now.isoformat(timespec='minutes')} ({spoken_when(now)})",
        calendar="\n".join(
            f"- {WEEKDAYS[day.weekday()]} {day.isoformat()}: {spoken_date(day)}" for day in days
        ),
        services="\n".join(services) or "- not loaded; ask get_available_slots",
    )


def state_text(desk: CallDesk, *, held_back: bool) -> str:
    """Return what code knows at this moment, so that it survives any loss of words.

    `held_back`: a claim of the model's last reply was not spoken, because nothing showed it.
    """
    text = prompt("state.md").format(
        caller=_caller(desk),
        done="; ".join(desk.ledger.summary()) or "nothing",
        pending="; ".join(entry.say for entry in desk.pending.values()) or "nothing",
    )
    return f"{text}\n{prompt('held_back.md')}" if held_back else text


def _caller(desk: CallDesk) -> str:
    record = desk.identity.record
    if record is None:
        return "not identified; ask for the phone number before anything about an account"
    name = plain_text(f"{record.customer.first_name} {record.customer.last_name}")
    level = "with a code" if desk.identity.rung >= Rung.SMS_CODE else "by phone number"
    return f"{name}, identified {level}"
