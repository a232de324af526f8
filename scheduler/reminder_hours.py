"""The hours at which somebody may be rung: from eight to nine in the evening at their place.

Source: US 47 CFR 64.1200(c)(1), which sets these hours for telephone solicitation; we keep to them
for reminders as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

OPENS, CLOSES = time(8), time(21)
# A zone whose opening we wait for may close another one: after so many tries there is no hour.
_MOST_STEPS = 200


def may_ring(at: datetime, zones: Sequence[ZoneInfo]) -> bool:
    """Say whether it is a decent hour in all `zones`; never where there is none."""
    return bool(zones) and all(_is_open(at, zone) for zone in zones)


def next_decent(at: datetime, zones: Sequence[ZoneInfo], until: datetime) -> datetime | None:
    """Return the first instant from `at` on, before `until`, that is decent in all `zones`."""
    if not zones:
        return None
    for _ in range(_MOST_STEPS):
        if at >= until:
            return None
        closed = [zone for zone in zones if not _is_open(at, zone)]
        if not closed:
            return at
        at = max(_opening(at, zone) for zone in closed)
    return None


def _is_open(at: datetime, zone: ZoneInfo) -> bool:
    return OPENS <= at.astimezone(zone).time() < CLOSES


def _opening(at: datetime, zone: ZoneInfo) -> datetime:
    """Return when it is next eight o'clock; clocks change at night, so there is one a day."""
    local = at.astimezone(zone)
    day = local.date() if local.time() < OPENS else local.date() + timedelta(days=1)
    return datetime.combine(day, OPENS, tzinfo=zone).astimezone(UTC)
