"""Figures of a bench: how they are named, judged, shown on the terminal and written as JSON.

One file for each run; `bench/report.py` reads any number of them.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from bench.report_table import machine_facts, percentile, report_console


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: a distribution (`p50` and so on) or a single `value`, never both.

    `n` is the number of events behind it; `must` and `aim` are texts, `met` says whether `must`
    holds (None: it is not judged); `counter` is the figure that has to be read beside it.
    """

    name: str
    unit: str
    n: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    value: float | None = None
    must: str = ""
    aim: str = ""
    met: bool | None = None
    counter: str = ""
    note: str = ""


def figure(
    name: str,
    unit: str,
    values: Sequence[float],
    *,
    must: str = "",
    aim: str = "",
    met: bool | None = None,
    counter: str = "",
    note: str = "",
) -> Figure:
    """Return the percentiles of `values`; without any, a figure of n = 0 that is not met."""
    ordered = sorted(values)
    shares = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0} if ordered else {}
    return Figure(
        name=name,
        unit=unit,
        n=len(ordered),
        must=must,
        aim=aim,
        met=met if ordered or met is None else False,
        counter=counter,
        note=note,
        **{key: round(percentile(ordered, share), 3) for key, share in shares.items()},
    )


def scalar(
    name: str,
    unit: str,
    value: float,
    n: int,
    *,
    must: str = "",
    aim: str = "",
    met: bool | None = None,
    counter: str = "",
    note: str = "",
) -> Figure:
    """Return a single value that `n` events stand behind."""
    return Figure(
        name=name,
        unit=unit,
        n=n,
        value=round(value, 4),
        must=must,
        aim=aim,
        met=met,
        counter=counter,
        note=note,
    )


@dataclass(slots=True, kw_only=True)
class Run:
    """What a bench ran as; `seconds` counts from its creation."""

    bench: str
    seed: int
    quick: bool
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    began_s: float = field(default_factory=time.monotonic)


def write(
    path: Path,
    run: Run,
    figures: Sequence[Figure],
    *,
    notes: Sequence[str] = (),
    rows: Sequence[Mapping[str, object]] = (),
) -> None:
    """Write one run as JSON; fields that a figure does not have are left out."""
    facts = machine_facts()
    report = {
        "bench": run.bench,
        "commit": str(facts["commit"]).replace("+", "+dirty"),
        "machine": {
            "cpu": facts["cpu"],
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "platform": facts["system"],
        },
        "seed": run.seed,
        "quick": run.quick,
        "started": run.started,
        "seconds": round(time.monotonic() - run.began_s, 1),
        "notes": list(notes),
        "figures": [_fields(item) for item in figures],
        "rows": list(rows),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def show(title: str, figures: Sequence[Figure], *, notes: Sequence[str] = ()) -> None:
    """Print the figures as a table, each beside its target and its counter-figure."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("figure", "unit"):
        table.add_column(heading)
    for heading in ("n", "p50", "p95", "p99", "max"):
        table.add_column(heading, justify="right")
    for heading in ("must", "aim", "beside it"):
        table.add_column(heading)
    for item in figures:
        colour = {True: "green", False: "red", None: "default"}[item.met]
        numbers = (item.p50, item.p95, item.p99, item.max)
        if item.value is not None:
            numbers = (item.value, None, None, None)
        cells = [f"[{colour}]{_number(value)}[/]" for value in numbers]
        table.add_row(
            item.name, item.unit, f"{item.n:,}", *cells, item.must, item.aim, item.counter
        )
    console = report_console()
    console.print(table)
    for note in notes:
        console.print(note, style="dim", markup=False)


def _fields(item: Figure) -> dict[str, object]:
    judged = ("must", "aim", "met", "counter", "note")
    return {key: value for key, value in asdict(item).items() if value is not None or key in judged}


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
