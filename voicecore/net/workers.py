"""Several workers on one port: started, replaced when they die, and drained together.

One worker is one process on one core. All of them listen on the same port (`SO_REUSEPORT`), and
the kernel deals new connections out among them; a port that is reserved here stays ours while none
of them listens. Workers share nothing but PostgreSQL and Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import structlog

from voicecore.errors import LocalError
from voicecore.net.tasks import TaskSet

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """When a worker that died is started again, and how long a drain may take; in seconds.

    The wait doubles from `first_s` to `longest_s` and starts over with a worker that lived for
    `stable_s`.
    """

    first_s: float = 0.5
    longest_s: float = 15.0
    stable_s: float = 30.0
    drain_s: float = 900.0
    kill_s: float = 10.0


Start = Callable[[int], BaseProcess]
"""Starts worker number so-and-so, counted from 1."""


@contextlib.contextmanager
def reserved_port(host: str, port: int) -> Iterator[int]:
    """Keep `port` (0: any) for workers that listen with `SO_REUSEPORT`; yields its number.

    Raises:
        LocalError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        try:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind((host, port))
        except OSError as error:
            raise LocalError(f"port {port} cannot be had: {error.strerror}") from error
        yield holder.getsockname()[1]


async def supervise(
    start: Start, count: int, stop: asyncio.Event, *, patience: Patience | None = None
) -> None:
    """Keep `count` workers running until `stop`; then let each finish its calls."""
    async with TaskSet() as tasks:
        keepers = [
            tasks.spawn(_keep(start, number, stop, patience or Patience()), name=f"worker_{number}")
            for number in range(1, count + 1)
        ]
        await asyncio.wait(keepers)


async def _keep(start: Start, number: int, stop: asyncio.Event, patience: Patience) -> None:
    loop = asyncio.get_running_loop()
    wait_s = patience.first_s
    while not stop.is_set():
        began_at = loop.time()
        process = start(number)
        try:
            log.info("worker_started", worker=number, pid=process.pid)
            await _ended_or(process, stop)
        finally:
            await _end(process, number, patience)
        if stop.is_set():
            return
        if loop.time() - began_at >= patience.stable_s:
            wait_s = patience.first_s
        log.error("worker_died", worker=number, exit_code=process.exitcode, again_in_s=wait_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await stop.wait()
        wait_s = min(2 * wait_s, patience.longest_s)


async def _ended_or(process: BaseProcess, stop: asyncio.Event) -> None:
    """Wait until the process ends or `stop` is set."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(process.sentinel, over.set)
    try:
        async with TaskSet() as tasks:
            waits = {
                tasks.spawn(over.wait(), name="worker_over"),
                tasks.spawn(stop.wait(), name="workers_stop"),
            }
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(process.sentinel)


async def _end(process: BaseProcess, number: int, patience: Patience) -> None:
    """Let a process end in peace, then end it; in the end it is gone."""
    for ask, limit_s in ((process.terminate, patience.drain_s), (process.kill, patience.kill_s)):
        if not process.is_alive():
            break
        ask()
        never = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await _ended_or(process, never)
    process.join(patience.kill_s)
    log.info("worker_ended", worker=number, exit_code=process.exitcode)


def started(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Start `target` in a new interpreter; nothing of this one is shared."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process


def stop_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` when the process that started this one is gone, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()

        def leave() -> None:
            loop.remove_reader(parent.sentinel)
            stop.set()

        loop.add_reader(parent.sentinel, leave)
