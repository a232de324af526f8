"""The clock that all calls of a worker share."""

from __future__ import annotations

import asyncio

from tests.net.rig import until
from voicecore.net.frame_clock import TICK_S, FrameClock


async def test_everybody_on_a_loop_has_the_same_clock() -> None:
    assert FrameClock.of_running_loop() is FrameClock.of_running_loop()


async def test_callbacks_come_once_in_their_order_and_never_early() -> None:
    loop = asyncio.get_running_loop()
    clock = FrameClock(loop)
    called: list[tuple[float, float]] = []
    dues = [loop.time() + delay_s for delay_s in (0.05, 0.01, 0.03, 0.01, -1.0)]
    for due_s in dues:

        def note(due_s: float = due_s) -> None:
            called.append((due_s, loop.time()))

        clock.call_at(due_s, note)
    await until(lambda: len(called) == len(dues))
    await asyncio.sleep(4 * TICK_S)
    assert sorted(due_s for due_s, _ in called) == sorted(dues)
    assert [due_s for due_s, _ in called if due_s != dues[0]][-1] == dues[2]
    assert all(at_s >= due_s - 0.002 for due_s, at_s in called)


async def test_a_callback_can_be_moved_cancelled_and_given_again() -> None:
    loop = asyncio.get_running_loop()
    clock = FrameClock(loop)
    called: list[str] = []

    def first() -> None:
        called.append("first")
        clock.cancel(second)
        if len(called) < 3:
            clock.call_at(loop.time(), first)

    def second() -> None:
        called.append("second")

    clock.call_at(loop.time() + 60, first)
    clock.call_at(loop.time() + 0.01, first)
    clock.call_at(loop.time() + 0.01, second)
    await until(lambda: called == ["first"] * 3)
    clock.cancel(first)
    await asyncio.sleep(4 * TICK_S)
    assert called == ["first"] * 3
