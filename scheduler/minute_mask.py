"""Sets of minutes as whole numbers: bit i stands for minute i, so a day is a few machine words.

To ask where a job of two hours fits is then a handful of shifts instead of a walk over the diary.
"""

from __future__ import annotations

from collections.abc import Iterator


def stretch(start: int, end: int) -> int:
    """Return the mask of minutes [start, end); what lies before minute 0 is cut off."""
    start = max(start, 0)
    return ((1 << (end - start)) - 1) << start if end > start else 0


def starts_of_runs(mask: int, length: int) -> int:
    """Return the minutes from which on `length` minutes in a row are set; `length` >= 1."""
    done = 1
    while done < length:
        step = min(done, length - done)
        mask &= mask >> step
        done += step
    return mask


def hull(mask: int) -> range:
    """Return the minutes from the first to the last that is set."""
    return range((mask & -mask).bit_length() - 1 if mask else 0, mask.bit_length())


def minutes_of(mask: int) -> Iterator[int]:
    """Yield the minutes that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def every(step: int, count: int) -> int:
    """Return the mask of `count` minutes from 0 on, `step` apart."""
    # A geometric series: 1 + 2^step + 2^(2 step) + ...
    return ((1 << (step * count)) - 1) // ((1 << step) - 1)
