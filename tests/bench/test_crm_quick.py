"""The CRM's bench runs by itself and reports everything that it promises to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATIONS = (
    "look-up, cached", "look-up, cold", "history", "by name", "by VIN", "by plate", "free slots",
    "update contact", "hold, confirm, cancel",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_quick_run_writes_every_figure(tmp_path: Path) -> None:
    path = tmp_path / "crm.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.crm", "--quick", "--json", str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(path.read_text())
    assert report["quick"] is True
    assert report["rows"]["customers"] == 10_000
    assert report["rows"]["vehicles"] == 16_000
    assert 0 < report["seed_s"] < 60
    figures = report["figures"]
    assert [row["name"] for row in figures[::3]] == list(OPERATIONS)
    assert [row["callers"] for row in figures] == [1, 50, 50] * len(OPERATIONS)
    for row in figures:
        assert row["n"] > 0
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"] <= row["max_ms"]
    targets = {row["name"]: row["target_ms"] for row in figures if row["target_ms"]}
    assert targets["look-up, cached"] == 2.0
    assert targets["look-up, cold"] == 30.0
    assert report["cache"]["hits"] > report["cache"]["misses"]
    for word in (*OPERATIONS, "seed:", "commit"):
        assert word in done.stdout
