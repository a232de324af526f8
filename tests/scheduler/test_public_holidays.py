"""The days on which a shop stays closed by itself."""

from __future__ import annotations

from datetime import date

import pytest

from scheduler.errors import UnknownHolidaysError
from scheduler.public_holidays import PublicHolidays


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 11, 26), "Thanksgiving Day"),
        (date(2026, 12, 25), "Christmas Day"),
        # The fourth is a Saturday.
        (date(2026, 7, 3), "Independence Day (observed)"),
        (date(2027, 1, 1), "New Year's Day"),
    ],
)
def test_the_united_states_unless_told_otherwise(day: date, name: str) -> None:
    holidays = PublicHolidays(years=(2026,))
    assert day in holidays
    assert holidays.name(day) == name


def test_plain_days_and_other_things_are_none() -> None:
    holidays = PublicHolidays()
    assert date(2026, 11, 25) not in holidays
    assert holidays.name(date(2026, 11, 25)) is None
    assert "2026-12-25" not in holidays


def test_another_country_and_a_part_of_it() -> None:
    epiphany = date(2027, 1, 6)
    assert epiphany in PublicHolidays("DE", "BY")
    assert epiphany not in PublicHolidays("DE", "BE")


@pytest.mark.parametrize(
    ("country", "subdivision"), [("ZZ", None), ("", None), ("us", None), ("US", "ZZ")]
)
def test_a_country_or_part_that_nobody_knows_is_refused(
    country: str, subdivision: str | None
) -> None:
    with pytest.raises(UnknownHolidaysError, match=repr(country)):
        PublicHolidays(country, subdivision)
