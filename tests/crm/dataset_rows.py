"""The rows of the dataset with their types, as the rules read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from crm.dataset.build import Dataset
from crm.dataset.rows import (
    AppointmentRow,
    CustomerRow,
    HistoryRow,
    VehicleRow,
)

Rule = Callable[[Dataset], Iterator[object]]


def customers(dataset: Dataset) -> list[CustomerRow]:
    return [CustomerRow(*row) for row in dataset.rows[CustomerRow]]


def vehicles(dataset: Dataset) -> list[VehicleRow]:
    return [VehicleRow(*row) for row in dataset.rows[VehicleRow]]


def appointments(dataset: Dataset) -> list[AppointmentRow]:
    return [AppointmentRow(*row) for row in dataset.rows[AppointmentRow]]


def history(dataset: Dataset) -> list[HistoryRow]:
    return [HistoryRow(*row) for row in dataset.rows[HistoryRow]]


def by_car(dataset: Dataset) -> dict[int, list[HistoryRow]]:
    """The jobs of each car in the order of their numbers, which is that of time."""
    found: defaultdict[int, list[HistoryRow]] = defaultdict(list)
    for row in sorted(history(dataset)):
        found[row.vehicle_id].append(row)
    return found
