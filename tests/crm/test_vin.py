from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.vin import check_digit, is_valid_vin, with_check_digit, year_code

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
