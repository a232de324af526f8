"""The clock of a line, and the caller at its end."""

from __future__ import annotations

import asyncio
import time

import pytest

from voicecore.sandbox.twilio import SilentCaller
from voicecore.sandbox.twilio_line import Line


class Counter(SilentCaller):
    """Speaks its frame's number."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def next_frame(self, at_s: float) -> bytes:
        self.times.append(at_s)
        return bytes((len(self.times),)) * 160


async def test_late_ticks_are_made_up_for_and_nothing_drifts() -> None:
    caller = Counter()
    line = Line(caller)
    frames: list[tuple[int, float]] = []
    line.listen(lambda frame, at_s: frames.append((frame[0], at_s)))
    line.answer()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(line.run())
        await asyncio.sleep(0.05)
        time.sleep(0.1)
        await asyncio.sleep(0.1)
        line.end()
        running.cancel()
    assert len(caller.times) == pytest.approx(line.now_s() / 0.02, abs=2)
    assert caller.times == [pytest.approx(0.02 * tick) for tick in range(len(caller.times))]
    assert frames == [(n + 1, pytest.approx(0.02 * n)) for n in range(len(caller.times) - 1)]
    assert len(line.record.said) == 160 * len(caller.times)
    stopped_s = line.now_s()
    await asyncio.sleep(0.01)
    assert line.now_s() == stopped_s


async def test_a_frame_of_another_size_is_a_fault_of_the_caller() -> None:
    class Odd(SilentCaller):
        def next_frame(self, at_s: float) -> bytes:
            return b"\xff"

    line = Line(Odd())
    assert line.now_s() == 0.0
    line.answer()
    with pytest.raises(ValueError, match="1 bytes"):
        await line.run()
