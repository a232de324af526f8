"""The level of the line when nobody speaks: a low percentile of the recent past.

The spread above it tells steady noise (a fan: under 2 dB) from noise that comes and goes (other
talkers: 4 dB and more), which needs more distance. How loud such noise becomes is a number of its
own, the ceiling: a high percentile of a longer past, from which the caller's voice is left out.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

WINDOW_FRAMES = 75
"""1.5 s: longer than a sentence goes without a dip, short enough to follow a car."""

LOWEST_DB = -70.0
HIGHEST_DB = -30.0
UNKNOWN_DB = -60.0
"""Taken before the first sound: a quiet line."""


CEILING_FRAMES = 250
"""5 s: people behind the caller pause and come back within it."""
CEILING_SHARE = 0.9
CEILING_LEAST_FRAMES = 50
"""Fewer frames say nothing about what comes at times."""


class NoiseCeiling:
    """How loud the noise becomes when it is loud: the 90th percentile of the frames taken."""

    __slots__ = ("_recent", "_sorted", "level_db")

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self.level_db = LOWEST_DB
        """The ceiling in dBov; as low as can be before there are enough frames."""

    def add(self, frame_db: float) -> None:
        """Take the level of the next frame that is noise."""
        if len(self._recent) == CEILING_FRAMES:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(frame_db)
        insort(self._sorted, frame_db)
        if len(self._sorted) >= CEILING_LEAST_FRAMES:
            self.level_db = self._sorted[int(len(self._sorted) * CEILING_SHARE)]


class NoiseFloor:
    """The 10th percentile of the last 1.5 s of frame levels, within reason."""

    __slots__ = ("_recent", "_sorted", "level_db", "spread_db")

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self.level_db = UNKNOWN_DB
        """The floor in dBov."""
        self.spread_db = 0.0
        """How far the median frame lies above it."""

    def add(self, frame_db: float) -> None:
        """Take the level of the next frame."""
        if len(self._recent) == WINDOW_FRAMES:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(frame_db)
        insort(self._sorted, frame_db)
        low = self._sorted[len(self._sorted) // 10]
        self.spread_db = self._sorted[len(self._sorted) // 2] - low
        self.level_db = min(max(low, LOWEST_DB), HIGHEST_DB)
