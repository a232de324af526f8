"""The people of the demonstration: a few written by hand, the rest drawn from lists.

Nobody exists: numbers come from the 555-01xx block that is kept for fiction, addresses from
example.com.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from crm.vin import with_check_digit, year_code

_DRAWN_PEOPLE = 94
_FIRST_DRAWN_ID = 101


class DemoPerson(NamedTuple):
    """One row of `customers` with its number."""

    customer_id: int
    first_name: str
    last_name: str
    phone_e164: str
    email: str


class DemoCar(NamedTuple):
    """One row of `vehicles`."""

    vehicle_id: int
    customer_id: int
    year: int
    make: str
    model: str
    colour: str
    plate: str
    vin: str
    mileage: int


class DemoVisit(NamedTuple):
    """One row of `service_history`, so many days ago."""

    vehicle_id: int
    days_ago: int
    service_code: str
    mileage: int


class _Model(NamedTuple):
    make: str
    model: str
    head: str  # WMI and descriptor: the first 8 characters of the VIN
    plant: str


_CAMRY = _Model("Toyota", "Camry", "4T1B11HK", "U")
_RAV4 = _Model("Toyota", "RAV4", "2T3P1RFV", "W")
_CIVIC = _Model("Honda", "Civic", "2HGFC2F5", "H")
_ACCORD = _Model("Honda", "Accord", "1HGCR2F3", "A")
_CR_V = _Model("Honda", "CR-V", "5J6RW2H8", "L")
_F_150 = _Model("Ford", "F-150", "1FTEW1EP", "F")
_ESCAPE = _Model("Ford", "Escape", "1FMCU9GX", "U")
_MODELS = (_CAMRY, _RAV4, _CIVIC, _ACCORD, _CR_V, _F_150, _ESCAPE)

_FIRST_NAMES = ("Aaron", "Bianca", "Carlos", "Denise", "Emeka", "Fatima", "Grace", "Hiro", "Ines",
    "Jamal", "Katya", "Leon", "Mei", "Noah", "Olivia", "Pavel", "Rosa")  # fmt: skip
_LAST_NAMES = ("Abbott", "Baker", "Castillo", "D'Angelo", "Eze", "Fischer", "Gupta", "Hassan",
    "Ivanova", "Johnson", "Kim", "Larsen", "Müller")  # fmt: skip
_COLOURS = ("white", "black", "grey", "blue", "red")
_ROUTINE = ("oil_change", "tire_rotation", "brake_inspection", "battery_check")

MARIA = DemoPerson(1, "Maria", "Lopez", "+13125550142", "maria.lopez@example.com")

# O'Brien and Nguyễn are a household on one number; the two Chens are namesakes.
WRITTEN_PEOPLE = (
    MARIA,
    DemoPerson(2, "Sean", "O'Brien", "+13125550117", "sean.obrien@example.com"),
    DemoPerson(3, "Linh", "Nguyễn", "+13125550117", "linh.nguyen@example.com"),
    DemoPerson(4, "Wei", "Chen", "+13125550163", "wei.chen@example.com"),
    DemoPerson(5, "Wei", "Chen", "+13125550178", "w.chen@example.com"),
    DemoPerson(6, "Renée", "Dubois-Clark", "+13125550185", "renee.dubois@example.com"),
)


def _car(
    vehicle_id: int, customer_id: int, year: int, model: _Model, looks: tuple[str, str], miles: int
) -> DemoCar:
    """Build a car; `looks` are colour and plate."""
    serial = f"{(vehicle_id * 7919 + 104729) % 1_000_000:06d}"
    vin = with_check_digit(f"{model.head}0{year_code(year)}{model.plant}{serial}")
    return DemoCar(vehicle_id, customer_id, year, model.make, model.model, *looks, vin, miles)


WRITTEN_CARS = (
    _car(1, 1, 2019, _CAMRY, ("silver", "BK74219"), 61200),
    _car(2, 2, 2021, _F_150, ("blue", "RF20816"), 38400),
    _car(3, 3, 2017, _CIVIC, ("white", "LN55307"), 84900),
    _car(4, 4, 2022, _CR_V, ("grey", "WC18840"), 27150),
    _car(5, 5, 2016, _ESCAPE, ("red", "WC90214"), 102300),
    _car(6, 6, 2020, _RAV4, ("green", "RD61178"), 45800),
    _car(7, 6, 2014, _ACCORD, ("black", "RD33905"), 118600),
)
WRITTEN_VISITS = (
    DemoVisit(1, 742, "full_service", 38900),
    DemoVisit(1, 561, "tire_rotation", 44700),
    DemoVisit(1, 398, "brake_inspection", 49800),
    DemoVisit(1, 265, "oil_change", 54100),
    DemoVisit(2, 203, "oil_change", 33600),
    DemoVisit(3, 330, "brake_pads", 78200),
    DemoVisit(3, 122, "oil_change", 82600),
    DemoVisit(4, 181, "state_inspection", 22900),
    DemoVisit(5, 95, "battery_check", 100100),
    DemoVisit(6, 214, "oil_change", 40300),
    DemoVisit(7, 148, "diagnostic", 115400),
)


def _drawn() -> Iterator[tuple[DemoPerson, DemoCar, DemoVisit]]:
    for number in range(_DRAWN_PEOPLE):
        key = _FIRST_DRAWN_ID + number
        first = _FIRST_NAMES[number % len(_FIRST_NAMES)]
        last = _LAST_NAMES[number % len(_LAST_NAMES)]
        phone = f"+17735550{100 + number}"
        person = DemoPerson(key, first, last, phone, f"{first.lower()}.{number}@example.com")
        year = 2012 + number * 5 % 13
        miles = (2026 - year) * 9800 + number * 137
        plate = f"{chr(65 + number % 8)}{chr(74 + number % 5)}{10000 + number * 877}"
        looks = (_COLOURS[number % len(_COLOURS)], plate)
        car = _car(key, key, year, _MODELS[number % len(_MODELS)], looks, miles)
        service = _ROUTINE[number % len(_ROUTINE)]
        yield person, car, DemoVisit(key, 60 + number * 3, service, miles - 1500 - number * 8)


_DRAWN = tuple(_drawn())
PEOPLE = (*WRITTEN_PEOPLE, *(person for person, _, _ in _DRAWN))
CARS = (*WRITTEN_CARS, *(car for _, car, _ in _DRAWN))
VISITS = (*WRITTEN_VISITS, *(visit for _, _, visit in _DRAWN))
