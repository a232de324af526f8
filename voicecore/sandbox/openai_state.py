"""What the stand-in model can know: the prompt, the tools and the messages, nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voicecore.sandbox import openai_hearing as hearing
from voicecore.sandbox.openai_hearing import Offer
from voicecore.sandbox.openai_reply import ToolCall

Json = Mapping[str, Any]

_SERVICE_LINE = re.compile(r"^- ([a-z][a-z0-9_]*): ([^,\n]+), ([^,\n]+), (.+)$", re.MULTILINE)
_CALENDAR_LINE = re.compile(r"^- [A-Z][a-z]+ (\d{4}-\d{2}-\d{2}): (.+)$", re.MULTILINE)
_FACT_LINE = r"^{name}: (.+)$"
_GOALS = frozenset(("book", "cancel", "move", "status", "details"))
_TASK = re.compile(r"^Working on: (\w+)(?: \(([^)\n]*)\))?", re.MULTILINE)
_DONE = re.compile(r"^Done on this call: (.+)$", re.MULTILINE)
_SCENARIOS = {"reschedule": "move"}


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A goal that was left for another one, with what was known of it."""

    goal: str
    service: str
    day: str
    part: str


@dataclass(frozen=True, slots=True)
class Service:
    """A line of the prompt's list of services."""

    name: str
    takes: str
    price: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool call with what came back."""

    name: str
    arguments: Json
    result: Json

    def again(self) -> ToolCall:
        """The same call once more."""
        return ToolCall(self.name, dict(self.arguments))


@dataclass(slots=True)
class Situation:
    """The call as far as the messages tell it."""

    tools: frozenset[str]
    services: dict[str, Service] = field(default_factory=dict)
    calendar: list[tuple[str, str]] = field(default_factory=list)
    hours: str = ""
    address: str = ""
    goal: str = ""
    service: str = ""
    day: str = ""
    part: str = ""
    customer: Json | None = None
    asked_fact_for: str = ""
    offers: list[Offer] = field(default_factory=list)
    pending: ToolResult | None = None
    last_tool: ToolResult | None = None
    late_count: int = 0
    last_said: str = ""
    greeting: str = ""
    tool_before_note: ToolResult | None = None
    caller_words: list[str] = field(default_factory=list)
    answers_tool: bool = False
    interrupted: Interrupted | None = None
    extra_work: Json | None = None
    code_sent_for: Json | None = None
    is_new: bool = False
    phone: str = ""
    task: str = ""
    task_about: str = ""
    done: str = ""
    prompt: str = ""

    @property
    def text(self) -> str:
        """The caller's last words."""
        return self.caller_words[-1] if self.caller_words else ""

    @property
    def service_names(self) -> dict[str, str]:
        """Codes with their names."""
        return {code: entry.name for code, entry in self.services.items()}


def read_situation(messages: Sequence[Json], tools: Sequence[Json]) -> Situation:
    """Replay the messages of a request."""
    names = frozenset(str(tool["function"]["name"]) for tool in tools)
    situation = Situation(names)
    prompt = "\n".join(_content(m) for m in messages if m["role"] == "system")
    _read_prompt(situation, prompt)
    _read_state(situation, prompt)
    calls: dict[str, tuple[str, Json]] = {}
    for message in messages:
        match message["role"]:
            case "user":
                _hear(situation, _content(message))
            case "assistant":
                situation.last_said = _content(message) or situation.last_said
                situation.greeting = situation.greeting or situation.last_said
                for call in message.get("tool_calls") or ():
                    calls[call["id"]] = (
                        call["function"]["name"],
                        _object(call["function"]["arguments"]),
                    )
            case "tool":
                name, arguments = calls[message["tool_call_id"]]
                _take(situation, ToolResult(name, arguments, _object(_content(message))))
    return situation


