"""Sixteen thousand cars whose VIN, make, model year and mileage agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

from crm.dataset.catalog import MODELS, Model
from crm.dataset.draws import Draws
from crm.dataset.people import CUSTOMERS, Regular
from crm.dataset.rows import VehicleRow
from crm.dataset.work import CarLife
from crm.demo_people import WRITTEN_CARS, WRITTEN_PEOPLE
from crm.vin import with_check_digit, year_code

# Cars of one customer and how many customers have so many: 16,000 cars of 10,000 people.
FLEETS = ((1, 5_600), (2, 3_000), (3, 1_200), (4, 200))
OLDEST_YEARS = 22
_ALPHABETIC_YEAR = 2010
_SEVENTH = ("0123456789", "ABCDEFGHJKLMNPRSTUVWXYZ")
_COLOURS = (
    *("white", "black", "grey", "silver") * 4,
    *("blue", "red") * 3,
    "green", "brown", "beige", "orange", "yellow", "gold",
)  # fmt: skip
_REGIONS = (*("IL",) * 44, "IN", "IN", "WI", "WI", "IA", "MI")
_PLATE_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
# Both are prime, so that counting up in such steps meets every plate and every serial number once.
_PLATE_STEP, _SERIAL_STEP = 1_299_709, 7_919
_SERIALS = 900_000
_LEAST_SERIAL = 100_000
_NEWEST_DAYS = 30
_LEAST_MILES_A_YEAR, _MORE_MILES_A_YEAR = 4_500, 16_000


class CarFleet:
    """The cars, kept as lives until everything that happens to them is known."""

    __slots__ = ("_rows", "lives")

    def __init__(self, draws: Draws, regulars: Sequence[Regular], today: date) -> None:
        self.lives: list[CarLife] = []
        self._rows: list[VehicleRow] = []
        by_year = _models_by_year(today.year)
        number = len(WRITTEN_CARS)
        for regular, size in zip(regulars[len(WRITTEN_PEOPLE) :], _fleet_sizes(draws), strict=True):
            for _ in range(size):
                number += 1
                self._add(draws, regular, number, today, by_year)

    def rows(self, regulars: Sequence[Regular]) -> list[VehicleRow]:
        """Return the rows, with the mileage of the last visit."""
        rows = [_written_row(car, regulars) for car in range(len(WRITTEN_CARS))]
        for life, row in zip(self.lives, self._rows, strict=True):
            is_seen = life.last_miles > row.mileage
            rows.append(row._replace(mileage=life.last_miles) if is_seen else row)
        return rows

    def _add(
        self,
        draws: Draws,
        regular: Regular,
        number: int,
        today: date,
        by_year: Mapping[int, tuple[Model, ...]],
    ) -> None:
        year = today.year - int(OLDEST_YEARS * draws.fraction() ** 1.4)
        model = draws.pick(by_year[year])
        # A model year is sold from the autumn before it.
        first_day = date(year - 1, 10, 1).toordinal()
        last_day = min(first_day + 360, today.toordinal() - _NEWEST_DAYS)
        in_service = draws.whole(first_day, max(first_day, last_day))
        miles_a_day = (
            _LEAST_MILES_A_YEAR + _MORE_MILES_A_YEAR * (draws.fraction() + draws.fraction()) / 2
        ) / 365.25
        known_since = max(in_service, regular.since)
        life = CarLife(number, regular.customer_id, model, in_service, known_since, miles_a_day)
        at = _instant(known_since)
        self.lives.append(life)
        self._rows.append(
            VehicleRow(
                number,
                regular.customer_id,
                year,
                model.make,
                model.name,
                draws.pick(_COLOURS),
                _plate(number),
                draws.pick(_REGIONS),
                _vin(draws, model, year, number),
                life.miles(known_since),
                at,
                at,
            )
        )


def _fleet_sizes(draws: Draws) -> list[int]:
    sizes = [size for size, count in FLEETS for _ in range(count)]
    for person in WRITTEN_PEOPLE:
        sizes.remove(sum(car.customer_id == person.customer_id for car in WRITTEN_CARS))
    draws.shuffle(sizes)
    assert len(sizes) == CUSTOMERS - len(WRITTEN_PEOPLE)
    return sizes


def _models_by_year(this_year: int) -> dict[int, tuple[Model, ...]]:
    """Return the models of each year, each as often as its share says."""
    return {
        year: tuple(
            model
            for model in MODELS
            if model.first_year <= year <= model.last_year
            for _ in range(model.share)
        )
        for year in range(this_year - OLDEST_YEARS, this_year + 1)
    }


def _vin(draws: Draws, model: Model, year: int, number: int) -> str:
    seventh = draws.pick(_SEVENTH[year >= _ALPHABETIC_YEAR])
    serial = _LEAST_SERIAL + number * _SERIAL_STEP % _SERIALS
    return with_check_digit(
        f"{model.wmi}{model.describes}{seventh}{draws.pick(model.engines)}0"
        f"{year_code(year)}{draws.pick(model.plants)}{serial}"
    )


def _plate(number: int) -> str:
    """Return two letters and five digits, another for every number."""
    base = len(_PLATE_LETTERS)
    letters, digits = divmod(number * _PLATE_STEP % (base * base * 100_000), 100_000)
    first, second = divmod(letters, base)
    return f"{_PLATE_LETTERS[first]}{_PLATE_LETTERS[second]}{digits:05d}"


def _written_row(place: int, regulars: Sequence[Regular]) -> VehicleRow:
    car = WRITTEN_CARS[place]
    at = _instant(regulars[car.customer_id - 1].since)
    return VehicleRow(
        car.vehicle_id,
        car.customer_id,
        car.year,
        car.make,
        car.model,
        car.colour,
        car.plate,
        "IL",
        car.vin,
        car.mileage,
        at,
        at,
    )


def _instant(ordinal: int) -> datetime:
    return datetime.combine(date.fromordinal(ordinal), time(16), tzinfo=UTC)
