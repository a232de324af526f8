from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.edit_distance import COMPARED_CHARS, edit_distance


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("", "", 0), ("smith", "smith", 0), ("smith", "smyth", 1), ("smith", "smit", 1),
        ("brian", "brain", 1), ("kitten", "sitting", 3), ("", "abc", 3), ("ca", "abc", 3),
    ],
)  # fmt: skip
def test_slips_are_counted(one: str, other: str, slips: int) -> None:
    assert edit_distance(one, other) == slips


WORDS = st.text("abc", max_size=8)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_bounded(one: str, other: str) -> None:
    slips = edit_distance(one, other)
    assert slips == edit_distance(other, one)
    assert abs(len(one) - len(other)) <= slips <= max(len(one), len(other))
    assert (slips == 0) == (one == other)


def test_only_the_beginning_of_long_texts_is_compared() -> None:
    assert edit_distance("a" * 10_000, "b" * 10_000) == COMPARED_CHARS
