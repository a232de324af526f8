from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.problem import Problem
from crm.vin import (
    character_value,
    is_north_american,
    is_valid_vin,
    vin_characters,
    with_check_digit,
    year_code,
)
from crm.vin_repair import VinQuestion, VinReading, repair_vin, said_alike

LATEST = 2027
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
CHARS = LETTERS + "0123456789"
MAKERS = ("4T1", "1HG", "1FT", "2HG", "5J6", "1FM", "5YJ", "1C4", "3VW", "4S4")
NEVER_CAUGHT = {("3", "C"), ("3", "T"), ("C", "T"), ("E", "V"), ("G", "P"), ("A", "J"), ("8", "H")}
CAMRY = with_check_digit("4T1B11HK0KU123456")


@st.composite
def north_american_vins(draw: st.DrawFn) -> str:
    year = draw(st.integers(1981, 2026))
    seventh = draw(st.sampled_from(LETTERS if year >= 2010 else "0123456789"))
    front = draw(st.text(CHARS, min_size=3, max_size=3))
    eighth, plant = draw(st.sampled_from(CHARS)), draw(st.sampled_from(CHARS))
    serial = draw(st.integers(0, 999_999))
    maker = draw(st.sampled_from(MAKERS))
    return with_check_digit(f"{maker}{front}{seventh}{eighth}0{year_code(year)}{plant}{serial:06d}")


def answered(heard: str, meant: str) -> VinReading | VinQuestion | Problem:
    """Answer every question truthfully, at most 17 of them."""
    settled: dict[int, str] = {}
    for _ in range(17):
        found = repair_vin(heard, latest_year=LATEST, settled=settled)
        if not isinstance(found, VinQuestion):
            break
        assert found.place not in settled
        settled[found.place] = meant[found.place - 1]
    return found


def test_the_pairs_that_arithmetic_never_catches_are_these_seven() -> None:
    pairs = {
        (one, other)
        for one in CHARS
        for other in said_alike(one)
        if one < other and character_value(one) == character_value(other)
    }
    assert pairs == NEVER_CAUGHT


@pytest.mark.parametrize(("one", "other"), sorted(NEVER_CAUGHT))
def test_a_letter_that_arithmetic_cannot_prove_is_always_read_back(one: str, other: str) -> None:
    meant = with_check_digit(f"4T1B1{one}HK0KU123456")
    heard = f"{meant[:5]}{other}{meant[6:]}"
    assert is_valid_vin(heard)
    for vin in (meant, heard):
        found = repair_vin(vin, latest_year=LATEST)
        assert isinstance(found, VinReading)
        assert found.vin == vin
        assert 6 in found.confirm
        assert found.ask is not None
        assert "sixth" in found.ask or "read that back" in found.ask
    told = repair_vin(heard, latest_year=LATEST, settled={6: one})
    assert isinstance(told, VinReading)
    assert told.vin == meant
    assert 6 not in told.confirm


def test_one_place_is_asked_with_words_for_the_letters() -> None:
    found = repair_vin("4T1JEVH85K5123456", latest_year=LATEST)
    assert found == VinQuestion(
        place=6,
        chars=("V", "3", "C", "T"),
        ask="Is the sixth character V as in Victor, the number three, C as in Charlie or T as in"
        " Tango?",
    )
    told = repair_vin("4T1JEVH85K5123456", latest_year=LATEST, settled={6: "T"})
    assert isinstance(told, VinReading)
    assert (told.vin, told.repaired) == ("4T1JETH85K5123456", ())
    assert 6 not in told.confirm


@given(north_american_vins())
def test_a_vin_heard_right_comes_back_as_it_is(vin: str) -> None:
    found = repair_vin(vin, latest_year=LATEST)
    assert isinstance(found, VinReading)
    assert (found.vin, found.repaired) == (vin, ())
    assert (found.ask is None) == (found.confirm == ())
    settled = {at: vin[at - 1] for at in found.confirm}
    assert repair_vin(vin, latest_year=LATEST, settled=settled) == VinReading(vin=vin)


