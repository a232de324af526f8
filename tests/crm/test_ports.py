"""The CRM fits the dialog's ports by shape, as neither imports the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASSIGNMENT = """\
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import asyncpg

from crm.directory import CallerRecord, CrmDirectory
from voicecore.dialog import ports


def directory(pool: asyncpg.Pool) -> ports.Directory:
    return CrmDirectory(pool, zone=ZoneInfo("America/Chicago"))


def records(found: Sequence[CallerRecord]) -> Sequence[ports.CallerRecord]:
    return found
"""


def test_the_directory_has_the_shape_of_its_port(tmp_path: Path) -> None:
    file = tmp_path / "assignment.py"
    file.write_text(ASSIGNMENT)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", "--strict", "--follow-imports=silent",
         "--disable-error-code=import-untyped", f"--cache-dir={tmp_path / 'cache'}", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=55, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
