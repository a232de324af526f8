"""The stand-in model: a small, deterministic receptionist.

It plays the scenarios over whatever tools the request offers, says only what tools returned or
what stands in the prompt, and keeps nothing between requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from voicecore.sandbox import openai_hearing as hearing
from voicecore.sandbox.openai_account import change_details, identify
from voicecore.sandbox.openai_moves import (
    ANYTHING_ELSE,
    ASK_PHONE,
    SORRY,
    call,
    lower,
    with_article,
)
from voicecore.sandbox.openai_reminder import cannot_come, is_reminder, wants_no_calls, who_answered
from voicecore.sandbox.openai_reply import Reply, ToolCall
from voicecore.sandbox.openai_state import Json, Situation, ToolResult, read_situation
from voicecore.sandbox.openai_workshop import answer_extra_work, tell_status

QUESTIONS = ("price", "hours", "address")
_MOST_LATE_CALLS = 2
_WHICH_CAR = "Which car is it for"
_SCENARIO_OF = {
    "book": "book",
    "cancel": "cancel",
    "move": "reschedule",
    "status": "status",
    "details": "details",
    **dict.fromkeys(QUESTIONS, "questions"),
}
_RESUMED = {"book": "book", "cancel": "cancel", "move": "move your appointment"}
_INTERNAL_ERRORS = frozenset(
    ("failed", "deadline", "bad_arguments", "unknown_tool", "too_many_tool_calls")
)


def decide(messages: Sequence[Json], tools: Sequence[Json]) -> Reply:
    """Return the next answer; the same request always gets the same one."""
    situation = read_situation(messages, tools)
    if situation.answers_tool and situation.last_tool is not None:
        reply = _after_tool(situation, situation.last_tool)
    else:
        reply = _with_later_wishes(situation, _after_caller(situation))
    return replace(reply, text=reply.text.replace("m..", "m."))


# --- the caller has spoken -------------------------------------------------------------------


def _after_caller(now: Situation) -> Reply:
    if not hearing.plain(now.text):
        return Reply("I am sorry, I did not catch that. Could you say it again?")
    wish = hearing.first_wish(now.text)
    if wish == "human":
        return call(now, "transfer_to_human", {"reason": now.text[:80]})
    if wants_no_calls(now):
        return call(now, "note_reached", {"who": "wants_no_calls"})
    if is_reminder(now):
        return who_answered(now)
    if _is_goodbye(now):
        return call(now, "end_call", {})
    if wish == "done":
        return Reply(_true_state(now))
    if now.customer is None and (reply := identify(now)) is not None:
        return reply
    return _in_the_middle(now, wish) or _toward_goal(now)


def _in_the_middle(now: Situation, wish: str) -> Reply | None:
    """Go on with what was asked or read back last, or answer a question in between."""
    if (reply := cannot_come(now) or answer_extra_work(now)) is not None:
        return reply
    if now.pending is not None and now.pending.name != "confirm_visit":
        return _answer_to_read_back(now, now.pending, wish)
    if now.pending is not None and now.goal not in ("move", "cancel"):
        return _answer_to_read_back(now, now.pending, wish)
    if wish in QUESTIONS:
        back = " Which of the times would you like?" if now.offers and now.goal else ""
        return Reply(f"{_question(now, wish)}{back}")
    return None


def _with_later_wishes(now: Situation, reply: Reply) -> Reply:
    """Note what else was wished for in the same breath, beside what is done now."""
    if "note_wish" not in now.tools or any(
        call.name == "transfer_to_human" for call in reply.calls
    ):
        return reply
    first = hearing.first_wish(now.text)
    notes = []
    for part in hearing.clauses(now.text):
        wish = hearing.wish(part)
        if wish in _SCENARIO_OF and wish != first:
            arguments = {"wish": _SCENARIO_OF[wish], "about": part[:60], "state": "later"}
            notes.append(ToolCall("note_wish", arguments))
    if not notes:
        return reply
    # Words would be spoken twice: without another tool they wait for the next answer.
    return Reply(reply.text if reply.calls else "", (*notes, *reply.calls))


def _true_state(now: Situation) -> str:
    """Say what was done, as the state of the call tells it; then what still waits."""
    deeds = [entry.split(" ")[0] for entry in now.done.split("; ") if entry]
    told = [deed for deed in ("booked", "moved", "cancelled") if deed in deeds]
    if told:
        return f"Yes, your appointment is {told[-1]}. {ANYTHING_ELSE}"
    say = now.pending.result.get("say", "") if now.pending is not None else ""
    return f"No, not yet. {say}".strip()


def _is_goodbye(now: Situation) -> bool:
    if hearing.says_goodbye(now.text):
        return True
    asked = ANYTHING_ELSE in now.last_said
    return asked and hearing.refuses(now.text) and not hearing.wish(now.text)


def _answer_to_read_back(now: Situation, pending: ToolResult, wish: str) -> Reply:
    if wish in QUESTIONS:
        return Reply(f"{_question(now, wish)} {pending.result.get('say', '')}")
    if hearing.agrees(now.text) and not _names_other_time(now, pending):
        again = pending.again()
        return Reply(calls=(again,)) if again.name in now.tools else Reply(SORRY)
    if pending.name == "answer_estimate":
        return Reply(f"All right, I leave it as it is. {ANYTHING_ELSE}")
    if _names_other_time(now, pending) or hearing.asks_for_other_times(now.text):
        return _choose_or_search(now)
    if hearing.refuses(now.text):
        return Reply("All right, I leave it as it is. Which other day or time would suit you?")
    return Reply(str(pending.result.get("say", "")))


def _names_other_time(now: Situation, pending: ToolResult) -> bool:
    """A day or part of the day was said that the read-back does not name."""
    day = hearing.day(now.text, now.calendar)
    spoken = dict(now.calendar).get(day, "")
    say = hearing.plain(str(pending.result.get("say", "")))
    if day and hearing.plain(spoken) not in say:
        return True
    part = hearing.part_of_day(now.text)
    if part and ("am" in say.split()) != (part == "morning"):
        return True
    slot = str(pending.arguments.get("slot", ""))
    others = [offer for offer in now.offers if offer.slot != slot]
    return bool(hearing.choice(now.text, others, now.calendar)) and hearing.refuses(now.text)


def _toward_goal(now: Situation) -> Reply:
    if now.goal in ("cancel", "move", "status", "book", "details") and now.customer is None:
        if now.goal == "book" and not now.service:
            return Reply(_which_service(now))
        return Reply(f"Sure, I can help with that. {ASK_PHONE}")
    if now.offers and now.goal in ("book", "move"):
        return _choose_or_search(now)
    if now.goal:
        return _start(now)
    if hearing.says_thanks(now.text):
        return Reply(f"You are welcome. {ANYTHING_ELSE}")
    if hearing.agrees(now.text) or hearing.asks_for_other_times(now.text):
        return Reply("What can I do for you?")
    return Reply(
        "I can look up your account, book, move or cancel an appointment, or tell you about prices "
        "and opening hours. What would you like?"
    )


def _start(now: Situation, lead: str = "") -> Reply:
    """Take the first step toward the goal of an identified caller."""
    if now.goal == "details":
        return change_details(now, lead)
    if now.goal == "status":
        return call(now, "service_status", {}, lead)
    if now.goal in ("cancel", "move"):
        return _change(now, lead)
    if not now.service:
        thing = "" if now.services else hearing.unknown_service(now.text)
        if not thing:
            return Reply(f"{lead} {_which_service(now)}".strip())
        now.service = thing
    return _search(now, lead)


def _change(now: Situation, lead: str) -> Reply:
    upcoming = list((now.customer or {}).get("upcoming") or ())
    if not upcoming:
        now.goal = ""
        return Reply(f"{lead} I see no upcoming appointment. Would you like to book one?".strip())
    entry = _which(now, upcoming)
    if entry is None:
        choices = " or ".join(f"the {lower(one['service'])} on {one['spoken']}" for one in upcoming)
        return Reply(f"{lead} Which one do you mean: {choices}?".strip())
    if now.goal == "cancel":
        return call(now, "cancel_appointment", {"appointment": entry["appointment"]}, lead)
    if not now.day and not now.part:
        text = (
            f"Your {entry['service'].lower()} is on {entry['spoken']}. Which day suits you better?"
        )
        return Reply(f"{lead} {text}".strip())
    now.service = now.service or hearing.service(str(entry["service"]), now.service_names)
    return _search(now, lead)


def _which(now: Situation, upcoming: Sequence[Json]) -> Json | None:
    """Return the appointment that is meant: the only one, or the one whose service was named."""
    if len(upcoming) == 1:
        return upcoming[0]
    said = [hearing.plain(text) for text in now.caller_words[-3:]]
    for entry in upcoming:
        words = set(hearing.plain(str(entry["service"])).split())
        if any(words <= set(text.split()) for text in said):
            return entry
    return None


def _choose_or_search(now: Situation) -> Reply:
    slot = hearing.choice(now.text, now.offers, now.calendar)
    if not slot and _WHICH_CAR in now.last_said and len(now.caller_words) > 1:
        slot = hearing.choice(now.caller_words[-2], now.offers, now.calendar)
    if not slot and len(now.offers) == 1 and hearing.agrees(now.text):
        slot = now.offers[0].slot
    if slot:
        return _take_slot(now, slot)
    named = hearing.day(now.text, now.calendar) or hearing.part_of_day(now.text)
    if named:
        return _search(now)
    if hearing.asks_for_other_times(now.text) or hearing.refuses(now.text):
        now.day = _day_after(now)
        return _search(now)
    return Reply("Which of the times would you like: the first, the second or the third?")


def _take_slot(now: Situation, slot: str) -> Reply:
    if now.goal == "move":
        upcoming = list((now.customer or {}).get("upcoming") or ())
        entry = _which(now, upcoming) or next(iter(upcoming), None)
        appointment = entry["appointment"] if entry is not None else ""
        return call(now, "reschedule_appointment", {"appointment": appointment, "slot": slot})
    if now.customer is None:
        return Reply(f"Good choice. {ASK_PHONE}")
    vehicle = _vehicle(now)
    if vehicle is None:
        labels = [str(car["label"]) for car in now.customer.get("vehicles") or ()]
        return Reply(f"{_WHICH_CAR}: {' or '.join(labels)}?")
    arguments = {"slot": slot, "service": now.service, "vehicle": vehicle or None}
    return call(now, "book_appointment", arguments)


def _vehicle(now: Situation) -> str | None:
    """Return the car's handle, "" where there is none on file, None where it is unclear."""
    cars = list((now.customer or {}).get("vehicles") or ())
    if len(cars) < 2:
        return str(cars[0]["vehicle"]) if cars else ""
    said = hearing.plain(" ".join(now.caller_words)).split()
    for car in cars:
        words = hearing.plain(str(car["label"])).split()
        shared = {
            word
            for other in cars
            if other is not car
            for word in hearing.plain(str(other["label"])).split()
        }
        if any(word in said for word in words if word not in shared):
            return str(car["vehicle"])
    return None


