"""Is the calendar usable, and does it keep up? One line for each thing, and what to do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from crm.pool import connection_of
from scheduler.calendar_review import Review, open_reviews
from scheduler.errors import CalendarError
from scheduler.google_calendar import CalendarAccess, GoogleCalendar
from scheduler.jobs import CALENDAR_SYNC, JobQueue

LOOK_DEADLINE_S = 5.0

_COUNTS = """
SELECT count(*) FILTER (WHERE status = 'queued') AS waiting,
       count(*) FILTER (WHERE status = 'picked') AS running,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       extract(epoch FROM now() - min(created) FILTER (WHERE status <> 'failed'))::float8
           AS oldest_s
FROM pgqueuer WHERE entrypoint = $1
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried; `problem` is empty where it worked."""

    name: str
    problem: str

    @property
    def is_ok(self) -> bool:
        """Whether it worked."""
        return not self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Pushes that are still to be done; `oldest_s` is how long the first has been waiting."""

    waiting: int
    running: int
    failed: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarStatus:
    """Everything that was found; `backlog` is None without a database."""

    calendar_id: str
    account: str
    checks: tuple[Check, ...]
    backlog: Backlog | None = None
    reviews: tuple[Review, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether Google takes what we write."""
        return all(check.is_ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values, times in ISO 8601."""
        backlog = self.backlog
        return {
            "ok": self.is_ok,
            "calendar_id": self.calendar_id,
            "account": self.account,
            "checks": [
                {"name": check.name, "ok": check.is_ok, "problem": check.problem}
                for check in self.checks
            ],
            "backlog": None
            if backlog is None
            else {
                "waiting": backlog.waiting,
                "running": backlog.running,
                "failed": backlog.failed,
                "oldest_s": backlog.oldest_s,
            },
            "reviews": [
                {
                    "appointment_id": review.appointment_id,
                    "edit": review.edit.value,
                    "booked_start": review.booked_start.isoformat(),
                    "shown_start": review.shown_start,
                    "since": review.since.isoformat(),
                }
                for review in self.reviews
            ],
        }

    def lines(self) -> list[str]:
        """Return it for a person to read."""
        lines = [f"calendar {self.calendar_id}, by {self.account}"]
        lines += [f"  {check.name}: {check.problem or 'ok'}" for check in self.checks]
        if self.backlog is not None:
            waiting = self.backlog.waiting + self.backlog.running
            line = f"  pushes: {waiting} to do, {self.backlog.failed} failed"
            if self.backlog.oldest_s is not None:
                line += f", the oldest is {self.backlog.oldest_s:.0f} s old"
            lines.append(line)
        for review in self.reviews:
            shown = f"shown at {review.shown_start}" if review.shown_start else "not shown"
            lines.append(
                f"  appointment {review.appointment_id} was {review.edit.value} by staff: booked "
                f"for {review.booked_start.isoformat()}, {shown}; move or cancel the booking, or "
                f"`cli.py calendar restore {review.appointment_id}`"
            )
        return lines


async def look_at_calendar(
    access: CalendarAccess, *, zone: ZoneInfo, pool: asyncpg.Pool | None = None
) -> CalendarStatus:
    """Try everything that bookings need of the calendar; nothing is written.

    Raises:
        DatabaseError: the database failed.
    """
    async with GoogleCalendar(access) as calendar:
        checks = await _checks(calendar, zone)
    backlog: Backlog | None = None
    reviews: Sequence[Review] = ()
    if pool is not None:
        await JobQueue(pool).install()
        async with connection_of(pool, "calendar status", deadline_s=LOOK_DEADLINE_S) as conn:
            backlog = Backlog(**dict(await conn.fetchrow(_COUNTS, CALENDAR_SYNC)))
            reviews = [_in_zone(review, zone) for review in await open_reviews(conn)]
    return CalendarStatus(
        calendar_id=access.calendar_id,
        account=access.kind,
        checks=checks,
        backlog=backlog,
        reviews=tuple(reviews),
    )


async def _checks(calendar: GoogleCalendar, zone: ZoneInfo) -> tuple[Check, ...]:
    now = datetime.now(UTC)

    async def busy() -> None:
        await calendar.busy(now, now + timedelta(hours=1), zone_name=zone.key)

    steps: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
        ("token", calendar.check_token),
        ("busy times", busy),
        ("events", calendar.check_rights),
    )
    checks: list[Check] = []
    for name, step in steps:
        try:
            await step()
        except CalendarError as error:
            checks.append(Check(name, str(error)))
            if name == "token":
                # Without one everything else would say the same.
                break
        else:
            checks.append(Check(name, ""))
    return tuple(checks)


def _in_zone(review: Review, zone: ZoneInfo) -> Review:
    return Review(
        appointment_id=review.appointment_id,
        edit=review.edit,
        booked_start=review.booked_start.astimezone(zone),
        shown_start=review.shown_start,
        since=review.since.astimezone(zone),
    )
