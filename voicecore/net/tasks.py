"""Where tasks are started: named, kept, and never failing unseen.

Nothing else in the product calls `asyncio.create_task`. A `TaskSet` belongs to one owner (a call,
a connection, a worker) and ends with it; `race` runs a few coroutines as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog

from voicecore.errors import LocalError

log = structlog.get_logger()

CANCEL_TIMEOUT_S = 5.0
"""A task that has not ended this long after its cancellation is reported and left behind."""

T = TypeVar("T")


class TaskSet:
    """The tasks of one owner.

    `on_error(name, error)` is called once for every task that ends with an exception; without it
    the error is logged. A task that was cancelled has not failed.
    """

    def __init__(self, on_error: Callable[[str, Exception], None] | None = None) -> None:
        self._on_error = on_error or _log_error
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def spawn(self, coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T | None]:
        """Start `coro` as a task; its result is None where it failed.

        Raises:
            LocalError: the set is closed; `coro` is closed too, unstarted.
        """
        if self._closed:
            coro.close()
            raise LocalError(f"the task set is closed: {name}")
        task = asyncio.create_task(self._guard(coro, name), name=name)  # noqa: TID251 -- the one place
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never awaits what it was given.
        task.add_done_callback(lambda _: coro.close())
        return task

    async def cancel_all(self, timeout_s: float = CANCEL_TIMEOUT_S) -> None:
        """Cancel every task but the calling one and wait until they have ended.

        Tasks that these start on their way out are cancelled too. The set can be used again.
        """
        caller = asyncio.current_task()
        deadline = asyncio.get_running_loop().time() + timeout_s
        while tasks := self._tasks - {caller}:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                for task in tasks:
                    self._on_error(
                        task.get_name(), TimeoutError("the task ignores its cancellation")
                    )
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=left_s)

    async def join(self, timeout_s: float) -> None:
        """Wait until every task has ended by itself; cancel those that take longer."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._tasks and (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks, timeout=left_s)
        await self.cancel_all()

    async def close(self) -> None:
        """Cancel every task and refuse new ones; harmless when repeated."""
        self._closed = True
        await self.cancel_all()

    async def _guard(self, coro: Coroutine[Any, Any, T], name: str) -> T | None:
        try:
            return await coro
        except Exception as error:
            self._report(name, error)
            return None

    def _report(self, name: str, error: Exception) -> None:
        try:
            self._on_error(name, error)
        except Exception as second:
            _log_error(name, error)
            _log_error(f"{name}: on_error", second)


async def race(*coros: Coroutine[Any, Any, T], name: str) -> T:
    """Run `coros` side by side until the first ends; cancel the others and await their end.

    Returns the result of the first, or raises what it raised; of several that ended together the
    earliest argument counts.
    """
    tasks = [
        asyncio.create_task(coro, name=f"{name}.{index}")  # noqa: TID251 -- the one place
        for index, coro in enumerate(coros)
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for coro in coros:
            coro.close()
    return next(task for task in tasks if task in done).result()


def _log_error(name: str, error: Exception) -> None:
    log.error(
        "task_failed", task=name, error=type(error).__name__, reason=str(error), exc_info=error
    )