def _day_after(now: Situation) -> str:
    last = now.offers[-1].start[:10] if now.offers else ""
    return next((iso for iso, _ in now.calendar if iso > last), "")


def _search(now: Situation, lead: str = "") -> Reply:
    arguments = {
        "service": now.service or next(iter(now.services), ""),
        "from": now.day or None,
        "part_of_day": now.part or "any",
    }
    return call(now, "get_available_slots", arguments, lead)


# --- a tool has answered ---------------------------------------------------------------------


def _after_tool(now: Situation, used: ToolResult) -> Reply:
    result = used.result
    if "error" in result:
        return _after_error(now, used)
    match used.name:
        case "lookup_customer":
            return _after_lookup(now, result)
        case "get_available_slots":
            return Reply(_offer(now, used))
        case "service_status":
            return tell_status(result)
        case "transfer_to_human":
            return Reply("I am putting you through now. Please stay on the line.")
        case "end_call":
            return Reply("Thank you for calling. Goodbye.")
        case "note_reached":
            return _after_reached(now, result)
        case "note_wish":
            return _after_note(now, used)
        case _:
            return _after_change(now, used)


def _after_change(now: Situation, used: ToolResult) -> Reply:
    result = used.result
    match used.name:
        case "send_confirmation":
            return _next(now, "I have sent you a text message with the details.")
        case "update_customer_info" if result.get("status") == "registered":
            return _start_or_ask(now, f"Thank you, {result['name']}, you are in our books now.")
        case "update_customer_info" if result.get("status") == "updated":
            return _next(now, "Thank you, I have changed that.")
        case "update_customer_info":
            return Reply(str(result.get("ask") or SORRY))
        case _:
            return _after_write(now, used)


