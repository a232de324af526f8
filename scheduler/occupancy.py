"""Who and what is taken when: per bay, per technician and for the whole shop.

Times are whole minutes since 1970 in UTC, so a day with 23 or 25 hours needs no special case.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

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

    def shop(self, first: int, bits: range) -> int:
        """Return the minutes that the whole shop loses: bit i of `bits` is minute `first` + i."""
        return self._mask(("shop", 0), self._shop, first, bits)

    def bay(self, bay_id: int, first: int, bits: range) -> int:
        """Return the taken minutes of a bay, without those of the whole shop."""
        return self._mask(("bay", bay_id), self._bays.get(bay_id), first, bits)

    def technician(self, technician_id: int, first: int, bits: range) -> int:
        """Return the taken minutes of a technician, without those of the whole shop."""
        spans = self._technicians.get(technician_id)
        return self._mask(("technician", technician_id), spans, first, bits)

    def _mask(
        self, key: tuple[str, int], spans: list[tuple[int, int]] | None, first: int, bits: range
    ) -> int:
        if not spans:
            return 0
        if key not in self._joined:
            self._joined[key] = _joined(spans)
        starts, ends = self._joined[key]
        mask = 0
        # Most of what a day costs is in here, so the edges are cut without a call.
        begin = bisect_right(ends, first + bits.start)
        for place in range(begin, bisect_left(starts, first + bits.stop)):
            start, end = starts[place] - first, ends[place] - first
            if start < bits.start:
                start = bits.start
            if end > bits.stop:
                end = bits.stop
            mask |= (1 << end) - (1 << start)
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
