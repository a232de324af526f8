"""A ramp: more and more calls on one server, a measured window at each number."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load.crowd import Crowd
from bench.load.processes import Usage, process_usage
from bench.load.subjects import Subject
from bench.load.tally import Tally
from bench.report_table import percentile

CPU_MOST = 0.95
BARGE_P99_MS = 200.0
SLOWER_P95_MS = 100.0
UNDERRUNS_MOST = 0.001
LOAD_LATE_P99_MS = 15.0
LOAD_CPU_MOST = 0.95
FIRST_SETTLE_S = 8.0
SETTLE_S = 7.0


@dataclass(slots=True)
class Step:
    """What one window at `calls` calls gave; all times in ms, `cpu` as a share of one core."""

    subject: str
    run: int
    calls: int
    seconds: float
    cpu: float
    cpu_ms_per_call_s: float
    rss_mb: float
    switches_per_s: float
    load_cpu: float
    tally: Tally
    broken: list[str]

    def row(self) -> dict[str, object]:
        """Return it as one flat row."""
        tally = self.tally
        row: dict[str, object] = {
            "subject": self.subject,
            "run": self.run,
            "calls": self.calls,
            "seconds": round(self.seconds, 2),
            "cpu": round(self.cpu, 4),
            "cpu_ms_per_call_s": round(self.cpu_ms_per_call_s, 3),
            "rss_mb": round(self.rss_mb, 1),
            "switches_per_s": round(self.switches_per_s),
            "load_cpu": round(self.load_cpu, 3),
            "replies": tally.replies,
            "underruns": tally.underruns,
            "missed_clears": tally.missed_clears,
            "stale_ms": round(tally.stale_ms, 1),
            "frames_in": tally.frames_in,
            "messages_in": tally.messages_in,
            "errors": len(tally.errors),
            "broken": self.broken,
        }
        for name in (
            "onset_to_clear",
            "frame_to_clear",
            "voice_to_voice",
            "lateness",
            "load_lateness",
        ):
            for share, key in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"), (1.0, "max")):
                row[f"{name}_{key}"] = at_share(getattr(tally, name), share)
        return row


async def measure(
    crowd: Crowd, subject: Subject, calls: int, *, run: int, window_s: float, settle_s: float
) -> Step:
    """Bring the crowd to `calls`, let it settle, and measure one window."""
    await crowd.resize(calls)
    await asyncio.sleep(settle_s)
    subject.process.check()
    pids = subject.process.pids()
    crowd.new_window()
    before, own_before = subject.process.usage(pids), process_usage(os.getpid())
    await asyncio.sleep(window_s)
    tally = crowd.new_window()
    after, own_after = subject.process.usage(pids), process_usage(os.getpid())
    seconds = after.at_s - before.at_s
    cpu_s = after.cpu_s - before.cpu_s
    tally.errors += ["a call was lost"] * crowd.gone()
    return Step(
        subject=subject.name,
        run=run,
        calls=calls,
        seconds=seconds,
        cpu=cpu_s / seconds,
        cpu_ms_per_call_s=cpu_s / seconds / calls * 1000,
        rss_mb=after.rss_kb / 1024,
        switches_per_s=(after.switches - before.switches) / seconds,
        load_cpu=_share(own_before, own_after),
        tally=tally,
        broken=[],
    )


def judge(step: Step, first: Step | None, cores: int = 1) -> list[str]:
    """Return the bounds that `step` breaks; `first` is the step with one call."""
    tally = step.tally
    broken = []
    if step.cpu > CPU_MOST * cores:
        broken.append(f"CPU {step.cpu:.0%}")
    barges = tally.onset_to_clear + [9_999.0] * tally.missed_clears
    if barges and percentile(sorted(barges), 0.99) > BARGE_P99_MS:
        broken.append(f"barge-in p99 {percentile(sorted(barges), 0.99):.0f} ms")
    answers, base = at_share(tally.voice_to_voice, 0.95), None
    if first is not None:
        base = at_share(first.tally.voice_to_voice, 0.95)
    if answers is not None and base is not None and answers > base + SLOWER_P95_MS:
        broken.append(f"voice-to-voice p95 {answers:.0f} ms, alone {base:.0f} ms")
    if tally.underruns > max(UNDERRUNS_MOST * tally.replies, 0):
        broken.append(f"{tally.underruns} underruns in {tally.replies} replies")
    if tally.errors:
        broken.append(f"{len(tally.errors)} errors: {tally.errors[0]}")
    return broken


def load_is_the_limit(step: Step) -> bool:
    """Whether the callers themselves were too slow to judge the server."""
    late = at_share(step.tally.load_lateness, 0.99)
    return step.load_cpu > LOAD_CPU_MOST or (late is not None and late > LOAD_LATE_P99_MS)


def at_share(values: Sequence[float], share: float) -> float | None:
    """Return a percentile, or None of nothing."""
    return round(percentile(sorted(values), share), 2) if values else None


def _share(before: Usage, after: Usage) -> float:
    return (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s)