def _after_reached(now: Situation, result: Json) -> Reply:
    if result.get("status") == "customer":
        return call(now, "confirm_visit", {})
    return Reply(str(result.get("say", "Goodbye.")))


def _after_note(now: Situation, used: ToolResult) -> Reply:
    """Answer what was noted as answered; else go on as if nothing had been noted."""
    if used.arguments.get("state") == "answered":
        about = str(used.arguments.get("about"))
        said = lower(_question(now, hearing.wish(about), about))
        return Reply(f"And {said} {ANYTHING_ELSE}")
    before = now.tool_before_note
    return _after_caller(now) if before is None else _after_tool(now, before)


def _start_or_ask(now: Situation, lead: str) -> Reply:
    return _start(now, lead) if now.goal else Reply(f"{lead} What can I do for you?")


def _next(now: Situation, text: str) -> Reply:
    """Something is done: take up what is still open, or ask whether there is more."""
    task, about = now.task, now.task_about
    before = now.interrupted
    if before is not None and task == before.goal and before.goal in _RESUMED:
        now.goal, now.service, now.day, now.part = (
            before.goal,
            before.service,
            before.day,
            before.part,
        )
        return _start(now, f"{text} Now back to the other thing.")
    wish = hearing.wish(about)
    if task == "questions" and wish in QUESTIONS:
        answered = {"wish": "questions", "about": about, "state": "answered"}
        return Reply(text, (ToolCall("note_wish", answered),))
    if task in ("book", "cancel", "move", "status") and wish == task:
        now.goal = task
        now.service = hearing.service(about, now.service_names)
        now.day, now.part = hearing.day(about, now.calendar), hearing.part_of_day(about)
        now.caller_words.append(about)
        return _start(now, f"{text} Now to the other thing.")
    return Reply(f"{text} {ANYTHING_ELSE}")


