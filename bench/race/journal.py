"""What the callers meant to do and what they were told, written so that `kill -9` loses nothing.

A line goes out with one `write` before an operation and one after its answer. The kernel keeps what
was written when the process dies, so the file of a killed process ends with the operations whose
outcome nobody knows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

SUFFIX = ".journal"
# Every line of an operation's begin holds this, which lets them be counted without being parsed.
TRY_MARK = b'"kind":"try"'


class Kind(StrEnum):
    """What a line says."""

    TRY = "try"  # an operation begins
    ACK = "ack"  # it was answered
    LOST = "lost"  # it failed, and may have been done
    END = "end"  # the caller is through with this intent


class Op(StrEnum):
    """The operations that race; a hold that is left to expire is none."""

    HOLD = "hold"
    CONFIRM = "confirm"
    RELEASE = "release"
    MOVE = "move"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line.

    `at_ns` is the system-wide monotonic clock. `number` ties try and answer together within one
    file. In a try, `key` and `start` say what was asked; in an ack, `key` names the hold,
    `appointment_id` the booking, and both empty mean no: taken, expired, no such appointment.
    """

    at_ns: int
    kind: Kind
    intent: str
    op: Op | None = None
    number: int = 0
    key: str = ""
    start: str = ""
    appointment_id: int = 0


class Journal:
    """One process's file; lines are never changed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._number = 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def tried(
        self, intent: str, op: Op, *, key: str = "", start: str = "", appointment_id: int = 0
    ) -> int:
        """Write that an operation begins; return its number."""
        self._number += 1
        self._write(
            kind=Kind.TRY,
            intent=intent,
            op=op,
            number=self._number,
            key=key,
            start=start,
            appointment_id=appointment_id,
        )
        return self._number

    def acked(
        self, intent: str, op: Op, number: int, *, key: str = "", appointment_id: int = 0
    ) -> None:
        """Write what the caller was told."""
        self._write(
            kind=Kind.ACK,
            intent=intent,
            op=op,
            number=number,
            key=key,
            appointment_id=appointment_id,
        )

    def lost(self, intent: str, op: Op, number: int) -> None:
        """Write that there was no answer."""
        self._write(kind=Kind.LOST, intent=intent, op=op, number=number)

    def ended(self, intent: str) -> None:
        """Write that nothing more will be done for an intent."""
        self._write(kind=Kind.END, intent=intent)

    def _write(self, **fields: Any) -> None:
        # Defaults are left out: a run writes a quarter of a million lines.
        told = {name: value for name, value in fields.items() if value or name == "kind"}
        os.write(self._file, orjson.dumps({"at_ns": time.monotonic_ns(), **told}) + b"\n")


def read_journal(path: Path) -> Iterator[Entry]:
    """Yield the lines of one file; a torn last line is left out."""
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            return
        item = orjson.loads(line)
        item["kind"] = Kind(item["kind"])
        if "op" in item:
            item["op"] = Op(item["op"])
        yield Entry(**item)


def read_journals(folder: Path, names: str = "*") -> list[tuple[str, Entry]]:
    """Return (file, line) of the files whose names match, in the order of time."""
    files = sorted(folder.glob(names + SUFFIX))
    lines = [(path.name, entry) for path in files for entry in read_journal(path)]
    return sorted(lines, key=lambda line: line[1].at_ns)
