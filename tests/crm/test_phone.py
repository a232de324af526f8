from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import InputError
from crm.phone import caller_number, mask_phone, normalise_phone, read_phone
from crm.problem import Problem


@pytest.mark.parametrize(
    "text",
    [
        "+13125550142",
        "+1 312 555 0142",
        "(312) 555-0142",
        "312.555.0142",
        "3125550142",
        "13125550142",
        " 1-312-555-0142 ",
        "+1 (312) 555-0142 ext. 9",
        "３１２５５５０１４２",
    ],
)
def test_every_way_to_write_a_number_gives_one(text: str) -> None:
    assert normalise_phone(text) == "+13125550142"


def test_numbers_without_country_code_belong_to_the_region() -> None:
    assert normalise_phone("030 901820", "DE") == "+4930901820"
    assert normalise_phone("020 7946 0958", "GB") == "+442079460958"
    assert normalise_phone("+442079460958", "US") == "+442079460958"


@pytest.mark.parametrize(
    "text",
    [
        "anonymous", "Anonymous", "RESTRICTED", "unknown", "unavailable", "private", "",
        " ", "+", "+266696687", "266696687", "+7378742833", "+2562533", "+8566696", "+86282452253",
        "911", "311", "88022", "+1911", "555-0142", "+1312555014", "+131255501421",
        "+13125550142" * 9, "sip:+13125550142@example.com", "client:maria", "+10005550142",
        "'; DROP TABLE customers; --",
        "\0", "+1312\ud800",
    ],
)  # fmt: skip
def test_what_names_nobody_is_refused(text: str) -> None:
    assert caller_number(text) is None
    with pytest.raises(InputError) as caught:
        normalise_phone(text)
    assert caught.value.field == "phone"
    assert text.strip() == "" or text not in str(caught.value)


def test_no_caller_id_names_nobody() -> None:
    assert caller_number(None) is None


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_an_input_error(text: str) -> None:
    number = caller_number(text)
    assert number is None or normalise_phone(number) == number


def test_a_masked_number_shows_no_more_than_its_ends() -> None:
    assert mask_phone("+13125550142") == "+1•••0142"
    assert mask_phone("12345") == "•••"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", "phone_missing"),
        ("anonymous", "phone_missing"),
        ("+266696687", "phone_missing"),
        ("555-0142", "phone_too_short"),
        ("+1 999 555 01425", "phone_invalid"),
        ("1" * 1000, "phone_missing"),
    ],
)
def test_what_is_wrong_with_a_number_is_asked(said: str, error: str) -> None:
    problem = read_phone(said)
    assert isinstance(problem, Problem)
    assert (problem.field, problem.error) == ("phone", error)
    assert "?" in problem.ask


@given(st.text(st.characters(), max_size=80))
def test_any_text_is_read_as_a_number_or_a_problem(text: str) -> None:
    number = read_phone(text)
    if isinstance(number, str):
        assert read_phone(number) == number
