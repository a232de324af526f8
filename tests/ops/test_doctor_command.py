"""`cli.py doctor` from end to end, as an engineer runs it on a fresh machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def doctor(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "doctor", "--json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_on_stand_ins_everything_works(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    told = json.loads(done.stdout)
    assert [one["name"] for one in told["findings"] if not one["ok"]] == []
    assert done.returncode == 0 and told["ok"] and len(told["findings"]) == 13


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_what_does_not_work_is_told_and_fails(tmp_path: Path) -> None:
    done = doctor(
        tmp_path,
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        DEEPGRAM_API_KEY="wrong",
        DEEPGRAM_SPEAK_URL="ws://127.0.0.1:1/v1/speak",
    )
    told = json.loads(done.stdout)
    failed = {one["name"] for one in told["findings"] if not one["ok"]}
    assert done.returncode == 1 and not told["ok"]
    assert {"postgres", "migrations", "deepgram", "public url"} <= failed
    assert all(one["advice"] for one in told["findings"] if not one["ok"])
