"""The main functions of processes that a test supervises; a new interpreter imports only this."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path


def live(folder: str, number: int) -> None:
    """Leave a file named after the process, and end when asked to, which leaves another one."""
    Path(folder, f"{number}.{os.getpid()}").touch()
    signal.signal(signal.SIGTERM, lambda *_: leave(folder, number))
    while True:
        time.sleep(0.01)


def leave(folder: str, number: int) -> None:
    """Note that the end was asked for."""
    Path(folder, f"drained {number}").touch()
    os._exit(0)


def fail(folder: str, number: int) -> None:
    """Die at once."""
    Path(folder, f"{number}.{os.getpid()}").touch()
    os._exit(7)


def ignore(folder: str, number: int) -> None:
    """Do not end when asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(folder, f"{number}.{os.getpid()}").touch()
    while True:
        time.sleep(0.01)


def answer(folder: str, port: int, number: int) -> None:
    """Share a port: greet everybody by number."""
    with socket.create_server(("127.0.0.1", port), reuse_port=True) as server:
        Path(folder, f"{number}.{os.getpid()}").touch()
        while True:
            connection, _ = server.accept()
            connection.sendall(str(number).encode())
            connection.close()
