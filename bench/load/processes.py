"""A server under test in a process of its own, pinned to one core, with its meter."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOP_WAIT_S = 10.0
_LOG_TAIL_BYTES = 3_000


class LoadError(RuntimeError):
    """The bench could not be run, so it says nothing about what it was to measure."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used since its start; memory is what it holds now."""

    at_s: float
    cpu_s: float
    switches: int
    rss_kb: int


class PinnedProcess:
    """A process on `core`; it ends with us, whatever happens to us. Its output goes to `log`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cores: frozenset[int],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["env", *(f"{name}={value}" for name, value in environment.items()), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=folder,
                preexec_fn=lambda: _settle(cores),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def pids(self) -> list[int]:
        """Return its id and those of all its descendants."""
        found = [self.pid]
        for pid in found:
            try:
                tasks = list(Path(f"/proc/{pid}/task").iterdir())
                for task in tasks:
                    found += map(int, (task / "children").read_text().split())
            except OSError:
                continue
        return found

    def usage(self, pids: Sequence[int] | None = None) -> Usage:
        """Read its meter; of all its processes together unless `pids` are named."""
        cpu_ns = switches = rss_kb = 0
        for pid in self.pids() if pids is None else pids:
            one = process_usage(pid)
            cpu_ns += round(one.cpu_s * 1e9)
            switches += one.switches
            rss_kb += one.rss_kb
        return Usage(time.monotonic(), cpu_ns / 1e9, switches, rss_kb)

    def check(self) -> None:
        """Make sure that it runs.

        Raises:
            LoadError: it has ended.
        """
        if self._process.poll() is not None:
            tail = self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
            raise LoadError(f"the server ended with status {self._process.returncode}:\n{tail}")

    def complaints(self) -> dict[str, int]:
        """Count the warnings and errors in its log by their event, all since its start."""
        counts: Counter[str] = Counter()
        for line in self._log.read_text("utf-8", errors="replace").splitlines():
            if '"level": "warning"' in line or '"level": "error"' in line:
                fields = json.loads(line)
                counts[f"{fields.get('event')} {fields.get('reason', '')}".strip()[:100]] += 1
        return dict(counts)

    def first_line(self) -> str:
        """Wait for the first line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, then end it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(_STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                for pid in reversed(self.pids()):
                    os.kill(pid, signal.SIGKILL)
                self._process.wait(_STOP_WAIT_S)
        self._process.stdout.close()


def process_usage(pid: int) -> Usage:
    """Read the meter of one process, all its threads together."""
    cpu_ns = switches = rss_kb = 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            cpu_ns += int((task / "schedstat").read_text().split()[0])
            switches += sum(_numbers(task / "status", "ctxt_switches"))
        rss_kb = sum(_numbers(Path(f"/proc/{pid}/status"), "VmRSS"))
    except OSError:
        pass  # It has just ended; what it used is gone with it.
    return Usage(time.monotonic(), cpu_ns / 1e9, switches, rss_kb)


def _numbers(path: Path, name: str) -> list[int]:
    return [int(line.split()[1]) for line in path.read_text().splitlines() if name in line]


def _settle(cores: frozenset[int]) -> None:
    """Run in the child: take its cores and end when the parent does."""
    os.sched_setaffinity(0, cores)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
