"""One day of the shop's wall clock, laid out on the minutes of UTC.

A wall time that the clocks skip is no time of the day; of one that comes twice the first is meant.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.minute_mask import every, stretch

MINUTE_S = 60
DAY_MINUTES = 24 * 60
# A day is laid out with room at both ends, as no change of the clocks is longer than this.
_MARGIN_MINUTES = 180
LAYOUT_MINUTES = DAY_MINUTES + 2 * _MARGIN_MINUTES


class LocalDay:
    """Masks of a day; bit i is minute `first_minute + i` since 1970.

    `exists` is False for a date that the zone left out, as Samoa did when it changed sides.
    """

    __slots__ = ("_walls", "_zone", "day", "exists", "first_minute", "is_even")

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        self.day = day
        self._zone = zone
        self._walls: dict[int, datetime] = {}
        midnight = datetime.combine(day, time(), tzinfo=zone)
        self.first_minute = _minute(midnight) - _MARGIN_MINUTES
        self.exists = self.local(_MARGIN_MINUTES).date() == day
        # Offsets are compared at both ends: no zone changes its clocks twice within a day.
        end = datetime.combine(day, time(23, 59, 59), tzinfo=zone)
        self.is_even = midnight.utcoffset() == end.utcoffset()

    def local(self, bit: int) -> datetime:
        """Return the wall time of a bit."""
        return datetime.fromtimestamp((self.first_minute + bit) * MINUTE_S, self._zone)

    def on_wall(self, bit: int) -> datetime:
        """Return the wall time of a bit, as `local`; the same few are asked for again and again."""
        if bit not in self._walls:
            self._walls[bit] = self.local(bit)
        return self._walls[bit]

    def opening(self, opens: time, closes: time) -> int:
        """Return the minutes from opening to closing; where the clocks skip one, the wider."""
        return stretch(min(self._bits(_up(opens))), self._closing(closes))

    def duty(self, starts: time, ends: time) -> int:
        """Return the minutes of a shift; where the clocks skip an end of it, the narrower."""
        return stretch(max(self._bits(_up(starts))), self._closing(ends))

    def pause(self, starts: time, ends: time) -> int:
        """Return the minutes of a break; where the clocks skip an end of it, the wider."""
        return stretch(min(self._bits(_down(starts))), max(self._bits(_up(ends))))

    def grid(self, opens: time, closes: time, step_minutes: int) -> int:
        """Return the minutes of the wall times in [opens, closes) that `step_minutes` divides."""
        first = -(-_up(opens) // step_minutes) * step_minutes
        last = _down(closes)
        if self.is_even:
            if last <= first:
                return 0
            count = -(-(last - first) // step_minutes)
            return every(step_minutes, count) << (first + _MARGIN_MINUTES)
        mask = 0
        for minute in range(first, last, step_minutes):
            bit = self._bits(minute)[0]
            wall = self.local(bit)
            if (wall.date(), wall.hour * 60 + wall.minute) == (self.day, minute):
                mask |= 1 << bit
        return mask

    def _closing(self, closes: time) -> int:
        return min(self._bits(_down(closes)))

    def _bits(self, minute: int) -> tuple[int, int]:
        """Return the bits that a wall minute can mean, the first meaning first."""
        if self.is_even:
            return (minute + _MARGIN_MINUTES,) * 2
        extra, minute = divmod(minute, DAY_MINUTES)
        wall = datetime.combine(self.day, time(minute // 60, minute % 60), tzinfo=self._zone)
        wall += timedelta(days=extra)
        first, second = _minute(wall), _minute(wall.replace(fold=1))
        if first < second:  # It comes twice.
            second = first
        return first - self.first_minute, second - self.first_minute


@lru_cache(maxsize=512)
def local_day(day: date, zone: ZoneInfo) -> LocalDay:
    """Return the layout of a day; the days of the coming year are made once."""
    return LocalDay(day, zone)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // MINUTE_S)


def _up(wall: time) -> int:
    return wall.hour * 60 + wall.minute + (wall.second > 0 or wall.microsecond > 0)


def _down(wall: time) -> int:
    return wall.hour * 60 + wall.minute
