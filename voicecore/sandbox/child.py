"""Server processes on loopback that never outlive the process that started them."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
_EXIT_WAIT_S = 5.0

# The shell reads one line per change and sees the end of its input when the parent is gone, however
# it went. It ignores the terminal's signals, so Ctrl-C cannot end it before its work is done.
_SCRIPT = r"""
trap '' INT TERM HUP QUIT
watched=
while read -r line; do watched=$line; done
[ "$watched" = done ] && exit 0
if [ -n "$watched" ]; then
  kill "-$1" "$watched" 2>/dev/null
  waited=0
  while kill -0 "$watched" 2>/dev/null && [ "$waited" -lt 60 ]; do
    sleep 0.1
    waited=$((waited + 1))
  done
  kill -KILL "$watched" 2>/dev/null
fi
shift
rm -rf -- "$@"
exit 0
"""


class ChildError(RuntimeError):
    """A server could not be found, started or stopped; the message ends with its last log lines."""

    def __init__(self, server: str, reason: str, log: str = "") -> None:
        super().__init__(server, reason, log)
        self.server = server
        self.reason = reason
        self.log = log

    def __str__(self) -> str:
        text = f"{self.server}: {self.reason}"
        return f"{text}\n{self.log}" if self.log else text


class Guardian:
    """A small shell that ends a server and removes its folders when this process dies.

    It sleeps on a pipe whose other end only this process holds, so `kill -9` of this process wakes
    it as surely as a normal exit. `release` sends it home without any clean-up.
    """

    __slots__ = ("_shell",)

    def __init__(self, folders: Sequence[Path], end_signal: signal.Signals) -> None:
        name = end_signal.name.removeprefix("SIG")
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "guardian", name, *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def watch(self, pid: int | None) -> None:
        """Name the process to end with us; None: there is none now."""
        self._tell("" if pid is None else str(pid))

    def release(self) -> None:
        """End the guardian; nothing is cleaned up."""
        self._tell("done")
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait(_EXIT_WAIT_S)

    def _tell(self, line: str) -> None:
        if self._shell.stdin is not None:
            self._shell.stdin.write(f"{line}\n".encode())


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that was free a moment ago; callers retry when it is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def end_process(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn until the process ends; every wait is in seconds.

    Raises:
        ChildError: it survived them all.
    """
    for number, wait_s in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        raise ChildError(str(process.args), "does not end")