def _after_error(now: Situation, used: ToolResult) -> Reply:
    error = str(used.result.get("error"))
    if error == "deadline" and now.late_count < _MOST_LATE_CALLS and used.name in now.tools:
        return Reply("This takes a moment longer.", (used.again(),))
    if error in _INTERNAL_ERRORS:
        return Reply(f"{SORRY} Shall I put you through to a person?")
    return Reply(str(used.result.get("ask") or SORRY))


def _after_lookup(now: Situation, result: Json) -> Reply:
    if not result.get("found"):
        return Reply(str(result.get("ask") or ASK_PHONE))
    lead = f"Thank you, {result['name']}."
    cars = [str(car["label"]) for car in result.get("vehicles") or ()]
    if cars:
        lead += f" I have your {' and your '.join(cars)} here"
        last = result.get("last_visit")
        lead += (
            f", and your last visit was on {last['spoken']} for {with_article(last['service'])}."
            if last
            else "."
        )
    return _start_or_ask(now, lead)


def _offer(now: Situation, used: ToolResult) -> str:
    result = used.result
    spoken = [str(slot["spoken"]) for slot in result.get("slots") or ()]
    if not spoken:
        return str(result.get("ask") or "I see no free time then. Would another day suit you?")
    note = f"{result['note']} " if result.get("note") else ""
    code = str(used.arguments.get("service") or now.service)
    name = now.services[code].name.lower() if code in now.services else "visit"
    if len(spoken) == 1:
        return f"{note}For the {name} I have {spoken[0]}. Would that suit you?"
    choices = ", ".join(spoken[:-1]) + f", or {spoken[-1]}"
    return f"{note}For the {name} I have {choices}; which of these times would suit you best?"


def _after_write(now: Situation, used: ToolResult) -> Reply:
    result = used.result
    match result.get("status"):
        case "read_back":
            return Reply(str(result.get("say", "")))
        case "taken":
            return Reply(f"I am sorry, that time has just been taken. {_offer(now, used)}")
        case "booked":
            text = f"Your appointment is booked for {result['spoken']}, in {result.get('bay')}."
            arguments = {"appointment": result["appointment"]}
            if "send_confirmation" in now.tools:
                return Reply(text, (ToolCall("send_confirmation", arguments),))
            return Reply(f"{text} {ANYTHING_ELSE}")
        case "rescheduled":
            return _next(now, f"Your appointment is moved to {result['spoken']}.")
        case "cancelled":
            return _next(now, f"Your appointment on {result['spoken']} is cancelled.")
        case "confirmed":
            return Reply(f"Thank you, we will be here on {result['spoken']}. Goodbye.")
        case "approved":
            return _next(now, "I have passed that on: the extra work is approved.")
        case "declined":
            return _next(now, "I have passed that on: the extra work is declined.")
        case _:
            return Reply(f"Thank you. {ANYTHING_ELSE}")


# --- words -----------------------------------------------------------------------------------


def _question(now: Situation, wish: str, text: str = "") -> str:
    if wish == "hours":
        return now.hours or "I do not have the opening hours here, but I can look for a free time."
    if wish == "address":
        return f"We are at {now.address}." if now.address else "I do not have the address here."
    code = hearing.service(text or now.text, now.service_names) or now.service
    if code not in now.services:
        return "For which service would you like to know the price?"
    entry = now.services[code]
    return f"The {entry.name.lower()} is {entry.price} and takes {entry.takes}."


def _which_service(now: Situation) -> str:
    names = [entry.name.lower() for entry in now.services.values()][:4]
    if not names:
        return "Which service does your car need?"
    return f"Which service does your car need, for example {' or '.join(names)}?"
