"""The figures of a race, from its journals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.race.journal import Entry, Kind, Op
from bench.report_table import percentile

NS_PER_S = 1e9
NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Crash:
    """One injected crash or cut of the network, on the system-wide monotonic clock.

    `file` is the journal of the successor, where there is one.
    """

    kind: str
    down_ns: int
    up_ns: int
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A race in numbers.

    `conflicts` are answers of no: taken, expired. `unanswered` are operations without an answer,
    each of them asked again; `orphaned` of them lost their process. `recovery_s` is how long after
    the return of what had crashed the next answer came, `longest_gap_s` the longest time without
    any answer. Latencies are those of answered operations, in ms.
    """

    operations: int
    by_operation: dict[str, int]
    acknowledged: int
    conflicts: int
    unanswered: int
    orphaned: int
    crashes: dict[str, int]
    cuts: int
    google_faults: int
    longest_gap_s: float
    recovery_p50_s: float
    recovery_max_s: float
    latency_p50_ms: float
    latency_p99_ms: float
    operations_per_s: float
    rows: int
    booked: int
    events: int
    converged_s: float | None
    took_s: float


def figures_of(
    lines: Sequence[tuple[str, Entry]],
    crashes: Sequence[Crash],
    *,
    rows: int,
    booked: int,
    events: int,
    google_faults: int,
    converged_s: float | None,
    took_s: float,
) -> Figures:
    """Count and time what the journals tell; lines come in the order of time."""
    tries = {(file, each.number): each for file, each in lines if each.kind is Kind.TRY}
    acks = [(file, each) for file, each in lines if each.kind is Kind.ACK]
    lost = sum(each.kind is Kind.LOST for _, each in lines)
    latencies_ns = [each.at_ns - tries[file, each.number].at_ns for file, each in acks]
    times_ns = [each.at_ns for _, each in acks]
    recoveries_s = list(_recoveries_s(acks, crashes))
    span_s = (times_ns[-1] - times_ns[0]) / NS_PER_S if len(times_ns) > 1 else 0.0
    return Figures(
        operations=len(tries),
        by_operation=dict(Counter(str(each.op) for each in tries.values())),
        acknowledged=len(acks),
        conflicts=sum(_is_refusal(each) for _, each in acks),
        unanswered=len(tries) - len(acks),
        orphaned=len(tries) - len(acks) - lost,
        crashes=dict(Counter(crash.kind for crash in crashes if crash.kind != "cuts")),
        cuts=sum(crash.kind == "cuts" for crash in crashes),
        google_faults=google_faults,
        longest_gap_s=max((b - a for a, b in pairwise(times_ns)), default=0) / NS_PER_S,
        recovery_p50_s=_percentile(recoveries_s, 0.5),
        recovery_max_s=max(recoveries_s, default=0.0),
        latency_p50_ms=_percentile(latencies_ns, 0.5) / NS_PER_MS,
        latency_p99_ms=_percentile(latencies_ns, 0.99) / NS_PER_MS,
        operations_per_s=len(tries) / span_s if span_s else 0.0,
        rows=rows,
        booked=booked,
        events=events,
        converged_s=converged_s,
        took_s=took_s,
    )


def _percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return percentile(ordered, share) if ordered else 0.0


def _is_refusal(ack: Entry) -> bool:
    return ack.op is not Op.RELEASE and not ack.key and not ack.appointment_id


def _recoveries_s(acks: Sequence[tuple[str, Entry]], crashes: Sequence[Crash]) -> Iterable[float]:
    """Yield per crash of the server or of callers how long the next answer took.

    After callers were killed, it is their successor's first answer that counts.
    """
    for crash in crashes:
        if crash.kind == "calendar":
            continue
        following = (
            each.at_ns
            for file, each in acks
            if each.at_ns > crash.up_ns and crash.file in ("", file)
        )
        first_ns = next(following, None)
        if first_ns is not None:
            yield (first_ns - crash.up_ns) / NS_PER_S
