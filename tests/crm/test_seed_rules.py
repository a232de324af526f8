"""Every realism rule over the full dataset, and over datasets of awkward days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from crm.dataset.build import Dataset, build_dataset
from crm.dataset.rows import AppointmentRow, HistoryRow, VehicleRow
from crm.errors import InputError
from tests.crm.conftest import TODAY, ZONE
from tests.crm.dataset_rows import Rule
from tests.crm.diary_rules import DIARY_RULES, nothing_overlaps, services_fit_mileage_and_age
from tests.crm.people_rules import PEOPLE_RULES, mileage_grows_with_age, vins_agree_with_the_car

# The hash of every row. It changes with the dataset and with `crm.sound` alone: no release of a
# library, no version of Python and no day on which the test runs can change it.
SHA256 = "3d961b718bdcb54c25ab5505836b3472a8944a8ad2d27258b263f5cd2286200b"


@pytest.mark.parametrize("rule", (*PEOPLE_RULES, *DIARY_RULES), ids=lambda rule: rule.__name__)
def test_the_dataset_keeps_every_rule(dataset: Dataset, rule: Rule) -> None:
    assert list(islice(rule(dataset), 5)) == []


# A Sunday that is New Year's Day, 29 February, the Sunday on which the clocks go back, the first
# day that is allowed, and one in a zone without any change of clocks.
@pytest.mark.parametrize(
    ("today", "zone"),
    [
        pytest.param(date(2028, 2, 29), ZONE, marks=pytest.mark.slow),
        pytest.param(date(2034, 1, 1), ZONE, marks=pytest.mark.slow),
        (date(2026, 11, 1), ZONE),
        pytest.param(date(2024, 1, 1), ZoneInfo("America/Phoenix"), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_rules_hold_on_awkward_days(today: date, zone: ZoneInfo) -> None:
    made = build_dataset(today, zone, seed=today.toordinal())
    rules = (*DIARY_RULES, vins_agree_with_the_car, mileage_grows_with_age)
    assert {rule.__name__: found for rule in rules if (found := list(islice(rule(made), 3)))} == {}


def test_one_seed_gives_one_dataset(dataset: Dataset) -> None:
    assert dataset.sha256() == SHA256
    assert build_dataset(TODAY, ZONE).sha256() == SHA256


def test_another_seed_or_day_gives_another_dataset() -> None:
    assert build_dataset(TODAY, ZONE, seed=2).sha256() != SHA256


@pytest.mark.parametrize("today", [date(2023, 12, 31), date(2100, 1, 1)])
def test_a_day_that_fits_no_car_is_refused(today: date) -> None:
    with pytest.raises(InputError, match="today"):
        build_dataset(today, ZONE)


def test_a_rule_sees_what_breaks_it(dataset: Dataset) -> None:
    cars = list(dataset.rows[VehicleRow])
    car = VehicleRow(*cars[99])
    cars[99] = car._replace(make="Lada", mileage=2_000_000)
    booked = [AppointmentRow(*row) for row in dataset.rows[AppointmentRow]]
    one = next(row for row in booked if row.status == "done")
    booked.append(one)
    jobs = [HistoryRow(*row) for row in dataset.rows[HistoryRow]]
    jobs = [row._replace(mileage=1) if row.service_code == "coolant_flush" else row for row in jobs]
    broken = replace(
        dataset,
        rows={**dataset.rows, VehicleRow: cars, AppointmentRow: booked, HistoryRow: jobs},
    )
    for rule in (
        vins_agree_with_the_car,
        mileage_grows_with_age,
        nothing_overlaps,
        services_fit_mileage_and_age,
    ):
        assert next(iter(rule(broken)), None) is not None, rule.__name__
