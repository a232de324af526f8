"""Reading typed fields: right types pass, everything else raises the given error."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.wire.json_object import JsonObject

SAMPLE = {
    "text": "x",
    "empty": "",
    "count": "25",
    "integer": 7,
    "float": 1.5,
    "yes": True,
    "null": None,
    "object": {"a": "b"},
    "objects": [{"a": "b"}],
    "strings": ["a", "b"],
    "integers": [0, 1],
}


class FieldError(Exception):
    """What the codec under test would raise."""


def sample() -> JsonObject:
    return JsonObject(SAMPLE, FieldError)


def test_right_types_are_returned() -> None:
    fields = sample()
    assert fields.string("text") == "x"
    assert fields.string("empty") == ""
    assert fields.identifier("text") == "x"
    assert fields.optional_string("text") == "x"
    assert fields.count("count") == 25
    assert fields.integer("integer") == 7
    assert fields.number("integer") == 7.0
    assert fields.number("float") == 1.5
    assert fields.flag("yes") is True
    assert fields.object("object").string("a") == "b"
    assert fields.optional_object("object").string("a") == "b"
    assert [member.string("a") for member in fields.objects("objects")] == ["b"]
    assert fields.strings("strings") == ("a", "b")
    assert fields.integers("integers") == (0, 1)
    assert fields.object("object").string_map() == {"a": "b"}


@pytest.mark.parametrize("name", ["absent", "null"])
def test_optional_fields_have_a_default(name: str) -> None:
    fields = sample()
    assert fields.optional_string(name) == ""
    assert fields.flag(name) is False
    assert fields.optional_object(name).string_map() == {}
    assert fields.objects(name) == fields.strings(name) == fields.integers(name) == ()


WRONG: list[tuple[str, Callable[[JsonObject], object]]] = [
    (kind, lambda fields, kind=kind, name=name: getattr(fields, kind)(name))  # type: ignore[misc]
    for kind, names in {
        "string": ["absent", "null", "integer", "object"],
        "identifier": ["absent", "empty", "integer"],
        "optional_string": ["integer", "strings"],
        "count": ["absent", "integer", "text", "empty"],
        "integer": ["absent", "float", "yes", "count"],
        "number": ["absent", "null", "yes", "count"],
        "flag": ["integer", "text"],
        "object": ["absent", "null", "strings"],
        "optional_object": ["strings", "text"],
        "objects": ["strings", "object"],
        "strings": ["integers", "text"],
        "integers": ["strings", "integer"],
    }.items()
    for name in names
]


@pytest.mark.parametrize(("kind", "read"), WRONG)
def test_wrong_types_raise(kind: str, read: Callable[[JsonObject], object]) -> None:
    with pytest.raises(FieldError):
        read(sample())


def test_a_map_of_strings_holds_only_strings() -> None:
    with pytest.raises(FieldError, match="count is not a string"):
        JsonObject({"count": 1}, FieldError).string_map()


def test_true_is_no_integer_in_an_array() -> None:
    with pytest.raises(FieldError):
        JsonObject({"integers": [True]}, FieldError).integers("integers")


@pytest.mark.parametrize("text", ["-1", "+1", " 1", "1.0", "٣", "1" * 16, "1_0"])
def test_a_count_is_plain_ascii_digits(text: str) -> None:
    with pytest.raises(FieldError):
        JsonObject({"count": text}, FieldError).count("count")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "1",
        "null",
        '"text"',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":1e999}',
        "[" * 5000,
        '{"a":' * 5000,
        "\ud800",
        '{"a":"\\ud800"}',
        '{"a":1',
        '{"a":1}{"b":2}',
    ],
)
def test_text_that_is_no_json_object_raises(text: str) -> None:
    with pytest.raises(FieldError):
        JsonObject.parse(text, FieldError)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("name"), inner),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(json_values)
def test_any_value_is_returned_or_refused(value: object) -> None:
    fields = JsonObject.parse(orjson.dumps({"name": value}).decode(), FieldError)
    for kind in ("string", "identifier", "optional_string", "count", "integer", "number", "flag"):
        try:
            getattr(fields, kind)("name")
        except FieldError:
            continue
    for kind in ("object", "optional_object", "objects", "strings", "integers"):
        try:
            getattr(fields, kind)("name")
        except FieldError:
            continue
