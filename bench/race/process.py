"""A process of the race that finishes when it is told to, and never outlives who started it."""

from __future__ import annotations

import asyncio
import os
import sys

FINISH = b"finish\n"
ORPHANED = 3


def stop_when_told() -> asyncio.Event:
    """Return an event that is set when `FINISH` comes over standard input, a pipe.

    When the pipe is closed instead, its other end is gone, however that came about: the process
    ends at once, as there is nobody left to do anything for.
    """
    stop = asyncio.Event()
    source = sys.stdin.fileno()

    def read() -> None:
        if os.read(source, len(FINISH)):
            stop.set()
        else:
            os._exit(ORPHANED)

    asyncio.get_running_loop().add_reader(source, read)
    return stop
