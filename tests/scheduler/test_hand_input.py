"""Times, services and people as an engineer types them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import InputError
from scheduler.hand_input import (
    has_time_of_day,
    pick_technician,
    read_day,
    read_key,
    read_moment,
)
from scheduler.shop import Shop, Technician

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=ZONE)
SPRING = datetime(2027, 3, 1, 9, 0, tzinfo=ZONE)
SHOP = Shop(ZONE, (), (), (Technician(1, "Sam Ortiz"), Technician(12, "Sam Lee")))


def _moment(text: str, now: datetime = NOW) -> datetime:
    return read_moment(text, "--at", zone=ZONE, now=now)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-30T14:00", "2026-11-30T14:00:00-06:00"),
        ("2026-11-30 14:00", "2026-11-30T14:00:00-06:00"),
        (" 2026-11-30t14 ", "2026-11-30T14:00:00-06:00"),
        ("2026-11-30T20:00Z", "2026-11-30T14:00:00-06:00"),
        ("2026-11-30T21:00+01:00", "2026-11-30T14:00:00-06:00"),
    ],
)
def test_a_time_without_an_offset_is_the_shops(text: str, iso: str) -> None:
    assert _moment(text).isoformat() == iso


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-11-30", "--at needs a time of day: 2026-11-30T14:00"),
        ("monday", "--at is no date"),
        ("14:00", "--at is no ISO time"),
        ("2026-02-30T14:00", "--at is no ISO time"),
        ("2026-11-24T08:59", "--at lies in the past: Tue 2026-11-24 08:59"),
        ("2027-11-30T14:00", "--at is more than a year ahead: Tue 2027-11-30 14:00"),
        ("9999-12-31T23:59", "--at is not within the coming year"),
        ("0001-01-01T00:00+14:00", "--at is not within the coming year"),
        ("", "--at is no date"),
    ],
)
def test_what_is_no_time_to_come_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        _moment(text)
    assert str(refused.value).startswith(says)


def test_a_wall_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(InputError, match="the clocks skip"):
        _moment("2027-03-14T02:30", SPRING)
    assert _moment("2027-03-14T03:30", SPRING).isoformat() == "2027-03-14T03:30:00-05:00"


def test_days_have_words() -> None:
    today = date(2026, 12, 31)
    assert read_day("today", "--from", today=today) == today
    assert read_day("Tomorrow", "--from", today=today) == date(2027, 1, 1)
    assert read_day("20270102", "--from", today=today) == date(2027, 1, 2)
    with pytest.raises(InputError, match="lies in the past: Wed 2026-12-30"):
        read_day("2026-12-30", "--from", today=today)
    with pytest.raises(InputError, match="more than a year ahead"):
        read_day("2028-12-30", "--from", today=today)


@settings(max_examples=25)
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (
        lambda: _moment(text),
        lambda: read_day(text, "--from", today=NOW.date()),
        lambda: read_key(text, "--cancel", what="number"),
        lambda: pick_technician(text, SHOP),
    ):
        try:
            read()
        except InputError as error:
            assert "\n" not in str(error)


@given(st.datetimes(timezones=st.just(ZoneInfo("UTC"))))
def test_any_time_is_read_or_refused(moment: datetime) -> None:
    text = moment.isoformat()
    assert has_time_of_day(text)
    try:
        assert _moment(text) == moment
    except InputError:
        assert not NOW <= moment <= datetime(2027, 11, 25, 9, 0, tzinfo=ZONE)


def test_a_technician_has_a_number_and_a_name() -> None:
    assert pick_technician("1", SHOP) == 1
    assert pick_technician("sam-lee", SHOP) == 12
    assert pick_technician("ortiz", SHOP) == 1
    with pytest.raises(InputError, match="names several; there are: 1 Sam Ortiz, 12 Sam Lee"):
        pick_technician("sam", SHOP)
