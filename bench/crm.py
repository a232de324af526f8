"""Measures what the CRM, its cache and the schedule cost a caller, over the full dataset.

`python -m bench.crm` starts its own PostgreSQL and Redis, seeds them, and runs each operation three
times: by one caller, by fifty who ask back to back, all the time, from one process with one pool,
and by fifty who pause up to 200 ms between two questions ("paced"), which is still far more than
fifty people on the phone ask. `--quick` takes few samples, `--json PATH` writes the figures, and
`--check` makes a missed target exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvloop

from bench.crm_shop import NOW, Shop, open_shop, shuffled
from bench.report_table import (
    Figures,
    figures_of,
    machine_facts,
    report_console,
    show,
    write_report,
)
from crm.errors import ConflictError

CALLERS = 50
PAUSE_S = 0.2
SAMPLES, QUICK_SAMPLES = 10_000, 400
# Slower operations get fewer samples, so that all of them together take about a minute.
SLOW_SHARE = 0.1
PACED_SHARE = 0.2
WARM_UP_SHARE = 0.1
SEED_TARGET_S = 3.0
HIT_TARGET_MS = 2.0
LOOK_UP_TARGET_MS = 30.0
SERVICES = ("oil_change", "brake_inspection", "full_service", "state_inspection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something that a caller waits for; `share` of the samples are taken."""

    name: str
    run: Callable[[random.Random], Awaitable[object]]
    target_ms: float | None = None
    share: float = 1.0


def operations_of(shop: Shop) -> tuple[Operation, ...]:
    """Return everything that is measured, reads before writes."""

    async def cached(chance: random.Random) -> object:
        return await shop.cached.find_by_phone(chance.choice(shop.numbers))

    async def cold(chance: random.Random) -> object:
        return await shop.plain.find_by_phone(chance.choice(shop.numbers))

    async def history(chance: random.Random) -> object:
        return await shop.cached.history(chance.choice(shop.cars).customer_id, 10)

    async def by_name(chance: random.Random) -> object:
        last_name, first_name = chance.choice(shop.names)
        return await shop.cached.find_by_name(last_name, first_name=first_name)

    async def by_vin(chance: random.Random) -> object:
        return await shop.cached.find_by_vin(chance.choice(shop.cars).vin)

    async def by_plate(chance: random.Random) -> object:
        return await shop.cached.find_by_plate(chance.choice(shop.cars).plate or "")

    async def free_slots(chance: random.Random) -> object:
        earliest = NOW + timedelta(days=chance.randrange(1, 20))
        return await shop.desk.free_slots(
            chance.choice(SERVICES),
            earliest=earliest,
            latest=earliest + timedelta(days=14),
            limit=3,
        )

    return (
        Operation(name="look-up, cached", run=cached, target_ms=HIT_TARGET_MS),
        Operation(name="look-up, cold", run=cold, target_ms=LOOK_UP_TARGET_MS),
        Operation(name="history", run=history),
        Operation(name="by name", run=by_name, share=SLOW_SHARE),
        Operation(name="by VIN", run=by_vin),
        Operation(name="by plate", run=by_plate),
        Operation(name="free slots", run=free_slots, share=SLOW_SHARE),
        Operation(name="update contact", run=_updates(shop), share=SLOW_SHARE),
        Operation(name="hold, confirm, cancel", run=_bookings(shop), share=SLOW_SHARE),
    )


def _updates(shop: Shop) -> Callable[[random.Random], Awaitable[object]]:
    async def update(chance: random.Random) -> object:
        record = chance.choice(await shop.cached.find_by_phone(chance.choice(shop.numbers)))
        try:
            return await shop.cached.update_contact(
                record.customer.customer_id,
                version=record.customer.version,
                phone_e164=None,
                email=f"caller{chance.randrange(10**6)}@example.com",
            )
        except ConflictError:
            return None  # another caller was faster: what the agent would say then costs the same

    return update


def _bookings(shop: Shop) -> Callable[[random.Random], Awaitable[object]]:
    async def book(chance: random.Random) -> object:
        car = chance.choice(shop.cars)
        service = chance.choice(SERVICES)
        earliest = NOW + timedelta(days=chance.randrange(1, 50))
        slots = await shop.desk.free_slots(
            service, earliest=earliest, latest=earliest + timedelta(days=14), limit=3
        )
        held = await shop.desk.hold(
            service_code=service,
            start=chance.choice(slots).start,
            customer_id=car.customer_id,
            vehicle_id=car.vehicle_id,
            call_sid="CA" + "0" * 32,
        )
        if held.hold is None:
            return None
        made = await shop.desk.confirm(held.hold.hold_id)
        if made is not None:
            await shop.desk.cancel(made.appointment_id, customer_id=car.customer_id)
        return made

    return book


async def measure(
    operation: Operation, *, callers: int, samples: int, pause_s: float = 0.0
) -> Figures:
    """Let `callers` ask until there are `samples` latencies; each pauses up to `pause_s` before."""
    latencies_ms: list[float] = []

    async def caller(number: int) -> None:
        chance = shuffled(number)
        for _ in range(max(1, samples // callers)):
            if pause_s:
                await asyncio.sleep(chance.random() * pause_s)
            begun = time.perf_counter()
            await operation.run(chance)
            latencies_ms.append((time.perf_counter() - begun) * 1000)

    gc.collect()
    begun = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return figures_of(
        f"{operation.name}, paced" if pause_s else operation.name,
        latencies_ms,
        callers=callers,
        took_s=time.perf_counter() - begun,
        target_ms=operation.target_ms,
    )


async def run_bench(samples: int) -> tuple[list[Figures], dict[str, Any]]:
    """Measure everything; return the figures, and the facts that belong to them."""
    figures: list[Figures] = []
    async with open_shop() as shop:
        for number in shop.numbers:
            await shop.cached.find_by_phone(number)
        for operation in operations_of(shop):
            wanted = int(samples * operation.share)
            await measure(operation, callers=CALLERS, samples=int(wanted * WARM_UP_SHARE))
            figures += [
                await measure(operation, callers=1, samples=wanted),
                await measure(operation, callers=CALLERS, samples=wanted),
                await measure(
                    operation,
                    callers=CALLERS,
                    samples=int(wanted * PACED_SHARE),
                    pause_s=PAUSE_S,
                ),
            ]
        facts = {**shop.facts, "cache": asdict(shop.cache.counts)}
    return figures, facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; return the exit code."""
    options = _parser().parse_args(arguments)
    console = report_console()
    samples = QUICK_SAMPLES if options.quick else SAMPLES
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures, facts = runner.run(run_bench(samples))
    show(console, "CRM, cache and schedule", figures)
    seed_s = facts["seed_s"]
    machine = machine_facts()
    console.print(f"seed: {seed_s:.2f} s (target < {SEED_TARGET_S:g} s), rows {facts['rows']}")
    console.print(f"{machine['cpu']}, {machine['cores']} cores, commit {machine['commit']}")
    if options.json is not None:
        write_report(options.json, "crm", figures, {"quick": options.quick, **facts})
    is_met = seed_s <= SEED_TARGET_S and all(row.is_met for row in figures)
    return 1 if options.check and not is_met else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.crm", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples, some ten seconds")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    parser.add_argument("--check", action="store_true", help="exit with 1 for a missed target")
    return parser


if __name__ == "__main__":
    sys.exit(main())
