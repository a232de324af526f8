"""Many calls, one after the other, on one worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.net.rig import running, until


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_fifty_calls_leave_no_task_socket_or_descriptor_behind(redis_url: str) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async with running(redis_url) as rig:
        counts: list[tuple[int, int]] = []
        for number in range(50):
            caller = rig.caller()
            call = await rig.ring(caller)
            await caller.hears_agent(3)
            if number % 3 == 0:
                call.drop_stream()
            elif number % 3 == 1:
                await caller.press("5#", gap_ms=20)
                await until(lambda: bool(rig.events("turn_latency", turn=1)))
                rig.logs.clear()
                await caller.hang_up()
            else:
                await caller.hang_up()
            await rig.over(call)
            counts.append((len(asyncio.all_tasks()), descriptors()))
        tasks, files = zip(*counts[10:], strict=True)
        assert max(tasks) <= counts[9][0] + 3
        assert max(files) <= counts[9][1] + 3
        assert tasks[-1] <= tasks[0] + 1 and files[-1] <= files[0] + 1
