"""What a run of scenarios shows: a table while it goes on, and JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.simulate.suite import ScenarioResult

_SHOWN_ROWS = 3


def show(console: Console, results: Sequence[ScenarioResult], *, repeat: int) -> None:
    """Print a line for each scenario, and what went wrong."""
    rates = ("pass@1", f"pass^{repeat}") if repeat > 1 else ()
    table = Table("scenario", "passed", *rates, "turns", "tools", "call s", "end state", box=None)
    for result in results:
        last = result.runs[-1]
        style = "" if result.is_green else "red"
        table.add_row(
            result.name,
            f"{result.passed}/{len(result.runs)}",
            *([f"{result.pass_hat(k):.3f}" for k in (1, repeat)] if rates else ()),
            str(last.turns),
            str(len(last.tools)),
            f"{last.duration_s:.1f}",
            _end_state(result),
            style=style,
        )
    console.print(table)
    for result in results:
        failed = next((run for run in result.runs if run.problems), None)
        if failed is not None:
            console.print(f"[red]{result.name}[/red], seed {failed.seed}: {result.about}")
            for problem in failed.problems:
                console.print(f"  {escape(problem)}")
            console.print(escape(failed.transcript()), highlight=False)
    green = sum(result.is_green for result in results)
    calls = sum(len(result.runs) for result in results)
    console.print(f"{green} of {len(results)} scenarios passed, {calls} calls")
    if repeat > 1:
        once, always = (_mean(results, k) for k in (1, repeat))
        console.print(f"overall: pass@1 {once:.3f}, pass^{repeat} {always:.3f}")


def write_json(path: Path, results: Sequence[ScenarioResult]) -> None:
    """Write `{"scenarios": [...]}`; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"scenarios": [result.as_json() for result in results]}
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _mean(results: Sequence[ScenarioResult], k: int) -> float:
    return sum(result.pass_hat(k) for result in results) / len(results)


def _end_state(result: ScenarioResult) -> str:
    last = result.runs[-1]
    rows = [
        f"{service} {start:%a %H:%M} {status}"
        for _, _, service, start, status in last.rows.appointments[:_SHOWN_ROWS]
    ]
    return "; ".join([str(last.rows.outcome), *rows])
