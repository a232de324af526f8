"""The stand-in model: a small, deterministic receptionist.

It plays the scenarios over whatever tools the request offers, says only what tools returned or
what stands in the prompt, and keeps nothing between requests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from voicecore.sandbox import openai_hearing as hearing
from voicecore.sandbox.openai_reply import Reply, ToolCall
from voicecore.sandbox.openai_state import Json, Situation, ToolResult, read_situation

ANYTHING_ELSE = "Is there anything else I can do for you?"
_ASK_PHONE = "Could you tell me the phone number on your account?"
_SORRY = "I am sorry, that did not work just now."
_MOST_SAME_CALLS = 2
_NAME_LEAD = re.compile(
    r"^(?:(?:hi|hello|yes|sure|okay|ok|uh|um|well|and|so)\b[ ,]*)*(?:my (?:last |first )?name is|"
    r"my name's|the (?:last )?name is|this is|it's|it is|i'm|i am)\b[ ,]*",
    re.IGNORECASE,
)
_INTERNAL_ERRORS = frozenset(
    ("failed", "deadline", "bad_arguments", "unknown_tool", "too_many_tool_calls")
)


def decide(messages: Sequence[Json], tools: Sequence[Json]) -> Reply:
    """Return the next answer; the same request always gets the same one."""
    situation = read_situation(messages, tools)
    if situation.answers_tool and situation.last_tool is not None:
        reply = _after_tool(situation, situation.last_tool)
    else:
        reply = _after_caller(situation)
    return replace(reply, text=reply.text.replace("m..", "m."))


# --- the caller has spoken -------------------------------------------------------------------


def _after_caller(now: Situation) -> Reply:
    text = now.text
    wish = hearing.wish(text)
    if not hearing.plain(text):
        return Reply("I am sorry, I did not catch that. Could you say it again?")
    if wish == "human":
        return _call(now, "transfer_to_human", {"reason": text[:80]})
    if _is_goodbye(now):
        return _call(now, "end_call", {})
    if now.customer is None and (reply := _identify(now)) is not None:
        return reply
    if now.pending is not None:
        return _answer_to_read_back(now, now.pending, wish)
    if wish in ("price", "hours", "address"):
        return Reply(_question(now, wish))
    return _toward_goal(now)


def _is_goodbye(now: Situation) -> bool:
    if hearing.says_goodbye(now.text):
        return True
    asked = ANYTHING_ELSE in now.last_said
    return asked and hearing.refuses(now.text) and not hearing.wish(now.text)


def _identify(now: Situation) -> Reply | None:
    text = now.text
    if hearing.says_phone(text):
        return _call(now, "lookup_customer", {"phone": text, "name": None, "plate": None})
    if now.asked_fact_for and not hearing.wish(text) and not hearing.refuses(text):
        fact = _NAME_LEAD.sub("", text).strip(" .,!")
        field = "plate" if any(character.isdigit() for character in fact) else "name"
        arguments = {"phone": now.asked_fact_for, "name": None, "plate": None, field: fact}
        return _call(now, "lookup_customer", arguments)
    return None


def _answer_to_read_back(now: Situation, pending: ToolResult, wish: str) -> Reply:
    if wish in ("price", "hours", "address"):
        return Reply(f"{_question(now, wish)} {pending.result.get('say', '')}")
    if hearing.agrees(now.text) and not _names_other_time(now, pending):
        call = pending.again()
        return Reply(calls=(call,)) if call.name in now.tools else Reply(_SORRY)
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
    if now.goal in ("cancel", "move", "status", "book") and now.customer is None:
        if now.goal == "book" and not now.service:
            return Reply(_which_service(now))
        return Reply(f"Sure, I can help with that. {_ASK_PHONE}")
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
    if now.goal == "status":
        return _call(now, "service_status", {}, lead)
    if now.goal in ("cancel", "move"):
        return _change(now, lead)
    if not now.service:
        return Reply(f"{lead} {_which_service(now)}".strip())
    return _search(now, lead)


def _change(now: Situation, lead: str) -> Reply:
    upcoming = list((now.customer or {}).get("upcoming") or ())
    if not upcoming:
        return Reply(f"{lead} I see no upcoming appointment. Would you like to book one?".strip())
    entry = upcoming[0]
    if now.goal == "cancel":
        return _call(now, "cancel_appointment", {"appointment": entry["appointment"]}, lead)
    if not now.day and not now.part:
        text = (
            f"Your {entry['service'].lower()} is on {entry['spoken']}. Which day suits you better?"
        )
        return Reply(f"{lead} {text}".strip())
    now.service = now.service or hearing.service(str(entry["service"]), now.service_names)
    return _search(now, lead)


def _choose_or_search(now: Situation) -> Reply:
    slot = hearing.choice(now.text, now.offers, now.calendar)
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
        appointment = upcoming[0]["appointment"] if upcoming else ""
        return _call(now, "reschedule_appointment", {"appointment": appointment, "slot": slot})
    if now.customer is None:
        return Reply(f"Good choice. {_ASK_PHONE}")
    vehicle = _vehicle(now)
    if vehicle is None:
        labels = [str(car["label"]) for car in now.customer.get("vehicles") or ()]
        return Reply(f"Which car is it for: {' or '.join(labels)}?")
    arguments = {"slot": slot, "service": now.service, "vehicle": vehicle or None}
    return _call(now, "book_appointment", arguments)


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
    return _call(now, "get_available_slots", arguments, lead)


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
        case "book_appointment" | "reschedule_appointment" | "cancel_appointment":
            return _after_write(now, used)
        case "send_confirmation":
            return Reply(f"I have sent you a text message with the details. {ANYTHING_ELSE}")
        case "service_status":
            return Reply(f"{_status(result)} {ANYTHING_ELSE}")
        case "transfer_to_human":
            return Reply("I am putting you through now. Please stay on the line.")
        case "end_call":
            return Reply("Thank you for calling. Goodbye.")
        case _:
            return Reply(f"Thank you. {ANYTHING_ELSE}")


def _after_error(now: Situation, used: ToolResult) -> Reply:
    error = str(used.result.get("error"))
    if error == "deadline" and now.same_call_count < _MOST_SAME_CALLS and used.name in now.tools:
        return Reply("This takes a moment longer.", (used.again(),))
    if error in _INTERNAL_ERRORS:
        return Reply(f"{_SORRY} Shall I put you through to a person?")
    return Reply(str(used.result.get("ask") or _SORRY))


def _after_lookup(now: Situation, result: Json) -> Reply:
    if not result.get("found"):
        return Reply(str(result.get("ask") or _ASK_PHONE))
    lead = f"Thank you, {result['name']}."
    cars = [str(car["label"]) for car in result.get("vehicles") or ()]
    if cars:
        lead += f" I have your {' and your '.join(cars)} here"
        last = result.get("last_visit")
        lead += (
            f", and your last visit was on {last['spoken']} for {_with_article(last['service'])}."
            if last
            else "."
        )
    if now.goal:
        return _start(now, lead)
    return Reply(f"{lead} What can I do for you?")


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
            return Reply(f"Your appointment is moved to {result['spoken']}. {ANYTHING_ELSE}")
        case "cancelled":
            text = f"Your appointment on {result['spoken']} is cancelled."
            return Reply(f"{text} {ANYTHING_ELSE}")
        case _:
            return Reply(_SORRY)


# --- words -----------------------------------------------------------------------------------


def _call(now: Situation, name: str, arguments: Json, lead: str = "") -> Reply:
    """Call a tool that the request offers; without it say what is needed first."""
    if name in now.tools:
        return Reply(lead, (ToolCall(name, dict(arguments)),))
    if now.customer is None and "lookup_customer" in now.tools:
        return Reply(f"{lead} {_ASK_PHONE}".strip())
    return Reply(f"{lead} I am sorry, I cannot do that right now.".strip())


def _question(now: Situation, wish: str) -> str:
    if wish == "hours":
        return now.hours or "I do not have the opening hours here, but I can look for a free time."
    if wish == "address":
        return f"We are at {now.address}." if now.address else "I do not have the address here."
    code = hearing.service(now.text, now.service_names) or now.service
    if code not in now.services:
        return "For which service would you like to know the price?"
    entry = now.services[code]
    return f"The {entry.name.lower()} is {entry.price} and takes {entry.takes}."


def _which_service(now: Situation) -> str:
    names = [entry.name.lower() for entry in now.services.values()][:4]
    if not names:
        return "Which service does your car need?"
    return f"Which service does your car need, for example {' or '.join(names)}?"


def _status(result: Json) -> str:
    work = list(result.get("work") or ())
    if not work:
        return "I see no work on your car at the moment."
    entry = work[0]
    return f"Your {_lower(entry['service'])} on {entry['spoken']} is {entry['state']}."


def _lower(name: object) -> str:
    text = str(name)
    return text[:1].lower() + text[1:]


def _with_article(name: object) -> str:
    text = _lower(name)
    return f"an {text}" if text[:1] in "aeio" else f"a {text}"
