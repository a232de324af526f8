"""Eight thousand appointments: what was done, what is to come, and what came to nothing.

Every appointment takes a free bay and a free technician with the skill, in opening hours; only
cancelled ones may lie over others, because they gave their time back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crm.dataset.draws import Draws
from crm.dataset.people import Regular
from crm.dataset.rows import AppointmentRow, EventRow
from crm.dataset.shop_days import Place, ShopDays
from crm.dataset.visits import Visit, done_visit
from crm.dataset.work import CarLife, due_work

DONE = 5_600
CONFIRMED = 1_200
NO_SHOW = 600
CANCELLED_PAST, CANCELLED_AHEAD = 440, 150
IN_PROGRESS = 10
APPOINTMENTS = DONE + CONFIRMED + NO_SHOW + CANCELLED_PAST + CANCELLED_AHEAD + IN_PROGRESS

# Appointments are kept for so many days; jobs before that have no appointment.
DIARY_DAYS = 308
AHEAD_DAYS = 63
# A car does not come again within so many days, nor before the shop has known it for a month.
_LEAST_GAP = 75
_LEAST_KNOWN = 30
_SECOND_VISIT_SHARE = 0.35
# Where a day is full, the next ones are tried.
_TRIES = 10
_NOTICE_DAYS = 20
_NO_SHOW_AFTER = timedelta(minutes=30)
_NOTES = ("Waits in the lounge.", "Needs a ride home.", "Squeaks when it rains.", "Will call back.")


@dataclass(slots=True)
class _Draft:
    car: CarLife
    code: str
    place: Place
    status: str
    booked_at: datetime
    closed_at: datetime | None
    visit: Visit | None = None


class Diary:
    """Fills the shop's days; `appointments`, `events` and `visits` belong together.

    Args:
        lives: the cars, with what was done on them before the first day of the diary.
        regulars: the customers, in the order of their ids from 1.
    """

    __slots__ = (
        "_cars",
        "_drafts",
        "_draws",
        "_latest",
        "_shop",
        "_today",
        "appointments",
        "events",
        "visits",
    )

    def __init__(
        self,
        draws: Draws,
        shop: ShopDays,
        lives: Sequence[CarLife],
        regulars: Sequence[Regular],
        today: date,
    ) -> None:
        self._draws = draws
        self._shop = shop
        self._today = today.toordinal()
        self._latest = shop.open_day_from(self._today, -1)
        self._drafts: list[_Draft] = []
        newcomers = [car for car in lives if regulars[car.customer_id - 1].is_newcomer]
        known = [car for car in lives if not regulars[car.customer_id - 1].is_newcomer]
        draws.shuffle(known)
        self._cars = known
        self._fill_past()
        # Whoever is new here has no past, but may well come.
        self._cars.extend(newcomers)
        draws.shuffle(self._cars)
        self._fill_ahead()
        self.appointments: list[AppointmentRow] = []
        self.events: list[EventRow] = []
        self.visits: list[Visit] = []
        self._write()

    def _fill_past(self) -> None:
        first, last = self._today - DIARY_DAYS, self._latest - 1
        wanted = len(self._drafts) + IN_PROGRESS
        while len(self._drafts) < wanted:
            self._place(self._cars.pop(), self._latest, self._latest, "in_progress")
        wanted += DONE
        while len(self._drafts) < wanted:
            car = self._cars.pop()
            is_done = self._place(car, self._draws.whole(first, last), last, "done")
            if is_done and len(self._drafts) < wanted and self._draws.chance(_SECOND_VISIT_SHARE):
                again = car.last_day + _LEAST_GAP + self._draws.whole(0, 150)
                self._place(car, again, last, "done")
        for count, status in ((NO_SHOW, "no_show"), (CANCELLED_PAST, "cancelled")):
            wanted += count
            while len(self._drafts) < wanted:
                self._place(self._cars.pop(), self._draws.whole(first, last), last, status)

    def _fill_ahead(self) -> None:
        last = self._today + AHEAD_DAYS
        wanted = len(self._drafts)
        for count, status in ((CONFIRMED, "confirmed"), (CANCELLED_AHEAD, "cancelled")):
            wanted += count
            while len(self._drafts) < wanted:
                # The next days are fuller than those in two months.
                ahead = 1 + int((AHEAD_DAYS - _TRIES) * self._draws.fraction() ** 1.5)
                self._place(self._cars.pop(), self._today + ahead, last, status)

    def _place(self, car: CarLife, day: int, last: int, status: str) -> bool:
        """Put a car that is due for something into the first day that has room, from `day` on."""
        if day < max(car.known_since + _LEAST_KNOWN, car.last_day + _LEAST_GAP):
            return False
        code = due_work(self._draws, car, day)
        if code is None:
            return False
        for candidate in range(day, min(day + _TRIES, last + 1)):
            place = self._shop.find(code, candidate, is_early=status == "in_progress")
            if place is not None:
                if status != "cancelled":
                    self._shop.book(code, place)
                self._keep(car, code, place, status)
                return True
        return False

    def _keep(self, car: CarLife, code: str, place: Place, status: str) -> None:
        draws = self._draws
        ahead = max(0, place.day - self._today)
        notice = draws.whole(1, _NOTICE_DAYS)
        booked_at = place.start - timedelta(days=ahead + notice, minutes=draws.whole(0, 300))
        ends = {
            "done": place.end,
            "in_progress": place.start,
            "no_show": place.start + _NO_SHOW_AFTER,
            "cancelled": booked_at + timedelta(minutes=int(notice * 1440 * draws.fraction())),
        }
        draft = _Draft(car, code, place, status, booked_at, ends.get(status))
        if status == "done":
            draft.visit = done_visit(draws, car, code, place.day, place.technician_id)
        self._drafts.append(draft)

    def _write(self) -> None:
        self._drafts.sort(key=lambda one: (one.booked_at, one.place.start, one.car.vehicle_id))
        for number, draft in enumerate(self._drafts, start=1):
            booked_by = "staff" if self._draws.chance(0.6) else "web"
            self.appointments.append(self._row(number, draft, booked_by))
            self.events.append(EventRow(number, "confirmed", booked_by, draft.booked_at))
            if draft.closed_at is not None:
                actor = booked_by if draft.status == "cancelled" else "staff"
                self.events.append(EventRow(number, draft.status, actor, draft.closed_at))
            if draft.visit is not None:
                self.visits.append(draft.visit._replace(appointment_id=number))
        self.events.sort(key=lambda event: (event.at, event.appointment_id))

    def _row(self, number: int, draft: _Draft, booked_by: str) -> AppointmentRow:
        return AppointmentRow(
            number,
            draft.car.customer_id,
            draft.car.vehicle_id,
            draft.code,
            draft.place.bay_id,
            None if draft.status == "cancelled" else draft.place.technician_id,
            draft.status,
            (draft.place.start, draft.place.end),
            self._draws.uuid(),
            booked_by,
            self._draws.pick(_NOTES) if self._draws.chance(0.04) else "",
            1 if draft.closed_at is None else 2,
            draft.booked_at,
            draft.closed_at or draft.booked_at,
        )
