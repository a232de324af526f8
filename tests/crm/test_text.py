from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import InputError
from crm.text import clean_name, storable, storable_json


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Sean   O'Brien ", "Sean O'Brien"),
        ("Zo\u0308e", "Zöe"),
        ("Nguyễn", "Nguyễn"),
        ("李雷", "李雷"),
        ("Anna\0\n\u202eMaria", "Anna Maria"),
        ("می\u200cرزا", "می\u200cرزا"),
        ("Robert'); DROP TABLE customers;--", "Robert'); DROP TABLE customers;--"),
    ],
)
def test_names_keep_their_letters_and_lose_the_rest(text: str, name: str) -> None:
    assert clean_name(text, "first_name") == name


@pytest.mark.parametrize("text", ["", " ", "\0", "\u200d", "---", "x" * 101])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        clean_name(text, "last_name")
    assert caught.value.field == "last_name"


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_becomes_storable(text: str) -> None:
    assert "\0" not in storable(text)
    storable(text).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(), max_size=5), JSON, max_size=4))
def test_any_mapping_becomes_strict_json(value: dict[str, object]) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = storable_json(value)
    text.encode()
    assert isinstance(json.loads(text, parse_constant=refuse), dict)


def test_a_backslash_before_u0000_stays() -> None:
    assert json.loads(storable_json({"a": "\\u0000", "b": "x\0y"})) == {"a": "\\u0000", "b": "xy"}


def test_what_json_does_not_know_becomes_text() -> None:
    assert json.loads(storable_json({"a": {1}, "b": float("nan"), 3: ()})) == {
        "a": "{1}", "b": None, "3": [],
    }  # fmt: skip


def test_depth_is_bounded() -> None:
    value: dict[str, object] = {}
    inner = value
    for _ in range(1000):
        inner["a"] = inner = {}
    assert len(storable_json(value)) < 10_000
