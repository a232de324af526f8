"""The figures of a race, from lines whose times are known."""

from __future__ import annotations

import pytest

from bench.race.journal import Entry, Kind, Op
from bench.race.statistics import Crash, figures_of

MS = 1_000_000


def line(at_ms: int, kind: Kind, number: int, file: str = "a", key: str = "") -> tuple[str, Entry]:
    entry = Entry(at_ns=at_ms * MS, kind=kind, intent="i", op=Op.HOLD, number=number, key=key)
    return file, entry


def test_figures_count_and_time_what_the_journals_tell() -> None:
    lines = [
        line(0, Kind.TRY, 1),
        line(10, Kind.ACK, 1, key="k"),
        line(20, Kind.TRY, 2),
        line(50, Kind.LOST, 2),
        line(60, Kind.TRY, 3),
        line(500, Kind.TRY, 1, file="b"),
        line(1010, Kind.ACK, 1, file="b"),
    ]
    crashes = [
        Crash("postgres", 15 * MS, 410 * MS),
        Crash("callers", 420 * MS, 510 * MS, "b"),
        Crash("cuts", 600 * MS, 610 * MS),
        Crash("calendar", 600 * MS, 610 * MS),
    ]
    figures = figures_of(
        lines, crashes, rows=1, booked=1, events=1, google_faults=2, converged_s=0.5, took_s=2.0
    )
    assert (figures.operations, figures.acknowledged, figures.conflicts) == (4, 2, 1)
    assert (figures.unanswered, figures.orphaned) == (2, 1)
    assert figures.crashes == {"postgres": 1, "callers": 1, "calendar": 1}
    assert figures.cuts == 1
    assert figures.longest_gap_s == pytest.approx(1.0)
    assert figures.recovery_max_s == pytest.approx(0.6)
    assert figures.latency_p50_ms == pytest.approx(10)
    assert figures.operations_per_s == pytest.approx(4)


def test_figures_of_nothing_are_zero() -> None:
    figures = figures_of(
        [], [], rows=0, booked=0, events=0, google_faults=0, converged_s=None, took_s=0.0
    )
    assert (figures.operations, figures.longest_gap_s, figures.latency_p99_ms) == (0, 0, 0)
