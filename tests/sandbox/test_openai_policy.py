"""The stand-in model on messages written by hand, with tools that are not ours."""

from __future__ import annotations

import json
from typing import Any

from voicecore.sandbox.openai_policy import decide

PROMPT = {
    "role": "system",
    "content": "Opening hours: We are open from eight to six.\nAddress: 1 Main Street\n"
    "- Tuesday 2026-11-24: Tuesday, November twenty-fourth\n"
    "- Thursday 2026-11-26: Thursday, November twenty-sixth\n"
    "- oil_change: Oil change, thirty minutes, fifty dollars\n",
}


def tools(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name}} for name in names]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def used(name: str, arguments: dict[str, Any], result: dict[str, Any]) -> list[dict[str, Any]]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": f"call_{name}", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)},
    ]


FOUND = used(
    "lookup_customer",
    {"phone": "1"},
    {"found": True, "name": "Ann Lee", "vehicles": [], "last_visit": None, "upcoming": []},
)


def test_a_phone_number_is_looked_up_as_it_was_said() -> None:
    said = "It's three one two five five five oh one four two"
    (call,) = decide([PROMPT, user(said)], tools("lookup_customer")).calls
    assert call.name == "lookup_customer"
    assert call.arguments["phone"] == said


def test_the_same_request_gets_the_same_answer() -> None:
    messages = [PROMPT, user("I need an oil change")]
    assert decide(messages, tools("lookup_customer")) == decide(messages, tools("lookup_customer"))


def test_no_tool_is_called_that_was_not_offered() -> None:
    for said in ("bye", "a human please", "three one two five five five oh one four two", "book"):
        assert decide([PROMPT, user(said)], []).calls == ()


def test_prices_and_hours_come_from_the_prompt_or_are_not_known() -> None:
    assert "fifty dollars" in decide([PROMPT, user("How much is an oil change?")], []).text
    assert "eight to six" in decide([PROMPT, user("What are your hours?")], []).text
    assert "do not have" in decide([user("What are your hours?")], []).text
    assert "which service" in decide([user("How much is it?")], []).text


def test_a_found_caller_with_a_wish_gets_times_at_once() -> None:
    messages = [PROMPT, user("I need an oil change on Thursday"), *FOUND]
    reply = decide(messages, tools("get_available_slots"))
    assert reply.text.startswith("Thank you, Ann Lee.")
    assert reply.calls[0].arguments == {
        "service": "oil_change",
        "from": "2026-11-26",
        "part_of_day": "any",
    }


def test_what_the_tool_asks_is_asked() -> None:
    messages = [
        PROMPT,
        user("x"),
        *used("lookup_customer", {}, {"error": "e", "ask": "Which one?"}),
    ]
    assert decide(messages, []).text == "Which one?"


def test_an_internal_error_is_not_read_out() -> None:
    messages = [PROMPT, user("x"), *used("f", {}, {"error": "failed", "ask": "SECRET"})]
    assert "SECRET" not in decide(messages, []).text


def test_a_late_write_is_tried_again_once() -> None:
    late = used("book_appointment", {"slot": "slot_1"}, {"error": "deadline", "ask": "x"})
    messages = [PROMPT, user("yes"), *late]
    assert decide(messages, tools("book_appointment")).calls
    assert not decide([*messages, *late], tools("book_appointment")).calls


def test_tool_results_that_are_not_json_do_no_harm() -> None:
    broken = used("get_available_slots", {}, {})
    broken[1]["content"] = "not json"
    assert decide([PROMPT, user("x"), *broken], []).text


def test_content_in_parts_is_read() -> None:
    parts = [{"type": "text", "text": "How much is an oil change?"}]
    assert "fifty dollars" in decide([PROMPT, {"role": "user", "content": parts}], []).text
