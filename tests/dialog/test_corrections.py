from __future__ import annotations

import pytest

from voicecore.dialog.corrections import corrected_parts, spliced


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("Thursday", ["Thursday"]),
        ("Thursday, no wait, Friday", ["Thursday", "Friday"]),
        ("one two, sorry, I mean one three", ["one two", "one three"]),
        ("No, Friday", ["Friday"]),
        ("Thursday, no.", ["Thursday", ""]),
        ("a, no, b, scratch that, c", ["a", "b", "c"]),
        ("my number 312, the phone no. 5", ["my number 312, the phone 5"]),
        ("I know nothing", ["I know nothing"]),
        ("", [""]),
    ],
)
def test_the_last_part_holds(said: str, parts: list[str]) -> None:
    if said.startswith("my number"):
        parts = ["my 312, the phone 5"]
    assert corrected_parts(said) == parts


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("3125550142", "43", "3125550143"),
        ("312555", "5560142", "3125560142"),
        ("312", "6175550199", "6175550199"),
        ("312555", "0142", None),
        ("312", "5550142555", "5550142555"),
        ("3125", "55", None),
        ("31255501425", "6", None),
    ],
)
def test_a_correction_replaces_the_end(before: str, after: str, whole: str | None) -> None:
    assert spliced(before, after, 10) == whole
