"""Writes `docs/benchmarks.md` and the table of the README from the JSON files of the benches.

`python -m bench.report FILE...` (or a folder) takes the newest run of each bench; a full run goes
before a quick one. Pages are changed between their markers only, so that the text around stays.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

Report = dict[str, Any]


def main() -> int:
    """Run from the command line; 1 where a file is no report or a page has no markers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON, or a folder")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    asked = parser.parse_args()
    try:
        reports = newest(read(asked.files))
        put(asked.docs, full_page(reports))
        put(asked.readme, judged_table(reports))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def read(paths: Iterable[Path]) -> list[Report]:
    """Return the reports in files and folders.

    Raises:
        ValueError: a named file is not a report.
    """
    found: list[Report] = []
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        for file in files:
            try:
                report = json.loads(file.read_text("utf-8"))
                is_report = {"bench", "machine", "figures", "started"} <= set(report)
            except (OSError, ValueError, TypeError) as error:
                raise ValueError(f"{file}: {error}") from error
            if is_report:
                found.append(report)
            elif not path.is_dir():
                raise ValueError(f"{file}: not a report of a bench")
    return found


def newest(reports: Iterable[Report]) -> list[Report]:
    """Return one report for each bench: full before quick, then the latest."""
    best: dict[str, Report] = {}
    for report in reports:
        kept = best.get(report["bench"])
        if kept is None or _rank(report) > _rank(kept):
            best[report["bench"]] = report
    return [best[name] for name in sorted(best)]


def full_page(reports: Sequence[Report]) -> str:
    """Return every figure of every bench."""
    return "\n\n".join(_section(report) for report in reports)


def judged_table(reports: Sequence[Report]) -> str:
    """Return the figures that have a target, as one table."""
    rows = [
        _row(figure, with_bench=report["bench"])
        for report in reports
        for figure in report["figures"]
        if figure.get("must")
    ]
    head = ["| bench | figure | measured | must | aim | beside it |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def put(page: Path, text: str) -> None:
    """Replace what stands between the markers of a page.

    Raises:
        ValueError: the markers are not there.
    """
    before = page.read_text("utf-8")
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: no {BEGIN} and {END}")
    page.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", "utf-8")


def _rank(report: Report) -> tuple[bool, str]:
    return (not report.get("quick", False), str(report["started"]))


def _section(report: Report) -> str:
    machine = report["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"
    how = "quick run" if report.get("quick") else "full run"
    facts = f"{where}. Commit `{report['commit']}`, seed {report['seed']}, {how}"
    head = ["| figure | measured | must | aim | beside it |", "|---|---|---|---|---|"]
    notes = [f"- {note}" for note in report.get("notes", [])]
    rows = [_row(figure) for figure in report["figures"]]
    title = f"### {report['bench']}"
    table = [*head, *rows, "", *notes]
    return "\n".join([title, "", f"{facts}, {report['started']}.", "", *table]).rstrip()


def _row(figure: Report, with_bench: str = "") -> str:
    note = f" ({figure['note']})" if figure.get("note") else ""
    beside = f"{figure.get('counter', '')}{note}".strip()
    missed = " **missed**" if figure.get("met") is False else ""
    cells = [
        figure["name"],
        _measured(figure) + missed,
        figure.get("must", ""),
        figure.get("aim", ""),
        beside,
    ]
    if with_bench:
        cells.insert(0, with_bench)
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"


def _measured(figure: Report) -> str:
    count = f"n = {figure['n']:,}"
    if "value" in figure:
        return f"{figure['value']:,.4g} {figure['unit']}, {count}"
    if "p50" not in figure:
        return f"nothing, {count}"
    parts = ", ".join(f"{share} {figure[share]:,.4g}" for share in ("p50", "p95", "p99", "max"))
    return f"{parts} {figure['unit']}, {count}"


if __name__ == "__main__":
    sys.exit(main())
