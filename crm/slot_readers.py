"""Reads plates, VINs, e-mail addresses and names for whoever talks to the customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from crm.email import read_email
from crm.person_name import read_name
from crm.plate import read_plate
from crm.problem import Problem
from crm.spoken_code import spoken_code
from crm.vin_reading import read_vin
from crm.vin_repair import VinQuestion


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, or what is wrong and the question for the customer."""

    value: str = ""
    error: str = ""
    ask: str = ""


class SlotReaders:
    """The readers of this package under one roof; `today` tells the newest model year."""

    def __init__(self, today: Callable[[], date]) -> None:
        self._today = today

    def code(self, said: str) -> str:
        """Return the letters and digits of a spelled code; empty where it is none."""
        return spoken_code(said) or ""

    def plate(self, said: str) -> Reading:
        """Read a licence plate."""
        return _reading(read_plate(said))

    def vin(self, said: str, on_file: Sequence[str]) -> Reading:
        """Read a VIN; `on_file` are those of the customer's cars, the only one alike is taken."""
        found = read_vin(said, latest_year=self._today().year + 1, on_file=on_file)
        if isinstance(found, Problem):
            return _reading(found)
        if isinstance(found, VinQuestion):
            return Reading(error="vin_unclear", ask=found.ask)
        if found.ask is not None:
            return Reading(error="vin_unproven", ask=found.ask)
        return Reading(found.vin)

    def email(self, said: str) -> Reading:
        """Read an e-mail address."""
        return _reading(read_email(said))

    def name(self, said: str) -> Reading:
        """Check a name and give it its capitals."""
        return _reading(read_name(said, "name"))


def _reading(found: str | Problem) -> Reading:
    if isinstance(found, Problem):
        return Reading(error=found.error, ask=found.ask)
    return Reading(found)
