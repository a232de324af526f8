"""From the steps of all runs to the figures that are reported."""

from __future__ import annotations

import statistics

from bench.load.plan import COMPARED, Peer, Plan
from bench.load.ramp import Step, at_share, load_is_the_limit
from bench.results import Figure, figure, scalar


def summary(plan: Plan) -> list[Figure]:
    """Return the figures of all runs together."""
    found = [_calls(plan)]
    for calls in COMPARED:
        found += _cost(plan, calls)
    found += _memory(plan)
    found += _latencies(plan)
    for peer in plan.peers:
        if peer is Peer.PIPECAT:
            found += _beside_pipecat(plan)
    return found


def _calls(plan: Plan) -> Figure:
    held = [_held(plan, "voicecore", number) for number in range(plan.runs)]
    value = statistics.median(held)
    ended = [step for step in plan.steps if step.subject == "voicecore" and step.broken]
    limits = "; ".join(f"{step.calls}: {', '.join(step.broken)}" for step in ended)
    return scalar(
        "calls on one core, everything on" if plan.workers == 1 else "calls on all workers",
        "calls",
        value,
        plan.runs,
        must=">= 70",
        aim=">= 150",
        met=value >= 70 if not _is_short(plan) else None,
        counter=f"runs: {', '.join(map(str, held))}",
        note=limits or "no bound broke: the ramp ended",
    )


def _is_short(plan: Plan) -> bool:
    return max(plan.stages) < 70


def _cost(plan: Plan, calls: int) -> list[Figure]:
    """CPU per call-second, and the same against the relay's of the same run."""
    own = _at(plan, "voicecore", calls)
    if not own:
        return []
    cost = statistics.median(step.cpu_ms_per_call_s for step in own)
    found = [
        scalar(
            f"CPU per call-second, {calls} calls",
            "ms",
            cost,
            len(own),
            counter=f"wake-ups {statistics.median(step.switches_per_s for step in own):.0f}/s",
        )
    ]
    pairs = [
        (step.cpu_ms_per_call_s, beside.cpu_ms_per_call_s)
        for step in own
        for beside in _at(plan, "relay", calls)
        if beside.run == step.run
    ]
    if pairs:
        ratio = statistics.median(mine / bare for mine, bare in pairs)
        bare_ms = statistics.median(bare for _, bare in pairs)
        found.append(
            scalar(
                f"CPU against the bare relay, {calls} calls",
                "times",
                ratio,
                len(pairs),
                must="<= 2.5",
                aim="<= 1.7",
                met=ratio <= 2.5,
                counter=f"the relay: {bare_ms:.2f} ms",
            )
        )
    return found


def _memory(plan: Plan) -> list[Figure]:
    """Memory per call: what the largest comparable step holds above one call, for each other."""
    per_call = []
    for number in range(plan.runs):
        steps = [step for step in plan.steps if step.subject == "voicecore" and step.run == number]
        many = [step for step in steps if 1 < step.calls <= max(COMPARED)]
        if many and steps[0].calls == 1:
            most = many[-1]
            per_call.append((most.rss_mb - steps[0].rss_mb) / (most.calls - 1))
    if not per_call:
        return []
    value = statistics.median(per_call)
    return [
        scalar(
            "RSS per call",
            "MB",
            value,
            len(per_call),
            must="<= 1.5",
            aim="<= 0.5",
            met=value <= 1.5,
        )
    ]


def _latencies(plan: Plan) -> list[Figure]:
    if not plan.at_80:
        return []
    calls = statistics.median(step.calls for step in plan.at_80)
    tallies = [step.tally for step in plan.at_80]
    replies = sum(tally.replies for tally in tallies)
    clears = [ms for tally in tallies for ms in tally.frame_to_clear]
    p99 = at_share(clears, 0.99)
    counter = f"missed: {sum(tally.missed_clears for tally in tallies)}"
    return [
        figure(
            f"decisive frame to clear, {calls:.0f} calls (80 %)",
            "ms",
            clears,
            must="p99 <= 5",
            aim="p99 <= 2",
            met=p99 is not None and p99 <= 5,
            counter=counter,
        ),
        figure(
            "true onset to clear, same load",
            "ms",
            [ms for tally in tallies for ms in tally.onset_to_clear],
            must="p99 <= 200",
            counter=counter,
        ),
        figure(
            "voice-to-voice, same load",
            "ms",
            [ms for tally in tallies for ms in tally.voice_to_voice],
            note="300 ms of it are the listener stand-in's endpointing",
        ),
        figure(
            "lateness of agent frames, same load",
            "ms",
            [ms for tally in tallies for ms in tally.lateness],
            counter=f"underruns: {sum(tally.underruns for tally in tallies)} in {replies} replies",
        ),
        figure(
            "lateness of the callers' own clock",
            "ms",
            [ms for tally in tallies for ms in tally.load_lateness],
            counter=f"their CPU: {max(step.load_cpu for step in plan.at_80):.0%} of a core",
        ),
    ]


def _beside_pipecat(plan: Plan) -> list[Figure]:
    steps = [step for step in plan.steps if step.subject == "pipecat"]
    if not steps:
        return []
    held = _held(plan, "pipecat", 0)
    own = statistics.median(_held(plan, "voicecore", number) for number in range(plan.runs))
    ended = "; ".join(f"{step.calls}: {', '.join(step.broken)}" for step in steps if step.broken)
    found = [scalar("calls on one core, pipecat", "calls", held, 1, counter=ended)]
    if held:
        found.append(
            scalar(
                "calls against pipecat",
                "times",
                own / held,
                1,
                must=">= 10",
                met=own / held >= 10 if not _is_short(plan) else None,
            )
        )
    last = steps[-1]
    found.append(
        scalar(f"CPU per call-second, pipecat, {last.calls} calls", "ms", last.cpu_ms_per_call_s, 1)
    )
    return found


def _held(plan: Plan, subject: str, number: int) -> int:
    """The last number of calls before the first that broke a bound."""
    held = 0
    for step in plan.steps:
        if step.subject == subject and step.run == number:
            if step.broken:
                break
            held = step.calls
    return held


def _at(plan: Plan, subject: str, calls: int) -> list[Step]:
    return [step for step in plan.steps if step.subject == subject and step.calls == calls]


def warnings_of(plan: Plan) -> list[str]:
    """Say where the callers, not the server, were the limit."""
    return [
        f"{step.subject} at {step.calls} calls: the callers were the bottleneck "
        f"(their CPU {step.load_cpu:.0%}), the figure says little about the server."
        for step in (*plan.steps, *plan.at_80)
        if load_is_the_limit(step)
    ]
