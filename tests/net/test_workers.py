"""Workers as processes: replaced when they die, asked to end together, on one port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.net import worker_process
from tests.net.rig import until
from voicecore.errors import LocalError
from voicecore.net.workers import Patience, Start, reserved_port, started, supervise

QUICK = Patience(first_s=0.05, longest_s=0.2, drain_s=5.0, kill_s=5.0)
START_S = 30.0


def pids(folder: Path, number: int) -> list[int]:
    return [int(path.suffix[1:]) for path in folder.glob(f"{number}.*")]


@contextlib.asynccontextmanager
async def supervised(
    start: Start, count: int, patience: Patience = QUICK
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(supervise(start, count, stop, patience=patience))
        try:
            yield stop
        finally:
            stop.set()


def starting(target: Callable[..., None], *arguments: object) -> Start:
    return lambda number: started(target, *arguments, number)


async def test_a_worker_that_dies_is_replaced_and_all_are_drained_at_the_end(
    tmp_path: Path,
) -> None:
    async with supervised(starting(worker_process.live, str(tmp_path)), 2):
        await until(lambda: bool(pids(tmp_path, 1) and pids(tmp_path, 2)), START_S)
        os.kill(pids(tmp_path, 1)[0], signal.SIGKILL)
        await until(lambda: len(pids(tmp_path, 1)) == 2, START_S)
        assert len(pids(tmp_path, 2)) == 1
        # Its handler for the end is installed right after the file.
        await asyncio.sleep(0.2)
    assert {path.name for path in tmp_path.glob("drained*")} == {"drained 1", "drained 2"}
    for pid in (*pids(tmp_path, 1), *pids(tmp_path, 2)):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.slow
async def test_a_worker_that_cannot_live_is_started_again_ever_more_slowly(tmp_path: Path) -> None:
    patience = Patience(first_s=0.2, longest_s=100.0, drain_s=5.0)
    async with supervised(starting(worker_process.fail, str(tmp_path)), 1, patience):
        await until(lambda: len(pids(tmp_path, 1)) == 4, START_S)
        began_at = asyncio.get_running_loop().time()
        await until(lambda: len(pids(tmp_path, 1)) == 5, START_S)
        assert asyncio.get_running_loop().time() - began_at >= 1.5


@pytest.mark.slow
async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    patience = Patience(drain_s=0.3, kill_s=5.0)
    async with supervised(starting(worker_process.ignore, str(tmp_path)), 1, patience):
        await until(lambda: bool(pids(tmp_path, 1)), START_S)
    with pytest.raises(ProcessLookupError):
        os.kill(pids(tmp_path, 1)[0], 0)


@pytest.mark.slow
async def test_workers_share_a_reserved_port(tmp_path: Path) -> None:
    with reserved_port("127.0.0.1", 0) as port:
        async with supervised(starting(worker_process.answer, str(tmp_path), port), 2):
            await until(lambda: bool(pids(tmp_path, 1) and pids(tmp_path, 2)), START_S)
            answers = [await asyncio.to_thread(partial(_greeting, port)) for _ in range(60)]
        assert set(answers) == {b"1", b"2"}


def test_a_port_of_somebody_else_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LocalError, match=f"port {port}"), reserved_port("127.0.0.1", port):
            pass


def _greeting(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        return connection.recv(10)
