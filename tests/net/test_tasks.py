"""Tasks are kept, named and reported; none outlives its owner."""

from __future__ import annotations

import asyncio
import gc

import pytest
import structlog

from voicecore.errors import LocalError
from voicecore.net.tasks import TaskSet, race


class Failures:
    """What a task set reported."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Exception]] = []

    def __call__(self, name: str, error: Exception) -> None:
        self.seen.append((name, error))


async def fail(message: str = "broken") -> None:
    await asyncio.sleep(0)
    raise RuntimeError(message)


async def forever() -> None:
    await asyncio.Event().wait()


async def value(result: int, steps: int = 1) -> int:
    for _ in range(steps):
        await asyncio.sleep(0)
    return result


async def test_a_task_gives_its_result() -> None:
    async with TaskSet() as tasks:
        task = tasks.spawn(value(7), name="seven")
        assert task.get_name() == "seven"
        assert len(tasks) == 1
        assert await task == 7
        await asyncio.sleep(0)
        assert len(tasks) == 0


async def test_a_failure_is_reported_once_with_its_name() -> None:
    failures = Failures()
    async with TaskSet(failures) as tasks:
        assert await tasks.spawn(fail(), name="breaker") is None
    assert [(name, str(error)) for name, error in failures.seen] == [("breaker", "broken")]


async def test_without_a_callback_a_failure_is_logged() -> None:
    with structlog.testing.capture_logs() as logs:
        async with TaskSet() as tasks:
            await tasks.spawn(fail(), name="breaker")
    assert [(entry["event"], entry["task"]) for entry in logs] == [("task_failed", "breaker")]


async def test_a_failing_callback_hides_nothing() -> None:
    def broken(name: str, error: Exception) -> None:
        raise ValueError("callback")

    with structlog.testing.capture_logs() as logs:
        async with TaskSet(broken) as tasks:
            await tasks.spawn(fail(), name="breaker")
    assert [entry["error"] for entry in logs] == ["RuntimeError", "ValueError"]


async def test_a_task_is_kept_though_nobody_else_holds_it() -> None:
    started = asyncio.Event()
    ended = asyncio.Event()

    async def waits() -> None:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async with TaskSet() as tasks:
        tasks.spawn(waits(), name="waits")
        await started.wait()
        gc.collect()
        assert len(tasks) == 1
        assert not ended.is_set()
    assert ended.is_set()


async def test_cancelling_reports_nothing_and_leaves_nothing() -> None:
    failures = Failures()
    tasks = TaskSet(failures)
    spawned = [tasks.spawn(forever(), name=f"task {index}") for index in range(3)]
    await tasks.cancel_all()
    assert len(tasks) == 0
    assert all(task.cancelled() for task in spawned)
    assert failures.seen == []
    assert await tasks.spawn(value(1), name="again") == 1


async def test_a_task_that_never_ran_is_closed() -> None:
    """A never-awaited coroutine would raise a warning, which fails the suite."""
    tasks = TaskSet()
    tasks.spawn(forever(), name="unstarted").cancel()
    await tasks.cancel_all()
    gc.collect()


async def test_tasks_started_during_the_cancellation_are_cancelled_too() -> None:
    tasks = TaskSet()

    async def parting() -> None:
        try:
            await forever()
        finally:
            tasks.spawn(forever(), name="late")

    tasks.spawn(parting(), name="parting")
    await asyncio.sleep(0)
    await tasks.cancel_all()
    assert len(tasks) == 0


async def test_a_task_may_cancel_the_others() -> None:
    tasks = TaskSet()
    other = tasks.spawn(forever(), name="other")
    await tasks.spawn(tasks.cancel_all(), name="cancels")
    assert other.cancelled()


async def test_a_task_that_ignores_its_cancellation_is_reported() -> None:
    failures = Failures()
    tasks = TaskSet(failures)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = tasks.spawn(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    await tasks.cancel_all(timeout_s=0.05)
    assert [name for name, _ in failures.seen] == ["stubborn"]
    release.set()
    await task


async def test_joining_waits_for_the_tasks() -> None:
    tasks = TaskSet()
    quick = tasks.spawn(value(3), name="quick")
    await tasks.join(timeout_s=1.0)
    assert quick.result() == 3
    slow = tasks.spawn(forever(), name="slow")
    await tasks.join(timeout_s=0.02)
    assert slow.cancelled()


async def test_a_closed_set_refuses_tasks() -> None:
    tasks = TaskSet()
    await tasks.close()
    await tasks.close()
    with pytest.raises(LocalError):
        tasks.spawn(forever(), name="late")
    gc.collect()


async def test_the_first_to_end_wins_and_the_others_are_cancelled() -> None:
    before = asyncio.all_tasks()
    assert await race(value(1, steps=5), value(2), name="race") == 2
    assert asyncio.all_tasks() == before


async def test_of_two_that_end_together_the_first_argument_counts() -> None:
    assert await race(value(1), value(2), name="race") == 1


async def test_a_failure_wins_too() -> None:
    async def slow() -> None:
        await forever()

    with pytest.raises(RuntimeError, match="broken"):
        await race(slow(), fail(), name="race")


async def test_a_cancelled_race_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    runner = asyncio.get_running_loop().create_task(race(forever(), forever(), name="race"))
    await asyncio.sleep(0)
    runner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await runner
    assert asyncio.all_tasks() == before
