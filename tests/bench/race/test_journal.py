"""The journal survives what kills its process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from bench.race.journal import (
    SUFFIX,
    TRY_MARK,
    Entry,
    Journal,
    Kind,
    Op,
    read_journal,
    read_journals,
)

WRITER = """
import os, signal, sys
from pathlib import Path
from bench.race.journal import Journal, Op
journal = Journal(Path(sys.argv[1]))
for number in range(100):
    journal.tried("i", Op.HOLD, key=str(number))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / f"a{SUFFIX}"
    journal = Journal(path)
    number = journal.tried("i", Op.MOVE, start="nine", appointment_id=7)
    journal.acked("i", Op.MOVE, number, appointment_id=8)
    journal.lost("i", Op.CANCEL, 2)
    journal.ended("i")
    journal.close()
    tried, acked, lost, ended = read_journal(path)
    assert tried == Entry(
        at_ns=tried.at_ns,
        kind=Kind.TRY,
        intent="i",
        op=Op.MOVE,
        number=1,
        start="nine",
        appointment_id=7,
    )
    assert (acked.kind, acked.number, acked.appointment_id) == (Kind.ACK, 1, 8)
    assert (lost.kind, lost.op, ended.kind) == (Kind.LOST, Op.CANCEL, Kind.END)
    assert tried.at_ns <= acked.at_ns <= lost.at_ns <= ended.at_ns
    assert path.read_bytes().count(TRY_MARK) == 1


def test_a_killed_process_leaves_every_line(tmp_path: Path) -> None:
    path = tmp_path / f"a{SUFFIX}"
    ended = subprocess.run([sys.executable, "-c", WRITER, str(path)], timeout=20, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [entry.key for entry in read_journal(path)] == [str(number) for number in range(100)]


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / f"a{SUFFIX}"
    journal = Journal(path)
    journal.tried("i", Op.HOLD)
    journal.close()
    with path.open("ab") as file:
        file.write(path.read_bytes()[: path.stat().st_size // 2])
    assert len(list(read_journal(path))) == 1


def test_several_journals_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    first, second = Journal(tmp_path / f"b{SUFFIX}"), Journal(tmp_path / f"a{SUFFIX}")
    first.tried("i", Op.HOLD)
    second.tried("j", Op.HOLD)
    first.ended("i")
    for journal in (first, second):
        journal.close()
    assert [name for name, _ in read_journals(tmp_path)] == [
        f"b{SUFFIX}",
        f"a{SUFFIX}",
        f"b{SUFFIX}",
    ]
    assert {name for name, _ in read_journals(tmp_path, "a*")} == {f"a{SUFFIX}"}
