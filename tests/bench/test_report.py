"""From the JSON of the benches to the pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report import BEGIN, END, full_page, judged_table, newest, put, read
from bench.results import Run, figure, scalar, write


def report(path: Path, *, quick: bool = False, value: float = 3.0) -> Path:
    figures = [
        figure("delay", "ms", [1, 2, 3], must="p95 <= 2", met=False, counter="0.1 false/min"),
        scalar("calls", "calls", value, 2),
    ]
    write(path, Run(bench="sample", seed=7, quick=quick), figures, notes=["flatters"])
    return path


def test_a_full_run_goes_before_a_quick_one(tmp_path: Path) -> None:
    report(tmp_path / "a.json", value=4.0)
    report(tmp_path / "b.json", quick=True, value=5.0)
    (tmp_path / "c.json").write_text("{}", "utf-8")
    [only] = newest(read([tmp_path]))
    assert not only["quick"]
    assert only["figures"][1]["value"] == 4.0


def test_every_figure_is_on_the_page_and_those_with_a_target_in_the_readme(tmp_path: Path) -> None:
    reports = read([report(tmp_path / "a.json")])
    page, table = full_page(reports), judged_table(reports)
    assert "| delay | p50 2, p95 3, p99 3, max 3 ms, n = 3 **missed** | p95 <= 2 |" in page
    assert "| calls | 3 calls, n = 2 |" in page and "- flatters" in page and "seed 7" in page
    assert "0.1 false/min" in table and "calls" not in table


def test_only_the_part_between_the_markers_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    put(page, "new")
    assert page.read_text("utf-8") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("none", "utf-8")
    with pytest.raises(ValueError, match=r"page\.md"):
        put(page, "new")


def test_a_file_that_is_no_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[", "utf-8")
    with pytest.raises(ValueError, match=r"x\.json"):
        read([tmp_path / "x.json"])
    (tmp_path / "y.json").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match=r"y\.json"):
        read([tmp_path / "y.json"])
