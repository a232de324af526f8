"""The changing part of the model's instructions: facts of the shop and the state of the call."""

from __future__ import annotations

from datetime import timedelta

from voicecore.dialog.agenda import Task
from voicecore.dialog.desk import CallDesk, plain_text
from voicecore.dialog.identity import Rung
from voicecore.dialog.prompt_files import prompt
from voicecore.dialog.speakable import speakable
from voicecore.dialog.spoken_time import WEEKDAYS, spoken_date, spoken_price, spoken_when

CALENDAR_DAYS = 15
_MANNER = "friendly, calm and to the point"
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
        agent=_agent(desk.shop.agent_name),
        persona=desk.shop.persona or _MANNER,
        shop=desk.shop.name,
        address=desk.shop.address,
        hours=desk.shop.hours or _UNKNOWN_HOURS,
        now=f"{now.isoformat(timespec='minutes')} ({spoken_when(now)})",
        calendar="\n".join(
            f"- {WEEKDAYS[day.weekday()]} {day.isoformat()}: {spoken_date(day)}" for day in days
        ),
        services="\n".join(services) or "- not loaded; ask get_available_slots",
    )


def _agent(name: str) -> str:
    """Say who the model is; an assistant that has a name is still no person."""
    who = f"You are {name}, the automated" if name else "You are the automated"
    return f"{who} phone assistant of this shop. If somebody asks, say that you are not a person."


def state_text(desk: CallDesk, *, held_back: bool) -> str:
    """Return what code knows at this moment, so that it survives any loss of words.

    `held_back`: a claim of the model's last reply was not spoken, because nothing showed it.
    """
    text = prompt("state.md").format(
        caller=_caller(desk),
        current=_current(desk),
        later=", ".join(_named(task) for task in reversed(desk.agenda.open[:-1])) or "nothing",
        done="; ".join(desk.ledger.summary()) or "nothing",
        pending="; ".join(entry.say for entry in desk.pending.values()) or "nothing",
    )
    notes = [text]
    if desk.transfer_failed:
        notes.append(prompt("transfer_failed.md"))
    if held_back:
        notes.append(prompt("held_back.md"))
    return "\n".join(notes)


def _current(desk: CallDesk) -> str:
    """Say the current task, its phase, and what was learned for it."""
    agenda, task = desk.agenda, desk.agenda.current
    if task is None:
        return "no wish is open" if desk.reminder is None else "the reminder: who has answered?"
    phase = agenda.phase(task.scenario, desk.known())
    known = (("service", agenda.service), ("from", agenda.day), ("time", agenda.part_of_day))
    facts = ", ".join(f"{name} {plain_text(value)}" for name, value in known if value)
    text = f"{_named(task)}; step: {phase.goal}"
    return f"{text}; last search: {facts}" if facts else text


def _named(task: Task) -> str:
    about = plain_text(task.about)
    return f"{task.scenario.name} ({about})" if about else task.scenario.name


def _caller(desk: CallDesk) -> str:
    record = desk.identity.record
    if record is None:
        return "not identified; ask for the phone number before anything about an account"
    name = plain_text(f"{record.customer.first_name} {record.customer.last_name}")
    level = "with a code" if desk.identity.rung >= Rung.SMS_CODE else "by phone number"
    return f"{name}, identified {level}"
