"""A process of the race that ends with the process that started it."""

from __future__ import annotations

import asyncio
import sys


def stop_at_end_of_input() -> asyncio.Event:
    """Return an event that is set when standard input, a pipe, is closed at its other end.

    The kernel closes it when the other process ends, however it ends.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    source = sys.stdin.fileno()

    def closed() -> None:
        loop.remove_reader(source)
        stop.set()

    loop.add_reader(source, closed)
    return stop
