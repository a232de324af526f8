"""The people and cars of the scenarios by short names; all are the demonstration's."""

from __future__ import annotations

from crm.demo_people import WRITTEN_CARS, WRITTEN_PEOPLE

PEOPLE = {
    "maria": 1,
    "sean": 2,
    "linh": 3,
    "wei": 4,
    "other_wei": 5,
    "renee": 6,
}
CARS = {"camry": 1, "f150": 2, "civic": 3, "crv": 4, "escape": 5, "rav4": 6, "accord": 7}
PHONES = {row.customer_id: row.phone_e164 for row in WRITTEN_PEOPLE}
OWNERS = {row.vehicle_id: row.customer_id for row in WRITTEN_CARS}
ANONYMOUS = "anonymous"


def phone_of(name: str) -> str:
    """Return a person's number; a number stands for itself."""
    return PHONES[PEOPLE[name]] if name in PEOPLE else name
