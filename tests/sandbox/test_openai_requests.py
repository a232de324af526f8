from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.sandbox.openai_requests import RequestError, check_request

USER = {"role": "user", "content": "Hello."}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASSISTANT = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWER = {"role": "tool", "tool_call_id": "c1", "content": "{}"}


def check(**body: Any) -> dict[str, Any]:
    return check_request({"model": "m", "messages": [USER], **body}, ["m"])


def tool(**function: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": "f", **function}}]


def test_an_answered_tool_call_is_taken() -> None:
    assert check(messages=[USER, ASSISTANT, ANSWER, USER], tools=tool())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": None}, 400),
        ({"model": ""}, 400),
        ({"model": "gpt-9"}, 404),
        ({"messages": []}, 400),
        ({"messages": "hi"}, 400),
        ({"messages": ["hi"]}, 400),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400),
        ({"messages": [{"role": "user"}]}, 400),
        ({"messages": [{"role": "user", "content": 5}]}, 400),
        ({"messages": [{"role": "assistant", "content": None}]}, 400),
        ({"messages": [USER, ASSISTANT]}, 400),
        ({"messages": [USER, ASSISTANT, USER, ANSWER]}, 400),
        ({"messages": [USER, ANSWER]}, 400),
        ({"messages": [USER, ASSISTANT, ANSWER, ANSWER]}, 400),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400),
        ({"messages": [{"role": "assistant", "tool_calls": []}]}, 400),
        ({"messages": [{"role": "assistant", "tool_calls": ["x"]}]}, 400),
        ({"messages": [{**ASSISTANT, "tool_calls": [{**CALL, "function": {"name": "f"}}]}]}, 400),
        ({"tools": []}, 400),
        ({"tools": ["x"]}, 400),
        ({"tools": tool() * 129}, 400),
        ({"tools": tool(name="no spaces")}, 400),
        ({"tools": tool(name="x" * 65)}, 400),
        ({"tools": tool(parameters={"type": "array"})}, 400),
        ({"tools": tool(parameters={"type": "object", "properties": []})}, 400),
        (
            {"tools": tool(parameters={"type": "object", "properties": {"a": {"type": "text"}}})},
            400,
        ),
        ({"tools": tool(strict=True, parameters={"type": "object", "properties": {}})}, 400),
        (
            {
                "tools": tool(
                    strict=True,
                    parameters={
                        "type": "object",
                        "properties": {"a": {"type": "string"}},
                        "required": [],
                        "additionalProperties": False,
                    },
                )
            },
            400,
        ),
        ({"stream_options": {"include_usage": True}}, 400),
        ({"temperature": 3}, 400),
        ({"temperature": "warm"}, 400),
        ({"max_completion_tokens": 0}, 400),
        ({"max_tokens": 5, "max_completion_tokens": 5}, 400),
    ],
)
def test_what_the_vendor_refuses_is_refused(body: dict[str, Any], status: int) -> None:
    with pytest.raises(RequestError) as caught:
        check(**body)
    assert caught.value.status == status
    assert set(caught.value.body()["error"]) == {"message", "type", "param", "code"}


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(RequestError):
        check_request([], ["m"])


KEYS = "role content tool_calls tool_call_id id type function name arguments parameters strict"
SCHEMA_KEYS = "properties required additionalProperties"
WORDS = ["user", "assistant", "tool", "function", "object", "string", "f", "c1", "{}"]
JSON = st.recursive(
    st.sampled_from([None, True, 1, *WORDS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(f"{KEYS} {SCHEMA_KEYS}".split()), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.lists(JSON, min_size=1, max_size=3), st.lists(JSON, min_size=1, max_size=2), JSON)
@settings(max_examples=150)
def test_garbage_is_refused_and_nothing_else_is_raised(
    messages: list[object], tools: list[object], schema: object
) -> None:
    with pytest.raises(RequestError):
        check(messages=messages, tools=[*tools, "x"])
    for part in messages:
        with pytest.raises(RequestError):
            check(messages=[part], tools=["x"])
    with pytest.raises(RequestError):
        check(tools=[*tool(strict=True, parameters=schema), "x"])
