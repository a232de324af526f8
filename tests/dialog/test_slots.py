from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from tests.dialog.shop_world import JOBS, MARIA_PHONE, NOW, ZONE
from voicecore.dialog.slots import (
    SlotProblem,
    check_said_day,
    check_weekday,
    find_service,
    parse_day,
    parse_moment,
    parse_phone,
    same_name,
    same_plate,
)


def test_a_phone_number_becomes_e164() -> None:
    assert parse_phone("three one two five five five oh one four two") == MARIA_PHONE


@pytest.mark.parametrize(
    ("said", "error", "ask"),
    [
        ("hello", "phone_missing", "phone number"),
        ("three one two five", "phone_too_short", "4 digits"),
        ("nine nine nine five five five oh one four two", "phone_invalid", "again"),
        (
            "three one two five five five oh one four two or two one two five five five oh one one "
            "one no three one two five five five oh one four three",
            "phone_ambiguous",
            "Did you mean",
        ),
    ],
)
def test_a_phone_number_that_is_none_is_asked_for_again(said: str, error: str, ask: str) -> None:
    problem = parse_phone(said)
    assert isinstance(problem, SlotProblem)
    assert problem.error == error
    assert ask in problem.ask


def test_days_are_iso_and_not_past() -> None:
    assert parse_day("2026-11-26", now=NOW) == date(2026, 11, 26)
    assert parse_day("2026-11-26T14:00:00-06:00", now=NOW) == date(2026, 11, 26)
    assert parse_day("2026-11-24", now=NOW) == NOW.date()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("Thursday", "date_not_iso"),
        ("2026-02-30", "date_not_iso"),
        ("2026-11-23", "date_past"),
        ("2027-09-23", "date_too_far"),
    ],
)
def test_other_days_are_asked_for_again(value: str, error: str) -> None:
    problem = parse_day(value, now=NOW)
    assert isinstance(problem, SlotProblem)
    assert problem.error == error


def test_moments_take_the_shops_zone_where_they_have_none() -> None:
    assert parse_moment("2026-11-26T14:00", now=NOW) == datetime(2026, 11, 26, 14, tzinfo=ZONE)
    assert parse_moment("2026-11-26T20:00Z", now=NOW) == datetime(2026, 11, 26, 14, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("two pm", "moment_not_iso"),
        (NOW.isoformat(), "moment_past"),
        ((NOW + timedelta(days=400)).isoformat(), "moment_too_far"),
    ],
)
def test_other_moments_are_asked_for_again(value: str, error: str) -> None:
    problem = parse_moment(value, now=NOW)
    assert isinstance(problem, SlotProblem)
    assert problem.error == error


def test_the_named_weekday_must_be_the_computed_one() -> None:
    assert check_weekday(date(2026, 11, 26), "Thursday") is None
    problem = check_weekday(date(2026, 11, 26), "Friday")
    assert problem is not None
    assert "Thursday, November twenty-sixth" in problem.ask


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("oil_change", "oil_change"),
        ("Oil change", "oil_change"),
        ("oil", "oil_change"),
        ("brake", "brake_inspection"),
        ("tire rotation", "tire_rotation"),
    ],
)
def test_services_are_found_by_code_or_words(named: str, code: str) -> None:
    service = find_service(named, JOBS)
    assert not isinstance(service, SlotProblem)
    assert service.code == code


@pytest.mark.parametrize("named", ["", "time machine", "change brake oil"])
def test_an_unknown_service_is_asked_for(named: str) -> None:
    problem = find_service(named, JOBS)
    assert isinstance(problem, SlotProblem)
    assert "oil change" in problem.ask


@pytest.mark.parametrize(
    ("said", "same"),
    [
        *(("Lopez", True), ("maria lopez", True), ("Lopez Maria", True), ("Lopes", False)),
        *(("", False), ("Maria", False), ("Mario Lopez", False)),
    ],
)
def test_names(said: str, same: bool) -> None:
    assert same_name(said, "Maria", "Lopez") is same


def test_apostrophes_do_not_matter_in_names() -> None:
    assert same_name("OBrien", "Pat", "O'Brien")


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("ABC 1234", True),
        ("a b c one two three four", True),
        ("abc-1234", True),
        ("ABC 1235", False),
    ],
)
def test_plates(said: str, same: bool) -> None:
    assert same_plate(said, "ABC1234") is same
    assert not same_plate(said, None)


def test_a_name_is_the_same_with_and_without_its_accents() -> None:
    assert same_name("Nguyen", "Linh", "Nguyễn")
    assert same_name("Renée Dubois-Clark", "Renee", "Dubois-Clark")
    assert not same_name("Nguye", "Linh", "Nguyễn")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("2027-03-14T02:30", "moment_at_clock_change"),
        ("2026-11-01T01:30", "moment_at_clock_change"),
    ],
)
def test_a_time_that_the_clocks_skip_or_have_twice_is_asked_for(value: str, error: str) -> None:
    problem = parse_moment(value, now=NOW - timedelta(days=60))
    assert isinstance(problem, SlotProblem)
    assert problem.error == error


@pytest.mark.parametrize(
    ("day", "said", "error"),
    [
        (date(2026, 11, 26), "Thursday afternoon please", None),
        (date(2026, 11, 26), "the twenty sixth", None),
        (date(2026, 11, 26), "I need an oil change", None),
        (date(2026, 11, 27), "after Thursday", None),
        (date(2026, 11, 26), "Tuesday or Thursday", None),
        (date(2026, 11, 26), "Friday", "date_differs"),
        (date(2026, 12, 4), "next Friday", "day_ambiguous"),
        (date(2026, 11, 26), "next Friday", None),
    ],
)
def test_the_models_date_is_held_against_the_callers_words(
    day: date, said: str, error: str | None
) -> None:
    problem = check_said_day(day, said, now=NOW)
    assert (problem.error if problem else None) == error


def test_a_spelled_name_and_plate_are_known() -> None:
    assert same_name("Lopez, L O P E Z", "Maria", "Lopez")
    assert not same_name("L O P E S", "Maria", "Lopez")
    assert same_plate("alpha bravo charlie one two three four", "ABC1234")
    assert same_plate("A as in apple B C 1 2 3 4", "ABC1234")
    assert same_plate("oh B C 1 2", "0BC12")


def test_a_number_that_is_put_right_is_the_later_one() -> None:
    said = "three one two five five five oh one four one, no wait, two"
    assert parse_phone(said) == MARIA_PHONE
