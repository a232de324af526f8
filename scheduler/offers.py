"""Which of many free times to say: three that give a caller a real choice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from scheduler.slots import Slot

MOST_OFFERS = 3
APART = timedelta(minutes=60)


class Choice(StrEnum):
    """What a caller would rather hear: the soonest times, or one of each of several days."""

    SOONEST = "soonest"
    SPREAD = "spread"

    def of(
        self, slots: Sequence[Slot], zone: ZoneInfo, limit: int = MOST_OFFERS
    ) -> tuple[Slot, ...]:
        """Return up to `limit` of the slots, in the order of time."""
        if self is Choice.SPREAD:
            return spread(slots, zone, limit)
        return soonest(slots, limit)


def soonest(slots: Sequence[Slot], limit: int = MOST_OFFERS) -> tuple[Slot, ...]:
    """Return the first times, an hour apart while that is possible, in the order of time.

    The first of all is always among them.
    """
    ordered = sorted(slots, key=_instant)
    chosen: list[Slot] = []
    for slot in ordered:
        if len(chosen) == limit:
            return tuple(chosen)
        if not chosen or _instant(slot) - _instant(chosen[-1]) >= APART:
            chosen.append(slot)
    rest = [slot for slot in ordered if slot not in chosen]
    return tuple(sorted((*chosen, *rest[: limit - len(chosen)]), key=_instant))


def spread(slots: Sequence[Slot], zone: ZoneInfo, limit: int = MOST_OFFERS) -> tuple[Slot, ...]:
    """Return the first time of each of the first days, in the order of time.

    Where there are fewer days than offers, the rest is made up of the soonest of the other times.
    """
    days: dict[date, Slot] = {}
    for slot in sorted(slots, key=_instant):
        days.setdefault(slot.start.astimezone(zone).date(), slot)
    chosen = list(days.values())[:limit]
    rest = [slot for slot in slots if slot not in chosen]
    return tuple(sorted((*chosen, *soonest(rest, limit - len(chosen))), key=_instant))


def _instant(slot: Slot) -> datetime:
    return slot.start.astimezone(UTC)
