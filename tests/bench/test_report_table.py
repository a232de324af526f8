from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.report_table import figures_of, machine_facts, percentile, show, write_report


def test_percentiles_are_values_that_were_measured() -> None:
    ordered = [float(n) for n in range(1, 101)]
    assert [percentile(ordered, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([1.0, 2.0], 0.5) == 1.0
    assert percentile([1.0, 2.0, 3.0], 0.0) == 1.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_reached_by_its_share(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= share * len(ordered) * (1 - 1e-9)


@pytest.mark.parametrize(("target_ms", "is_met"), [(None, True), (10.0, True), (5.0, False)])
def test_a_target_is_held_against_p99(target_ms: float | None, is_met: bool) -> None:
    figures = figures_of("x", [1.0, 9.0], callers=2, took_s=2.0, target_ms=target_ms)
    assert (figures.p99_ms, figures.max_ms, figures.per_s) == (9.0, 9.0, 1.0)
    assert figures.is_met is is_met


def test_table_and_file_hold_the_same_figures(tmp_path: Path) -> None:
    figures = [
        figures_of("look-up", [2.0, 1.0], callers=50, took_s=1.0, target_ms=1.5),
        figures_of("history", [4.25], callers=1, took_s=1.0),
    ]
    out = io.StringIO()
    show(Console(file=out, width=140), "a title", figures)
    for word in ("a title", "look-up", "history", "2.00", "< 1.5", "4.25"):
        assert word in out.getvalue()
    write_report(tmp_path / "x.json", "crm", figures, {"quick": True})
    report = json.loads((tmp_path / "x.json").read_text())
    assert (report["bench"], report["quick"]) == ("crm", True)
    assert [row["is_met"] for row in report["figures"]] == [False, True]
    assert report["figures"][0]["p50_ms"] == 1.0


def test_a_report_says_where_and_on_what_it_was_measured() -> None:
    facts = machine_facts()
    assert set(facts) == {"cpu", "cores", "system", "python", "commit", "at"}
    assert facts["cpu"]
