from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.vin import (
    check_digit,
    is_north_american,
    is_valid_vin,
    is_vin_shaped,
    model_years,
    vin_characters,
    with_check_digit,
    year_code,
)

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def test_published_examples_hold() -> None:
    assert check_digit("1M8GDM9AXKP042788") == "X"
    assert is_valid_vin("1M8GDM9AXKP042788")
    assert is_valid_vin("1" * 17)
    assert not is_valid_vin("1M8GDM9A1KP042788")


@pytest.mark.parametrize(
    "text", ["", "1M8GDM9AXKP04278", "1M8GDM9AXKP0427888", "IM8GDM9AXKP042788"]
)
def test_what_is_no_vin_is_not_valid(text: str) -> None:
    assert not is_valid_vin(text)


@given(st.text(LETTERS, min_size=17, max_size=17))
def test_a_check_digit_makes_any_17_characters_valid(text: str) -> None:
    assert is_valid_vin(with_check_digit(text))


@given(st.text(LETTERS, min_size=17, max_size=17), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(text: str, place: int, step: int) -> None:
    vin = with_check_digit(text)
    if place == 8 or not vin[place].isdigit():
        return
    wrong = str((int(vin[place]) + step) % 10)
    assert not is_valid_vin(f"{vin[:place]}{wrong}{vin[place + 1 :]}")


def test_model_years_have_their_letters() -> None:
    codes = {1980: "A", 1987: "H", 1988: "J", 2000: "Y", 2001: "1", 2009: "9", 2010: "A", 2019: "K"}
    assert {year: year_code(year) for year in codes} == codes


@pytest.mark.parametrize(
    ("vin", "latest", "years"),
    [
        ("4T1B11HK0KU123456", 2027, (2019,)),  # a letter in place 7: from 2010 on
        ("4T1B1110XKU123456", 2027, (1989,)),  # a digit: before
        ("1M8GDM9AXKP042788", 2027, (1989,)),
        ("4T1B11HK0VU123456", 2026, ()),  # 2027 is to come
        ("4T1B11HK0VU123456", 2027, (2027,)),
        ("4T1B11HK0ZU123456", 2027, ()),  # Z stands for no year
        ("4T1B11HK00U123456", 2027, ()),
        ("WVWZZZ1JZXW000001", 2027, (1999,)),
        ("WVWZZZ1JZAW000001", 2027, (2010, 1980)),
    ],
)
def test_the_tenth_character_tells_the_years_it_can_stand_for(
    vin: str, latest: int, years: tuple[int, ...]
) -> None:
    assert model_years(vin, latest=latest) == years


@pytest.mark.parametrize(
    ("start", "binding"),
    [("1H", True), ("2H", True), ("3V", True), ("4T", True), ("5Y", True), ("7S", True),
     ("7A", False), ("JT", False), ("WV", False), ("KM", False), ("6G", False), ("9B", False)],
)  # fmt: skip
def test_the_check_digit_binds_in_north_america(start: str, binding: bool) -> None:
    assert is_north_american(start + "0" * 15) is binding


@given(st.text(st.characters(), max_size=40))
def test_any_text_leaves_only_characters_of_a_vin(text: str) -> None:
    code = vin_characters(text)
    assert vin_characters(code) == code
    assert is_vin_shaped(code) == (len(code) == 17)


@given(st.integers(1980, 2027))
def test_a_year_is_among_those_of_its_own_code(year: int) -> None:
    seventh = "A" if year >= 2010 else "1"
    assert model_years(f"4T1B11{seventh}K0{year_code(year)}U123456", latest=2027) == (year,)
