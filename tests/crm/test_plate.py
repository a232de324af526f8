from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.plate import plate_shape, read_plate
from crm.problem import Problem


@pytest.mark.parametrize(
    ("said", "plate"),
    [
        ("BK74219", "BK74219"),
        ("bk 742-19", "BK74219"),
        ("ABC 1234", "ABC1234"),
        ("bravo kilo seven four two one nine", "BK74219"),
        ("my license plate is l n double five three oh seven", "LN55307"),
        ("LOVE", "LOVE"),
        ("7", None),
        ("", None),
        ("123456789", None),
        ("I don't know it", None),
        ("'; DROP TABLE vehicles; --", None),
    ],
)
def test_plates(said: str, plate: str | None) -> None:
    found = read_plate(said)
    assert (None if isinstance(found, Problem) else found) == plate


@pytest.mark.parametrize(
    ("said", "error"),
    [("", "plate_unreadable"), ("7", "plate_too_short"), ("123456789", "plate_too_long")],
)
def test_a_problem_says_what_to_ask(said: str, error: str) -> None:
    problem = read_plate(said)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.error) == ("plate", error)
    assert problem.ask.endswith("?")


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=8))
def test_what_is_on_a_plate_is_read_when_it_has_a_digit(plate: str) -> None:
    spaced = read_plate(" ".join(plate))
    assert spaced == plate
    assert read_plate(plate) == plate or not any(char.isdigit() for char in plate)


@given(st.text(st.characters(), max_size=60))
def test_any_text_is_a_plate_or_a_problem(said: str) -> None:
    plate = read_plate(said)
    if isinstance(plate, str):
        assert 2 <= len(plate) <= 8
        assert read_plate(" ".join(plate)) == plate


def test_plates_that_look_alike_have_one_shape() -> None:
    assert plate_shape("bO1-S2") == plate_shape("80I5Z") == "80152"
    assert plate_shape("ABC123") != plate_shape("ABD123")


@given(st.text(st.characters(), max_size=60))
def test_a_shape_is_its_own_shape(text: str) -> None:
    assert plate_shape(plate_shape(text)) == plate_shape(text)
