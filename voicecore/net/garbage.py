"""The garbage collector, kept away from the frame clock."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 20_000
"""New objects between two looks at the young: a look is over in a millisecond."""
YOUNG_LOOKS = 50
MIDDLE_LOOKS = 100


def settle_garbage() -> None:
    """Take what a worker has built up to now out of every later collection, and make those rare.

    A full collection over everything that was imported takes some 100 ms, in which no frame is
    sent. Calls leave few cycles; those are found while they are young.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_LOOKS, MIDDLE_LOOKS)
