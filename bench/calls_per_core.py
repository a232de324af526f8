"""How many calls one core holds, and what one call costs, beside the bare relay and a peer.

The server runs alone on one core, as `cli.py serve`; callers, providers and databases share the
other ones. Provider delays are zero, so that all of the time is the server's own. The number of
calls rises until a bound breaks:

    CPU 95 % · barge-in p99 200 ms · voice-to-voice p95 as with one call + 100 ms ·
    underruns 0.1 % of replies · no error

Run as `python -m bench.calls_per_core [--quick] [--peer relay] [--peer pipecat] [--workers 2]`.
A full run with the relay takes about 8 minutes, a quick one less than a minute.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from bench import results, svg
from bench.load.crowd import Crowd
from bench.load.figures import summary, warnings_of
from bench.load.peer import Pipecat
from bench.load.plan import COMPARED, Peer, Plan
from bench.load.processes import LoadError
from bench.load.providers import Providers
from bench.load.ramp import (
    FIRST_SETTLE_S,
    SETTLE_S,
    Step,
    at_share,
    judge,
    measure,
)
from bench.load.subjects import BareRelay, Subject, Voicecore
from bench.results import Run

BUDGET_S = 560.0
NOTES = (
    "Server alone on one core; callers, providers and databases on the other ones.",
    "Provider delays are zero; the listener makes an utterance final after 300 ms of silence.",
    "espeak-ng voices at -20 dBov over line noise at -66 dBov: synthetic onsets are sharp, which "
    "flatters barge-in.",
    "Decisive frame to clear is taken at the caller's end, from the last frame sent, so that both "
    "kernels' queues count; it holds while it stays below 20 ms.",
    "The agent speaks about half of the time, the caller a quarter; every other answer is "
    "interrupted.",
)


def main(
    json: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a plot as SVG.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One short run: a minute.")] = False,
    peer: Annotated[list[Peer] | None, typer.Option(help="Measure this too; may repeat.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Ramps; medians are reported.")] = 3,
    most: Annotated[int, typer.Option(min=1, help="Ramp no further than this.")] = 240,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes, a core for each.")] = 1,
    seed: Annotated[int, typer.Option(help="Of callers and noise.")] = 1,
) -> None:
    """Measure, print, and write what was asked for."""
    run = Run(bench="calls_per_core", seed=seed, quick=quick)
    stages = (1, 40) if quick else (1, *COMPARED, *range(100, most + 1, 20))
    plan = Plan(
        runs=1 if quick else runs,
        window_s=4.0 if quick else 8.0,
        stages=tuple(stage for stage in stages if stage <= most),
        peers=tuple(peer or ()),
        workers=workers,
        seed=seed,
        deadline_s=run.began_s + (48.0 if quick else BUDGET_S),
    )
    console = Console(stderr=True)
    try:
        uvloop.run(_measure(plan, console))
    except LoadError as error:
        console.print(f"the bench could not be run: {error}", style="red", markup=False)
        raise typer.Exit(2) from error
    figures = summary(plan)
    notes = [*NOTES, *warnings_of(plan)]
    results.show("calls per core", figures, notes=notes)
    if json is not None:
        rows = [step.row() for step in (*plan.steps, *plan.at_80)]
        results.write(json, run, figures, notes=notes, rows=rows)
    if plot is not None:
        draw(plan, plot)


async def _measure(plan: Plan, console: Console) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise LoadError("it needs two cores: one for the server, one for its callers")
    served = frozenset(cores[: min(plan.workers, len(cores) - 1)])
    if plan.workers >= len(cores):
        served = frozenset(cores[: plan.workers])
    os.sched_setaffinity(0, set(cores) - served or set(cores))
    with tempfile.TemporaryDirectory(prefix="voicecore-load-") as folder:
        async with Providers() as providers:
            for number in range(plan.runs):
                product = Voicecore(providers, Path(folder), served, plan.workers)
                await _ramp(plan, product, number, console)
                for peer in plan.peers:
                    if peer is Peer.RELAY:
                        await _ramp(
                            plan, BareRelay(providers, Path(folder), served), number, console
                        )
                    elif number == 0:
                        await _ramp(plan, Pipecat(providers, Path(folder), served), number, console)


async def _ramp(
    plan: Plan, subject: Voicecore | BareRelay | Pipecat, number: int, console: Console
) -> None:
    """Raise the number of calls until a bound breaks, then measure at 80 % of what was held."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(subject)
        crowd = await stack.enter_async_context(Crowd(subject.dial, seed=plan.seed + number))
        first: Step | None = None
        held, broke = 0, False
        for calls in _stages(plan, subject):
            if asyncio.get_running_loop().time() > plan.deadline_s:
                console.print("out of time: the ramp ends here")
                break
            settle_s = FIRST_SETTLE_S if not len(crowd) else SETTLE_S
            step = await measure(
                crowd, subject, calls, run=number, window_s=plan.window_s, settle_s=settle_s
            )
            first = first or (step if calls == 1 else None)
            step.broken = judge(step, first, plan.workers)
            plan.steps.append(step)
            console.print(_line(step), markup=False)
            if step.tally.errors:
                console.print(f"the server's log: {subject.process.complaints()}", markup=False)
            broke = broke or bool(step.broken)
            held = held if broke else calls
            # What a call costs is compared up to there, whatever the bounds say.
            if broke and (calls >= max(COMPARED) or subject.name == "pipecat"):
                break
        if subject.name == "voicecore" and held > 1:
            await _at_80(plan, crowd, subject, number, max(1, round(held * 0.8)), console)


async def _at_80(
    plan: Plan, crowd: Crowd, subject: Subject, number: int, calls: int, console: Console
) -> None:
    step = await measure(
        crowd, subject, calls, run=number, window_s=plan.window_s, settle_s=SETTLE_S
    )
    plan.at_80.append(step)
    console.print(f"at 80 %: {_line(step)}", markup=False)


def _stages(plan: Plan, subject: Subject) -> tuple[int, ...]:
    if subject.name == "relay":
        return tuple(calls for calls in plan.stages if calls in COMPARED)
    if subject.name == "pipecat":
        return tuple(calls for calls in (1, 3, 5, 7, 10, 15, 20) if calls <= max(plan.stages))
    return plan.stages


def _line(step: Step) -> str:
    tally = step.tally
    return (
        f"{step.subject} run {step.run + 1}: {step.calls} calls, CPU {step.cpu:.0%}, "
        f"{step.cpu_ms_per_call_s:.2f} ms/call-s, {step.rss_mb:.0f} MB, "
        f"clear p99 {at_share(tally.onset_to_clear, 0.99)} ms, "
        f"answer p95 {at_share(tally.voice_to_voice, 0.95)} ms, "
        f"underruns {tally.underruns}/{tally.replies}"
        + (f" -- {'; '.join(step.broken)}" if step.broken else "")
    )


def draw(plan: Plan, path: Path) -> None:
    """Draw what a call costs over the number of calls, the first run of each subject."""
    series: dict[str, list[tuple[float, float]]] = {}
    for step in plan.steps:
        if step.run == 0:
            series.setdefault(step.subject, []).append((step.calls, step.cpu_ms_per_call_s))
    svg.lines(
        path,
        "CPU for one second of a call",
        x_label="calls at once",
        y_label="ms of one core",
        series={name: [point for point in line if point[0] > 1] for name, line in series.items()},
    )


if __name__ == "__main__":
    typer.run(main)
