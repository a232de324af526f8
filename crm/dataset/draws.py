"""Random draws that give the same results under every version of Python.

Only `random()` of the generator is used: it is the one method whose sequence Python promises to
keep. Source: Python documentation, `random`, "Notes on Reproducibility".
"""

from __future__ import annotations

import random
from collections.abc import MutableSequence, Sequence
from typing import TypeVar
from uuid import UUID

Item = TypeVar("Item")


class Draws:
    """A stream of draws that depends on its seed alone."""

    __slots__ = ("_random",)

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """Return True in `share` of all cases, 0 to 1."""
        return self._random() < share

    def fraction(self) -> float:
        """Return a number from 0 to 1, 1 not included."""
        return self._random()

    def whole(self, least: int, most: int) -> int:
        """Return a whole number, both ends included."""
        return least + int(self._random() * (most - least + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items, all equally likely."""
        return items[int(self._random() * len(items))]

    def shuffle(self, items: MutableSequence[Item]) -> None:
        """Put the items into a random order."""
        for last in range(len(items) - 1, 0, -1):
            other = int(self._random() * (last + 1))
            items[last], items[other] = items[other], items[last]

    def uuid(self) -> UUID:
        """Return a random UUID (version 4)."""
        high, low = int(self._random() * 2**53), int(self._random() * 2**53)
        return UUID(int=high << 64 | low, version=4)
