"""Races bookings against each other while servers and processes crash, and checks what is left.

`python -m bench.booking_race` makes 100,000 operations with 50 crashes of PostgreSQL, booking
processes and calendar workers; `--quick` a few thousand with a few. It exits with 1 where a promise
was broken. `--without` takes a safeguard out of the product, and then has to find that it is
missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench.race.checker import Fault
from bench.race.children import RaceError
from bench.race.plan import ZONE, Crashes, RacePlan
from bench.race.run import Outcome, run_race
from bench.report_table import machine_facts
from voicecore.sandbox.child import ChildError

OPERATIONS, CRASHES, CUTS = 100_000, 50, 50
QUICK_OPERATIONS, QUICK_CRASHES, QUICK_CUTS = 2_000, 5, 2
SAFEGUARDS = ("constraint", "key")
VIOLATIONS_SHOWN = 20
# Far enough ahead that every start of it can still be booked.
FIRST_DAY = timedelta(days=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a race; return the exit code: 0 all promises kept, 1 broken, 2 not run to the end."""
    options = _parser().parse_args(arguments)
    console = Console()
    with ExitStack() as stack:
        folder: Path = options.journals or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            console.print(f"{folder} is not empty", style="red", markup=False)
            return 2
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                outcome = runner.run(_until_stopped(plan_of(options), folder))
        except (RaceError, ChildError) as error:
            console.print(str(error), style="red", markup=False)
            return 2
        except (KeyboardInterrupt, asyncio.CancelledError):
            console.print("stopped; every process of the race has ended", style="red")
            return 130
    show(outcome, console)
    if options.json is not None:
        report = {"bench": "booking_race", "machine": machine_facts(), **report_of(outcome)}
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 1 if outcome.violations else 0


def plan_of(options: argparse.Namespace) -> RacePlan:
    """Turn the options of the command line into a plan."""
    quick: bool = options.quick
    sizes = (QUICK_OPERATIONS, QUICK_CRASHES, QUICK_CUTS) if quick else (OPERATIONS, CRASHES, CUTS)
    given = (options.operations, options.crashes, options.cuts)
    operations, crashes, cuts = (
        usual if wanted is None else wanted for wanted, usual in zip(given, sizes, strict=True)
    )
    return RacePlan(
        operations=operations,
        crashes=Crashes.split(crashes, cuts=cuts),
        seed=options.seed,
        first_day=(datetime.now(ZONE) + FIRST_DAY).date(),
        processes=2 if quick else 3,
        without_constraint=options.without == "constraint",
        without_key=options.without == "key",
    )


def show(outcome: Outcome, console: Console) -> None:
    """Print the figures, and the first violations."""
    figures = outcome.figures
    table = Table(title="Booking race", show_header=False)
    by_operation = ", ".join(f"{name} {n:,}" for name, n in sorted(figures.by_operation.items()))
    crashes = ", ".join(f"{name} {n}" for name, n in sorted(figures.crashes.items()))
    converged = "not" if figures.converged_s is None else f"{figures.converged_s:.1f} s"
    faults = Counter(violation.fault for violation in outcome.violations)
    for name, value in (
        ("operations", f"{figures.operations:,} ({by_operation})"),
        ("acknowledged", f"{figures.acknowledged:,}, of them refused {figures.conflicts:,}"),
        ("asked again", f"{figures.unanswered:,}, of them by a successor {figures.orphaned:,}"),
        ("crashes", f"{sum(figures.crashes.values())} ({crashes})"),
        ("cuts of the network", f"{figures.cuts:,}"),
        ("faults of Google", f"{figures.google_faults:,}"),
        ("longest time without an answer", f"{figures.longest_gap_s:.2f} s"),
        ("recovery", f"p50 {figures.recovery_p50_s:.2f} s, max {figures.recovery_max_s:.2f} s"),
        ("latency", f"p50 {figures.latency_p50_ms:.1f} ms, p99 {figures.latency_p99_ms:.1f} ms"),
        ("rate", f"{figures.operations_per_s:,.0f} operations a second"),
        ("rows", f"{figures.rows:,}, booked {figures.booked:,}, events {figures.events:,}"),
        ("calendar caught up after", converged),
        ("took", f"{figures.took_s:.0f} s"),
        *((f"VIOLATIONS: {fault}", f"{faults[fault]:,}") for fault in Fault),
    ):
        table.add_row(name, value)
    console.print(table)
    for violation in outcome.violations[:VIOLATIONS_SHOWN]:
        console.print(f"{violation.fault}: {violation.text}", style="red", markup=False)
    hidden = len(outcome.violations) - VIOLATIONS_SHOWN
    if hidden > 0:
        console.print(f"and {hidden:,} more", style="red")


def report_of(outcome: Outcome) -> dict[str, object]:
    """Return the figures and violations as JSON values."""
    faults = Counter(violation.fault for violation in outcome.violations)
    return {
        "figures": asdict(outcome.figures),
        "violations": {str(fault): faults[fault] for fault in Fault},
        "texts": [f"{violation.fault}: {violation.text}" for violation in outcome.violations],
    }


async def _until_stopped(plan: RacePlan, folder: Path) -> Outcome:
    """Run the race; a SIGTERM ends it as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_race(plan, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.booking_race", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a minute instead of ten")
    parser.add_argument("--operations", type=_count, help=f"default {OPERATIONS:,}")
    parser.add_argument("--crashes", type=_count, help=f"default {CRASHES}")
    parser.add_argument("--cuts", type=_count, help=f"of the network, default {CUTS}")
    parser.add_argument("--seed", type=int, default=1, help="of the choices of callers and crashes")
    parser.add_argument("--without", choices=SAFEGUARDS, help="take this safeguard out")
    parser.add_argument("--journals", type=Path, help="empty folder that keeps the journals")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("has to be 0 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
