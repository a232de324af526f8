from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.dialog.tools.arguments import ArgumentsError, Field, parameters, read_arguments

FIELDS = (
    Field("slot", "A slot."),
    Field("part", "A part.", optional=True, choices=("morning", "any")),
)


def test_the_schema_is_strict() -> None:
    schema = parameters(FIELDS)
    assert schema["required"] == ["slot", "part"]
    assert schema["additionalProperties"] is False
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert properties["part"] == {
        "type": ["string", "null"],
        "description": "A part.",
        "enum": ["morning", "any", None],
    }


def test_values_are_read_and_missing_optional_ones_left_out() -> None:
    assert read_arguments('{"slot": " slot_1 "}', FIELDS) == {"slot": "slot_1"}
    assert read_arguments('{"slot": 3125550142, "part": null}', FIELDS) == {"slot": "3125550142"}
    assert read_arguments("", ()) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ("{}", "slot is missing"),
        ('{"slot": ""}', "slot is missing"),
        ('{"slot": "  "}', "slot is missing"),
        ('{"slot": true}', "slot must be a short text"),
        ('{"slot": {"a": 1}}', "slot must be a short text"),
        ('{"slot": "a", "customer_id": 5}', "unknown field 'customer_id'"),
        ('{"slot": "a", "part": "night"}', "part must be one of morning, any"),
        (json.dumps({"slot": "x" * 201}), "slot must be a short text"),
    ],
)
def test_what_does_not_fit_is_named(text: str, problem: str) -> None:
    with pytest.raises(ArgumentsError) as caught:
        read_arguments(text, FIELDS)
    assert problem in caught.value.problems


KEYS = st.sampled_from(["slot", "part", "customer_id"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.one_of(st.text(max_size=40), VALUES.map(json.dumps)))
@settings(max_examples=150)
def test_only_the_documented_error_is_raised(text: str) -> None:
    try:
        values = read_arguments(text, FIELDS)
    except ArgumentsError:
        return
    assert set(values) <= {"slot", "part"}
