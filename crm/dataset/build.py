"""Makes the whole dataset from a seed: the same seed, day and zone give the same rows."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crm.dataset.big_shop import BREAKS, MORE_BAYS, MORE_SHIFTS, MORE_SKILLS, MORE_TECHNICIANS
from crm.dataset.cars import CarFleet
from crm.dataset.diary import AHEAD_DAYS, DIARY_DAYS, Diary
from crm.dataset.draws import Draws
from crm.dataset.people import build_people
from crm.dataset.pools import load_pools
from crm.dataset.rows import (
    TABLE_OF,
    AppointmentRow,
    BayRow,
    BreakRow,
    CapacityRow,
    ClosureRow,
    CustomerRow,
    EventRow,
    HistoryRow,
    NoteRow,
    PhoneRow,
    ShiftRow,
    SkillRow,
    TechnicianRow,
    VehicleRow,
)
from crm.dataset.shop_days import ShopDays
from crm.dataset.visits import KEPT_DAYS, earlier_visits, history_rows, written_visits
from crm.errors import InputError

DEFAULT_SEED = 1
# The cars that are written by hand are up to so new.
EARLIEST_TODAY = date(2024, 1, 1)
LATEST_TODAY = date(2099, 12, 31)
# Closures and capacity are known beyond the last appointment.
_KNOWN_DAYS = 120
# Bays under repair: days from today, how many days, bay.
_REPAIRS = ((-150, 3, 8, "Lift serviced"), (24, 2, 10, "Lift serviced"))


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows of every table, in the order in which they can be written."""

    seed: int
    today: date
    zone: str
    rows: Mapping[type, Sequence[tuple[Any, ...]]]

    @property
    def size(self) -> int:
        """How many rows there are."""
        return sum(len(rows) for rows in self.rows.values())

    def sha256(self) -> str:
        """Return the hex digest of every row of every table."""
        digest = hashlib.sha256()
        for kind, rows in self.rows.items():
            digest.update(TABLE_OF[kind].encode())
            for row in rows:
                digest.update(repr(tuple(row)).encode())
        return digest.hexdigest()


def build_dataset(today: date, zone: ZoneInfo, seed: int = DEFAULT_SEED) -> Dataset:
    """Make 10,000 customers with 16,000 cars, their history and 8,000 appointments.

    `today` lies between what was and what is to come; `zone` is the shop's.

    Raises:
        InputError: `today` is before 2024 or after 2099.
    """
    if not EARLIEST_TODAY <= today <= LATEST_TODAY:
        raise InputError("today", f"is not from {EARLIEST_TODAY} to {LATEST_TODAY}")
    with _no_collection():
        return _build(today, zone, seed)


def _build(today: date, zone: ZoneInfo, seed: int) -> Dataset:
    draws = Draws(seed)
    customers, phones, notes, regulars = build_people(draws, load_pools(), today)
    fleet = CarFleet(draws, regulars, today)
    first, known_until = today - timedelta(days=DIARY_DAYS), today + timedelta(days=_KNOWN_DAYS)
    shop = ShopDays(draws, zone, today - timedelta(days=KEPT_DAYS + 365), known_until)
    for offset, days, bay_id, reason in _REPAIRS:
        shop.close_bay(today.toordinal() + offset, days, bay_id, reason)
    earlier = earlier_visits(draws, fleet.lives, shop, today, first.toordinal())
    diary = Diary(draws, shop, fleet.lives, regulars, today)
    visits = [*written_visits(draws, shop, today), *earlier, *diary.visits]
    span = (first.toordinal(), known_until.toordinal())
    rows: dict[type, Sequence[tuple[Any, ...]]] = {
        BayRow: MORE_BAYS,
        TechnicianRow: MORE_TECHNICIANS,
        SkillRow: MORE_SKILLS,
        ShiftRow: MORE_SHIFTS,
        BreakRow: BREAKS,
        ClosureRow: list(shop.closures(*span)),
        CustomerRow: customers,
        PhoneRow: phones,
        NoteRow: notes,
        VehicleRow: fleet.rows(regulars),
        AppointmentRow: diary.appointments,
        EventRow: diary.events,
        HistoryRow: history_rows(visits),
        CapacityRow: list(shop.capacity(*span)),
    }
    assert tuple(rows) == tuple(TABLE_OF) and AHEAD_DAYS < _KNOWN_DAYS
    return Dataset(seed, today, zone.key, rows)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the cycle collector back: a hundred thousand rows without a cycle cost it a fifth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
