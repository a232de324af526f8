from __future__ import annotations

import pytest

from bench.simulate.yaml_subset import YamlError, read_yaml

TEXT = """
# A comment.
about: A sentence, with commas and 'quotes' inside.
number: 12
share: 0.5
yes_no: [true, false, null]
empty:
quoted: "a: b # c \\"d\\""
single: 'it''s'
nested:
  key: value
  other: {who: maria, at: "thursday 12:00", list: [1, two]}
items:
  - say: I'd like that.   # another comment
  - {press: "123#", after_ms: 5}
  - plain
  -
    deep: 1
  - first: 1
    second: 2
  - - a
    - b
same_indent:
- one
- two
"""


def test_the_subset_is_read_as_any_yaml_reader_reads_it() -> None:
    assert read_yaml(TEXT) == {
        "about": "A sentence, with commas and 'quotes' inside.",
        "number": 12,
        "share": 0.5,
        "yes_no": [True, False, None],
        "empty": None,
        "quoted": 'a: b # c "d"',
        "single": "it's",
        "nested": {
            "key": "value",
            "other": {"who": "maria", "at": "thursday 12:00", "list": [1, "two"]},
        },
        "items": [
            {"say": "I'd like that."},
            {"press": "123#", "after_ms": 5},
            "plain",
            {"deep": 1},
            {"first": 1, "second": 2},
            ["a", "b"],
        ],
        "same_indent": ["one", "two"],
    }


def test_nothing_is_nothing() -> None:
    assert read_yaml("\n# only a comment\n") is None
    assert read_yaml("word") == "word"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x 1", "quotation marks"),
        ("a: *x", "quotation marks"),
        ("a: !tag 1", "quotation marks"),
        ("a: |", "quotation marks"),
        ("a: b: c", "quotation marks"),
        ("a: yes", "readers differ"),
        ("a: 0123", "readers differ"),
        ("a: [1", "wants a"),
        ("a: {b: 1", "wants"),
        ("a: {b}", "wants a key"),
        ("a: [1 2]x", "behind a value"),
        ('a: "open', "open quotation mark"),
        ('a: "\\x41"', "escape"),
        ("a: 1\na: 2", "stands twice"),
        ("a: {b: 1, b: 2}", "stands twice"),
        ("a: 1\n   b: 2", "indented too far"),
        ("a: 1\n- b", "does not belong"),
        ("\ta: 1", "tab"),
    ],
)
def test_everything_else_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(YamlError, match=reason) as caught:
        read_yaml(text)
    assert caught.value.line >= 1
