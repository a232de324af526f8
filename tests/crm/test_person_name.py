from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.person_name import read_name
from crm.problem import Problem
from crm.text import NAME_MAX_CHARS


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("  maria  ", "Maria"),
        ("O'BRIEN", "O'Brien"),
        ("o’brien", "O’Brien"),
        ("D'ANGELO", "D'Angelo"),
        ("ka'ahu", "Ka'ahu"),
        ("MCDONALD", "McDonald"),
        ("MacDonald", "MacDonald"),
        ("dubois-clark", "Dubois-Clark"),
        ("VAN DER BERG", "Van der Berg"),
        ("van der Berg", "van der Berg"),
        ("DE LA CRUZ", "De la Cruz"),
        ("JOHN SMITH III", "John Smith III"),
        ("john smith jr.", "John Smith Jr."),
        ("NGUYỄN", "Nguyễn"),
        ("ÉLISE", "Élise"),
        ("Zo\u0308e", "Zöe"),
        ("李雷", "李雷"),
        ("mary ann", "Mary Ann"),
        ("X", "X"),
        ("NULL", "Null"),
        ("None", "None"),
        ("yes", "Yes"),
        ("straße", "Straße"),
    ],
)
def test_names_get_their_capitals(said: str, name: str) -> None:
    assert read_name(said, "last_name") == name


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", "name_missing"),
        ("---", "name_missing"),
        ("Anonymous", "name_missing"),
        ("UNKNOWN", "name_missing"),
        ("b0b", "name_unreadable"),
        ("12", "name_unreadable"),
        ("aaaab", "name_unreadable"),
        ("a\0b", "name_unreadable"),
        ("a\x1b[31mb", "name_unreadable"),
        ("\ud800a", "name_unreadable"),
        ("maria@example.com", "name_unreadable"),
        ("'; DROP TABLE customers; --", "name_unreadable"),
        ("<b>Maria</b>", "name_unreadable"),
        ("ab" * 51, "name_too_long"),
        ("ab" * 5000, "name_too_long"),
    ],
)
def test_what_is_no_name_is_asked_for_again(said: str, error: str) -> None:
    problem = read_name(said, "first_name")
    assert isinstance(problem, Problem)
    assert (problem.field, problem.error) == ("first_name", error)
    assert problem.ask.endswith("?")
    assert len(said) < 5 or said not in problem.ask


@given(st.text(st.characters(), max_size=130))
def test_any_text_is_a_name_that_stays_or_a_problem(said: str) -> None:
    name = read_name(said, "first_name")
    if isinstance(name, str):
        assert 1 <= len(name) <= NAME_MAX_CHARS
        assert read_name(name, "first_name") == name
        name.encode()


@given(st.text(st.characters(categories=["Lu", "Ll", "Lt", "Lm", "Lo", "Mn"]), max_size=20))
def test_letters_of_any_script_stay_stable(said: str) -> None:
    name = read_name(said, "last_name")
    assert isinstance(name, Problem) or read_name(name, "last_name") == name
