"""The public holidays of a country, on which a shop stays closed unless it says otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from holidays import country_holidays

from scheduler.errors import UnknownHolidaysError

DEFAULT_COUNTRY = "US"


class PublicHolidays:
    """The holidays of a country or a part of it, days off in lieu included; `day in holidays`.

    `years` are worked out at once, others when they are first asked for, which takes a moment.
    Source: package `holidays`, category "public".
    """

    __slots__ = ("_names",)

    def __init__(
        self,
        country: str = DEFAULT_COUNTRY,
        subdivision: str | None = None,
        *,
        years: Iterable[int] = (),
    ) -> None:
        """Choose the country by its ISO 3166 code and the part by its own, "US" and "IL".

        Raises:
            UnknownHolidaysError: the package knows no such country or part.
        """
        try:
            self._names = country_holidays(country, subdiv=subdivision, years=years)
        except NotImplementedError as error:
            # What the package raises for a country or part that it does not know.
            raise UnknownHolidaysError(country, subdivision) from error

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and day in self._names

    def name(self, day: date) -> str | None:
        """Return what the day is called; None: it is no holiday."""
        return self._names.get(day)