def _read_prompt(situation: Situation, prompt: str) -> None:
    for code, name, takes, price in _SERVICE_LINE.findall(prompt):
        situation.services[code] = Service(name, takes, price)
    situation.calendar = _CALENDAR_LINE.findall(prompt)
    for name, attribute in (("Opening hours", "hours"), ("Address", "address")):
        found = re.search(_FACT_LINE.format(name=name), prompt, re.MULTILINE)
        if found and not found[1].startswith("not known"):
            setattr(situation, attribute, found[1])


def _read_state(situation: Situation, prompt: str) -> None:
    situation.prompt = prompt
    task, done = _TASK.search(prompt), _DONE.search(prompt)
    if task is not None:
        situation.task = _SCENARIOS.get(task[1], task[1])
        situation.task_about = task[2] or ""
    if done is not None and done[1] != "nothing":
        situation.done = done[1]


def _hear(situation: Situation, text: str) -> None:
    situation.caller_words.append(text)
    situation.answers_tool = False
    situation.is_new = situation.is_new or hearing.is_new(text)
    if hearing.says_phone(text):
        situation.phone = text
    situation.tool_before_note = None
    wish = hearing.first_wish(text)
    said = hearing.first_clause(text) if wish in _GOALS else text
    service = hearing.service(said, situation.service_names)
    deciding = situation.pending is not None or situation.offers
    if wish in _GOALS and not (deciding and wish == "book"):
        if situation.goal and wish != situation.goal:
            situation.interrupted = Interrupted(
                situation.goal, situation.service, situation.day, situation.part
            )
            situation.pending, situation.offers = None, []
        situation.goal = wish
    elif service and not situation.goal and wish not in ("price", "hours"):
        situation.goal = "book"
    situation.service = service or situation.service
    day = hearing.day(text, situation.calendar)
    if day or hearing.part_of_day(text):
        situation.day = day or situation.day
        situation.part = hearing.part_of_day(text)


def _take(situation: Situation, used: ToolResult) -> None:
    is_late = used.result.get("error") == "deadline"
    situation.late_count = situation.late_count + 1 if is_late else 0
    situation.last_tool = used
    if used.name != "note_wish":
        situation.tool_before_note = used
    situation.answers_tool = True
    status = used.result.get("status")
    if used.name == "lookup_customer":
        _take_lookup(situation, used)
    if used.name in ("update_customer_info", "note_reached", "service_status", "answer_estimate"):
        _take_account(situation, used)
    if used.result.get("slots") is not None:
        situation.offers = [
            Offer(str(slot["slot"]), str(slot["start"]), str(slot["spoken"]))
            for slot in used.result["slots"]
        ]
        situation.pending = None
        if used.name == "get_available_slots" and situation.goal not in ("book", "move"):
            situation.goal = "book"
            situation.service = str(used.arguments.get("service") or situation.service)
    elif status == "read_back":
        situation.pending = used
    elif status in ("booked", "rescheduled", "cancelled", "confirmed"):
        situation.pending, situation.offers = None, []
        situation.goal = situation.service = situation.day = situation.part = ""


def _take_account(situation: Situation, used: ToolResult) -> None:
    result = used.result
    match result.get("status"):
        case "registered":
            situation.customer = {"vehicles": [], "upcoming": [], **result}
        case "customer":
            situation.customer = result
        case "code_sent":
            situation.code_sent_for = used.arguments
        case "updated":
            situation.code_sent_for, situation.goal = None, ""
        case "approved" | "declined":
            situation.pending = situation.extra_work = None
            situation.goal = ""
    if used.name == "service_status" and "work" in result:
        situation.goal = ""
        situation.extra_work = next(iter(result.get("extra_work") or ()), None)


def _take_lookup(situation: Situation, used: ToolResult) -> None:
    if used.result.get("found") is True:
        situation.customer = used.result
        situation.asked_fact_for = ""
    elif used.result.get("found") is False:
        situation.asked_fact_for = str(used.arguments.get("phone", ""))


def _content(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _object(text: str) -> Json:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
