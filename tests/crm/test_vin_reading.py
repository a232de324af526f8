from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crm.problem import Problem
from crm.spelling import spelled
from crm.vin import with_check_digit
from crm.vin_reading import read_vin
from crm.vin_repair import VinQuestion, VinReading

CAMRY = with_check_digit("4T1B11HK0KU123456")


def test_a_vin_is_read_however_it_is_spelled() -> None:
    for said in (CAMRY, CAMRY.lower(), " ".join(CAMRY), ", ".join(spelled(c) for c in CAMRY)):
        found = read_vin(said, latest_year=2027)
        assert isinstance(found, VinReading)
        assert found.vin == CAMRY


def test_a_sentence_is_no_vin() -> None:
    found = read_vin("it is on the dashboard somewhere", latest_year=2027)
    assert isinstance(found, Problem)
    assert found.error == "vin_unreadable"


@given(st.text(st.characters(), max_size=80))
def test_any_text_is_read_asked_about_or_a_problem(text: str) -> None:
    found = read_vin(text, latest_year=2027)
    assert isinstance(found, VinReading | VinQuestion | Problem)
