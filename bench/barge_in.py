"""Measures how well the agent takes turns: what stops it, how fast, and what must not.

`python -m bench.barge_in` plays calls in virtual time over the product's media plane and reducer
(`bench/speech_lab`): synthetic callers speak over the agent in noise and echo, at onsets that are
known to the sample. `--quick` takes few trials (under a minute), `--json PATH` writes the figures,
`--plot PATH` draws the delays as SVG. Thresholds were chosen on the set `tune`; what is reported is
`held-out`, with other voices, sentences and seeds; `--set tune` shows the other.

The onset is where the first 10 ms of the clean speech begin that lie within 25 dB of its level. A
voice that is not noticed within a second counts as 1000 ms.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench.barge_in_figures import figures_of_runs, onset_rows
from bench.barge_in_work import CORPORA, Job, Result, run_job
from bench.results import Run, show, write
from bench.speech_lab.noise import KINDS
from bench.svg import lines

NOTES = (
    "Synthetic speech flatters: its onsets are sharper than people's, and nobody hesitates.",
    "The listener understands every word; its delays are drawn from published ranges.",
    "On a real phone the network adds its delay twice to the stop that the caller hears.",
)
ECHO_MS = (60.0, 120.0, 200.0, 300.0, 400.0)
ERL_DB = (20.0, 25.0, 30.0, 40.0)
FALSE_START_NOISES = (("pink", 10.0), ("babble", 20.0), ("clicks", 20.0), ("babble", 10.0))
TRIALS_A_CALL = 20


def main() -> int:
    """Run the bench from the command line."""
    asked = _arguments()
    corpus = CORPORA[asked.set]
    run = Run(bench="barge_in", seed=corpus.seed, quick=asked.quick)
    results = _play(list(jobs(asked.set, quick=asked.quick)), asked.processes)
    figures = figures_of_runs(results)
    rows = onset_rows(results)
    notes = [f"Reported on the set {asked.set!r}, seed {corpus.seed}.", *NOTES]
    show(f"Taking turns, {asked.set} set", figures, notes=notes)
    if asked.json is not None:
        write(asked.json, run, figures, notes=notes, rows=rows)
    if asked.plot is not None:
        _plot(asked.plot, rows)
    return 0


def jobs(corpus: str, *, quick: bool) -> Iterator[Job]:
    """Yield every call of the bench; each is independent of all others."""
    seeds = itertools.count(1)
    scale = 1 if quick else 6

    def calls(speech: str, count: int, **line: object) -> Iterator[Job]:
        for _ in range(count):
            yield Job(
                corpus=corpus,
                seed=next(seeds),
                speech=speech,
                trials=5 if quick else TRIALS_A_CALL,
                **line,  # type: ignore[arg-type]
            )

    for kind, snr_db in itertools.product(KINDS, (20.0, 10.0, 5.0)):
        yield from calls("interruptions", 1 if quick else 6, noise=kind, snr_db=snr_db)
    for kind, snr_db in FALSE_START_NOISES:
        for _ in range(scale):
            minutes = 1.0 if quick else 5.0
            yield Job(corpus=corpus, seed=next(seeds), minutes=minutes, noise=kind, snr_db=snr_db)
    for echo_ms, erl_db in itertools.product(ECHO_MS, ERL_DB):
        if quick and (echo_ms not in ECHO_MS[::2] or erl_db not in ERL_DB[::2]):
            continue
        minutes = 1.0 if quick else 3.2
        yield Job(corpus=corpus, seed=next(seeds), minutes=minutes, echo_ms=echo_ms, erl_db=erl_db)
        yield from calls("interruptions", 1, echo_ms=echo_ms, erl_db=erl_db)
    yield from calls("backchannels", 3 * scale)
    yield from calls("interruptions", scale)
    yield from calls("stops", scale)
    yield from calls("interruptions", scale, delay_s=0.04)


def _play(work: list[Job], processes: int) -> list[Result]:
    if processes <= 1:
        return [run_job(job) for job in work]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(run_job, work))


def _plot(path: Path, rows: list[dict[str, object]]) -> None:
    series = {
        f"{kind} {share}": [
            (float(str(row["snr_db"])), float(str(row[share])))
            for row in rows
            if row["noise"] == kind
        ]
        for kind in ("white", "babble", "clicks")
        for share in ("p50", "p95")
    }
    lines(
        path,
        "True onset to clear",
        x_label="SNR, dB",
        y_label="ms",
        series=series,
        limit=200.0,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="PATH")
    parser.add_argument("--plot", type=Path, metavar="PATH")
    parser.add_argument("--quick", action="store_true", help="few trials, under a minute")
    parser.add_argument("--set", choices=sorted(CORPORA), default="held-out")
    parser.add_argument("--processes", type=int, default=1, help="calls played side by side")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
