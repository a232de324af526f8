"""Who and what is taken when: per bay, per technician and for the whole shop.

Times are whole minutes since 1970 in UTC, so a day with 23 or 25 hours needs no special case.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from scheduler.minute_mask import stretch

_Joined = tuple[list[int], list[int]]


class Span(NamedTuple):
    """A stretch that is taken, end exclusive; with neither bay nor technician the whole shop is."""

    start_minute: int
    end_minute: int
    bay_id: int | None = None
    technician_id: int | None = None


class Occupancy:
    """Spans, joined and sorted per bay and technician when they are first asked for."""

    __slots__ = ("_bays", "_joined", "_shop", "_technicians")

    def __init__(self, spans: Iterable[tuple[int, int, int | None, int | None]]) -> None:
        bays: dict[int | None, list[tuple[int, int]]] = {}
        technicians: dict[int, list[tuple[int, int]]] = {}
        shop: list[tuple[int, int]] = []
        for start, end, bay_id, technician_id in spans:
            if end <= start:
                continue
            if technician_id is not None:
                technicians.setdefault(technician_id, []).append((start, end))
            if bay_id is not None:
                bays.setdefault(bay_id, []).append((start, end))
            elif technician_id is None:
                shop.append((start, end))
        self._bays = bays
        self._technicians = technicians
        self._shop = shop
        self._joined: dict[tuple[str, int], _Joined] = {}

    def shop(self, first: int, length: int) -> int:
        """Return the mask of the minutes of [first, first + length) that the whole shop loses."""
        return self._mask(("shop", 0), self._shop, first, length)

    def bay(self, bay_id: int, first: int, length: int) -> int:
        """Return the taken minutes of a bay, without those of the whole shop."""
        return self._mask(("bay", bay_id), self._bays.get(bay_id), first, length)

    def technician(self, technician_id: int, first: int, length: int) -> int:
        """Return the taken minutes of a technician, without those of the whole shop."""
        spans = self._technicians.get(technician_id)
        return self._mask(("technician", technician_id), spans, first, length)

    def _mask(
        self, key: tuple[str, int], spans: list[tuple[int, int]] | None, first: int, length: int
    ) -> int:
        if not spans:
            return 0
        if key not in self._joined:
            self._joined[key] = _joined(spans)
        starts, ends = self._joined[key]
        mask = 0
        for place in range(bisect_right(ends, first), len(starts)):
            start = starts[place] - first
            if start >= length:
                break
            mask |= stretch(start, min(ends[place] - first, length))
        return mask


def _joined(spans: list[tuple[int, int]]) -> _Joined:
    starts: list[int] = []
    ends: list[int] = []
    last = -1
    for start, end in sorted(spans):
        if starts and start <= last:
            if end > last:
                ends[-1] = last = end
        else:
            starts.append(start)
            ends.append(end)
            last = end
    return starts, ends
