"""The timers of a call."""

from __future__ import annotations

import asyncio

from voicecore.call.events import Timer
from voicecore.net.timers import TimerSet


async def test_a_timer_fires_once_at_its_time() -> None:
    loop = asyncio.get_running_loop()
    fired: list[tuple[Timer, float]] = []
    timers = TimerSet(loop, lambda timer: fired.append((timer, loop.time())))
    due_s = loop.time() + 0.03
    timers.set(Timer.SILENCE, due_s)
    await asyncio.sleep(0.08)
    assert [timer for timer, _ in fired] == [Timer.SILENCE]
    assert fired[0][1] >= due_s - 0.001


async def test_setting_again_moves_a_timer_and_cancelling_stops_it() -> None:
    loop = asyncio.get_running_loop()
    fired: list[Timer] = []
    timers = TimerSet(loop, fired.append)
    timers.set(Timer.SILENCE, loop.time() + 0.01)
    timers.set(Timer.SILENCE, loop.time() + 0.03)
    timers.set(Timer.REPLY, loop.time() + 0.01)
    timers.set(Timer.FILLER, loop.time() + 0.01)
    timers.cancel(Timer.REPLY)
    timers.cancel(Timer.GOODBYE)
    await asyncio.sleep(0.02)
    assert fired == [Timer.FILLER]
    timers.cancel_all()
    await asyncio.sleep(0.04)
    assert fired == [Timer.FILLER]


async def test_a_timer_may_be_set_again_from_its_own_callback() -> None:
    loop = asyncio.get_running_loop()
    fired: list[Timer] = []

    def again(timer: Timer) -> None:
        fired.append(timer)
        if len(fired) < 3:
            timers.set(timer, loop.time())

    timers = TimerSet(loop, again)
    timers.set(Timer.DEAD_AIR, loop.time())
    await asyncio.sleep(0.03)
    assert len(fired) == 3
