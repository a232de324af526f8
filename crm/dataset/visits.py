"""What was done on the cars: jobs of the years before, and those that had an appointment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from crm.dataset.big_shop import PEOPLE_OF, SERVICE
from crm.dataset.draws import Draws
from crm.dataset.rows import HistoryRow
from crm.dataset.shop_days import ShopDays
from crm.dataset.work import CarLife, due_work
from crm.demo_people import WRITTEN_CARS, WRITTEN_VISITS

# So far back goes what was taken over from the system before.
KEPT_DAYS = 3 * 365
# Days between two visits of one car.
_LEAST_GAP, _MOST_GAP = 150, 540
_CENTS = 5


class Visit(NamedTuple):
    """One job that was done; `day` is the ordinal of a date, `appointment_id` 0 without one."""

    day: int
    vehicle_id: int
    customer_id: int
    service_code: str
    technician_id: int
    mileage: int
    cost_cents: int
    appointment_id: int = 0


def earlier_visits(
    draws: Draws, lives: Sequence[CarLife], shop: ShopDays, today: date, until: int
) -> list[Visit]:
    """Return the jobs before day `until`, each of which fits its car; the cars remember them."""
    first = today.toordinal() - KEPT_DAYS
    visits: list[Visit] = []
    for car in lives:
        day = max(car.known_since, first) + draws.whole(0, _MOST_GAP)
        while day < until:
            day = shop.open_day_from(day)
            code = due_work(draws, car, day)
            if code is not None and day < until:
                person = draws.pick(PEOPLE_OF[SERVICE[code].skill])
                visits.append(done_visit(draws, car, code, day, person))
            day += draws.whole(_LEAST_GAP, _MOST_GAP)
    return visits


def done_visit(
    draws: Draws, car: CarLife, code: str, day: int, technician_id: int, appointment_id: int = 0
) -> Visit:
    """Return a job that was done on a day, and let the car remember it."""
    price = SERVICE[code].price_cents * car.model.price_factor * (0.95 + 0.25 * draws.fraction())
    return Visit(
        day,
        car.vehicle_id,
        car.customer_id,
        code,
        technician_id,
        car.note(code, day),
        round(price / _CENTS) * _CENTS,
        appointment_id,
    )


def written_visits(draws: Draws, shop: ShopDays, today: date) -> list[Visit]:
    """Return the jobs of the people who are written by hand, on open days."""
    owner = {car.vehicle_id: car.customer_id for car in WRITTEN_CARS}
    return [
        Visit(
            shop.open_day_from(today.toordinal() - visit.days_ago, -1),
            visit.vehicle_id,
            owner[visit.vehicle_id],
            visit.service_code,
            draws.pick(PEOPLE_OF[SERVICE[visit.service_code].skill]),
            visit.mileage,
            SERVICE[visit.service_code].price_cents,
        )
        for visit in WRITTEN_VISITS
    ]


def history_rows(visits: Iterable[Visit]) -> list[HistoryRow]:
    """Return the rows, numbered from the oldest job on, and one car's beside each other.

    What lies together in the file of the table is read and indexed together.
    """
    rows = [
        HistoryRow(
            number,
            visit.customer_id,
            visit.vehicle_id,
            visit.appointment_id or None,
            visit.service_code,
            visit.technician_id,
            on_date := date.fromordinal(visit.day),
            visit.mileage,
            visit.cost_cents,
            datetime.combine(on_date, time(23, 30), tzinfo=UTC),
        )
        for number, visit in enumerate(sorted(visits), start=1)
    ]
    rows.sort(key=lambda row: (row.vehicle_id, row.history_id))
    return rows
