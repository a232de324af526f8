from __future__ import annotations

from datetime import date, datetime, time

import pytest

from voicecore.dialog.spoken_time import (
    spoken_code,
    spoken_date,
    spoken_month_day,
    spoken_phone,
    spoken_price,
    spoken_time,
    spoken_when,
)


def test_a_date_is_said_with_its_weekday() -> None:
    assert spoken_date(date(2026, 11, 26)) == "Thursday, November twenty-sixth"
    assert spoken_month_day(date(2026, 3, 4)) == "March fourth"


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        (time(14, 0), "two p.m."),
        (time(9, 30), "nine thirty a.m."),
        (time(9, 5), "nine oh five a.m."),
        (time(12, 0), "noon"),
        (time(12, 30), "twelve thirty p.m."),
        (time(0, 0), "midnight"),
        (time(0, 15), "twelve fifteen a.m."),
    ],
)
def test_times(clock: time, words: str) -> None:
    assert spoken_time(clock) == words


def test_a_moment_is_said_with_date_and_time() -> None:
    assert (
        spoken_when(datetime(2026, 11, 26, 14, 0)) == "Thursday, November twenty-sixth at two p.m."
    )


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (4995, "forty-nine dollars and ninety-five cents"),
        (100, "one dollar"),
        (1, "one cent"),
        (0, "zero dollars"),
        (120_000, "one thousand two hundred dollars"),
    ],
)
def test_prices(cents: int, words: str) -> None:
    assert spoken_price(cents) == words


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("+13125550142", "three one two, five five five, oh one four two"),
        ("(312) 555-0142", "three one two, five five five, oh one four two"),
        ("555-0142", "five five five, oh one four two"),
        ("+4930123", "four nine three, oh one two three"),
    ],
)
def test_phone_numbers_are_said_in_groups(digits: str, words: str) -> None:
    assert spoken_phone(digits) == words


def test_plates_are_spelled() -> None:
    assert spoken_code("ABC-1234") == "A B C, one two three four"
    assert spoken_code("7abc07") == "seven, A B C, oh seven"
