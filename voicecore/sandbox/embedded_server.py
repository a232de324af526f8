"""A server process on a port of its own: started, awaited, crashed and stopped the same way."""

from __future__ import annotations

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeAlias

from voicecore.sandbox.child import ChildError, Guardian, end_process, free_port

_POLL_S = 0.005
_PORT_TRIES = 5
_LOG_TAIL_BYTES = 2000

# Each is sent in turn, and waited for so many seconds, until the process has ended.
Signals: TypeAlias = tuple[tuple[signal.Signals, float], ...]


class EmbeddedServer(ABC):
    """One private server on loopback; use as a context manager, or `start` and `stop`.

    Args:
        port: TCP port on 127.0.0.1; None picks a free one, which then stays the same through
            `kill` and `start`.
    """

    name: ClassVar[str]
    ready_wait_s: ClassVar[float]
    # How the server's log says that somebody else has the port.
    port_taken: ClassVar[str]
    given_up: ClassVar[Signals]

    def __init__(self, *, port: int | None = None) -> None:
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian: Guardian | None = None
        self._runtime: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        if self._port is None:
            raise ChildError(self.name, "was never started")
        return self._port

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ChildError: it is running already, cannot be found, or did not come up.
        """
        if self._process is not None:
            raise ChildError(self.name, "is running already")
        try:
            self._prepare()
            self._launch_on_some_port()
        except BaseException:
            self.stop()
            raise

    @abstractmethod
    def stop(self) -> None:
        """Stop the server and remove what is temporary. Safe to repeat."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make what the server needs before it starts."""

    @abstractmethod
    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the process, once."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether the process that was started answers."""

    def _end(self, *signals: tuple[signal.Signals, float]) -> None:
        if self._process is None:
            return
        end_process(self._process, *signals)
        self._process = None
        if self._guardian is not None:
            self._guardian.watch(None)

    def _forget_guardian(self) -> None:
        if self._guardian is not None:
            self._guardian.release()
            self._guardian = None

    def _runtime_dir(self) -> Path:
        if self._runtime is None:
            raise ChildError(self.name, "is not started")
        return self._runtime

    def _launch_on_some_port(self) -> None:
        pinned = self._port is not None
        for attempt in range(1, _PORT_TRIES + 1):
            if not pinned:
                self._port = free_port()
            reason = self._launch()
            if reason is None:
                return
            if not pinned:
                self._port = None
            log = self._log_tail()
            if pinned or attempt == _PORT_TRIES or self.port_taken not in log:
                raise ChildError(self.name, reason, log)

    def _launch(self) -> str | None:
        """Start the server once; return why it did not come up, or None."""
        self._process = self._spawn()
        if self._guardian is not None:
            self._guardian.watch(self._process.pid)
        deadline = time.monotonic() + self.ready_wait_s
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                code = self._process.returncode
                self._end()
                return f"ended with status {code} while starting"
            if self._is_ready():
                return None
            time.sleep(_POLL_S)
        self._end(*self.given_up)
        return f"not ready after {self.ready_wait_s:.0f} s"

    def _log_tail(self) -> str:
        path = self._runtime_dir() / "log"
        if not path.exists():
            return ""
        return path.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