@given(north_american_vins(), st.randoms(use_true_random=False))
def test_one_misheard_letter_is_found_asked_about_or_given_up(
    meant: str, chance: random.Random
) -> None:
    at = chance.choice([at for at in range(17) if said_alike(meant[at])] or [0])
    alike = said_alike(meant[at])
    heard = meant if not alike else f"{meant[:at]}{chance.choice(alike)}{meant[at + 1 :]}"
    found = answered(heard, meant)
    if isinstance(found, VinReading) and found.vin != meant:
        # Another VIN fits as well: the caller is asked to confirm what tells them apart.
        differing = {place for place in range(1, 18) if found.vin[place - 1] != meant[place - 1]}
        assert differing & set(found.confirm)
    if isinstance(found, Problem):
        assert found.error == "vin_unclear"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from("12345") | st.sampled_from(CHARS), st.text(CHARS, min_size=16, max_size=16))
def test_what_is_mended_satisfies_the_check_digit_within_one_class(first: str, rest: str) -> None:
    heard = first + rest
    found = repair_vin(heard, latest_year=LATEST)
    if isinstance(found, VinReading):
        assert is_valid_vin(found.vin) or "check_digit" in found.warnings
        assert "check_digit" not in found.warnings or not is_north_american(found.vin)
        changed = [at for at in range(17) if found.vin[at] != heard[at]]
        assert found.repaired == tuple(at + 1 for at in changed)
        assert len(changed) <= 2
        assert set(found.repaired) <= set(found.confirm)
        assert all(found.vin[at] in said_alike(heard[at]) for at in changed)
    elif isinstance(found, VinQuestion):
        allowed = {heard[found.place - 1], *said_alike(heard[found.place - 1])}
        assert set(found.chars) <= allowed
        assert len(found.chars) >= 2


@given(st.text(st.characters(), max_size=40), st.dictionaries(
    st.integers(-3, 20), st.text(st.characters(), max_size=3), max_size=3))  # fmt: skip
def test_any_text_is_mended_asked_about_or_a_problem(text: str, settled: dict[int, str]) -> None:
    found = repair_vin(text, latest_year=LATEST, settled=settled)
    assert isinstance(found, VinReading | VinQuestion | Problem)


def test_letters_that_no_vin_has_are_read_as_digits() -> None:
    assert vin_characters(" 4t1b11hk-0ku1 ioq") == "4T1B11HK0KU1100"
    written = CAMRY.replace("1", "I").replace("0", "O")
    found = repair_vin(written.lower(), latest_year=LATEST)
    assert isinstance(found, VinReading)
    assert found.vin == CAMRY


def test_too_few_characters_are_counted_to_the_caller() -> None:
    found = repair_vin("4T1B11HK", latest_year=LATEST)
    assert isinstance(found, Problem)
    assert (found.error, "8 characters" in found.ask) == ("vin_length", True)


def test_a_european_vin_need_not_have_a_check_digit() -> None:
    found = repair_vin("WVWZZZ1JZXW000001", latest_year=LATEST)
    assert isinstance(found, VinReading)
    assert found.vin == "WVWZZZ1JZXW000001"
    assert found.warnings == ("check_digit",)
    assert found.ask is not None
    assert found.confirm == tuple(range(1, 18))


def test_a_car_on_file_settles_what_was_heard() -> None:
    heard = CAMRY.replace("B", "D").replace("K", "A", 1)
    other = with_check_digit("1HGCR2F30EA123456")
    found = repair_vin(heard, latest_year=LATEST, on_file=(other, CAMRY))
    assert isinstance(found, VinReading)
    assert found.vin == CAMRY
    assert found.confirm == found.repaired


def test_a_year_to_come_is_no_possible_year() -> None:
    coming = with_check_digit("4T1B11HK0WU123456")  # W: 1998 or 2028; a letter in place 7: 2028
    found = repair_vin(coming, latest_year=2027)
    assert not isinstance(found, VinReading) or found.vin != coming
    assert isinstance(repair_vin(coming, latest_year=2028), VinReading)
