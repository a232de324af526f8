"""What every bench reports: latencies as percentiles, the machine, a table and a JSON file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

PIPE_COLUMNS = 120
_GIT_DEADLINE_S = 5.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One line of a report; latencies in ms, `target_ms` is the most that p99 may be, if known."""

    name: str
    callers: int
    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    per_s: float
    target_ms: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether p99 is within the target; without a target it always is."""
        return self.target_ms is None or self.p99_ms <= self.target_ms


def figures_of(
    name: str,
    latencies_ms: Sequence[float],
    *,
    callers: int,
    took_s: float,
    target_ms: float | None = None,
) -> Figures:
    """Return the figures of at least one latency, measured in `took_s` in all."""
    ordered = sorted(latencies_ms)
    return Figures(
        name=name,
        callers=callers,
        n=len(ordered),
        p50_ms=percentile(ordered, 0.50),
        p95_ms=percentile(ordered, 0.95),
        p99_ms=percentile(ordered, 0.99),
        max_ms=ordered[-1],
        per_s=len(ordered) / took_s,
        target_ms=target_ms,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the sorted values reach.

    Source: nearest-rank method, so that the value was really measured.
    """
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(0, min(rank, len(ordered)) - 1)]


def machine_facts() -> dict[str, object]:
    """Return where and on which state of the code a bench ran."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": _commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def report_console() -> Console:
    """Return the terminal; a file or a pipe is as wide as the tables need."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_COLUMNS)


def show(console: Console, title: str, figures: Iterable[Figures]) -> None:
    """Print the figures as a table; p99 is green or red where there is a target."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("operation")
    for heading in ("callers", "n", "p50 ms", "p95 ms", "p99 ms", "max ms", "per s", "target"):
        table.add_column(heading, justify="right")
    for row in figures:
        table.add_row(
            row.name,
            str(row.callers),
            f"{row.n:,}",
            f"{row.p50_ms:.2f}",
            f"{row.p95_ms:.2f}",
            _coloured(row),
            f"{row.max_ms:.2f}",
            f"{row.per_s:,.0f}",
            "" if row.target_ms is None else f"< {row.target_ms:g}",
        )
    console.print(table)


def write_report(
    path: Path, bench: str, figures: Iterable[Figures], facts: Mapping[str, object]
) -> None:
    """Write the figures, with `facts` beside them, as one JSON object."""
    report = {
        "bench": bench,
        "machine": machine_facts(),
        **facts,
        "figures": [{**asdict(row), "is_met": row.is_met} for row in figures],
    }
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def _coloured(row: Figures) -> str:
    text = f"{row.p99_ms:.2f}"
    if row.target_ms is None:
        return text
    return f"[green]{text}[/]" if row.is_met else f"[red]{text}[/]"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _commit() -> str:
    """Return the commit, with a plus where files differ from it; empty outside of a repository."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_GIT_DEADLINE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
