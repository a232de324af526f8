"""Measures how long a caller waits for free times, for a hold and for a confirmation.

`python -m bench.booking_latency` starts a PostgreSQL of its own with every safety on, loads the
full dataset, and books in four ways: one caller alone; forty callers who pause as people do; forty
bookings a second that begin on time whether or not the ones before them are done; and forty callers
back to back without a pause, which is what the machine can do and not what a caller feels. The
callers act behind row security, and the confirmation writes the calendar's job in the same
transaction, as on a call. Targets hold for the two ways in between: forty callers on the phone are
forty people who think and speak, not forty loops. A hold and a confirmation each wait for the disk
once, so what the disk takes for that alone is measured right before and printed beside. `--quick`
takes few samples, `--json PATH` writes the figures, and `--check` ends with 1 where a target was
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import uvloop
from rich.console import Console

from bench.report_table import Figures, figures_of, machine_facts, show, write_report
from crm.dataset.load import seed_database
from crm.migrate import migrate
from crm.pool import close_pool, open_pool
from crm.principal import RowSecurity
from scheduler.desk import ServiceDesk
from scheduler.jobs import JobQueue
from scheduler.shop import Bay, OpeningHours, Shop, Technician, Work
from scheduler.slots import find_slots
from scheduler.taken import Taken
from voicecore.sandbox.postgres import EmbeddedPostgres

CALLERS = 40
RATE_PER_S = 40.0
PAUSE_S = 2.0
ROUNDS, QUICK_ROUNDS = 1200, 160
POOL_CONNECTIONS = 10
SLOTS_TARGET_MS, BOOKING_TARGET_MS, PURE_TARGET_MS = 30.0, 10.0, 20.0
PURE_BOOKINGS, PURE_DAYS, PURE_RUNS = 5000, 60, 25
PURE_PEOPLE = 10
DISK_WRITES, DISK_PAUSE_S = 200, 0.01
# What the dialog asks for.
SEARCH_DAYS, SEARCH_LIMIT = 7, 200
ZONE = ZoneInfo("America/Chicago")
TODAY = date(2026, 11, 24)
NOW = datetime.combine(TODAY, wall_time(9, 5), tzinfo=ZONE)
SERVICES = ("oil_change", "brake_inspection", "full_service", "state_inspection")
_CARS = "SELECT customer_id, vehicle_id FROM vehicles ORDER BY md5(vin) LIMIT 1000"


@dataclass(slots=True)
class Samples:
    """Latencies of one way of booking, in ms; `lost` counts holds that somebody else had."""

    slots: list[float] = field(default_factory=list)
    hold: list[float] = field(default_factory=list)
    confirm: list[float] = field(default_factory=list)
    lost: int = 0

    def figures(self, way: str, callers: int, took_s: float, *, is_judged: bool) -> list[Figures]:
        """Return a line for each step; only a way that is judged has targets."""
        steps = (
            ("free slots", self.slots, SLOTS_TARGET_MS),
            ("hold", self.hold, BOOKING_TARGET_MS),
            ("confirm", self.confirm, BOOKING_TARGET_MS),
        )
        return [
            figures_of(
                f"{name}, {way}",
                latencies,
                callers=callers,
                took_s=took_s,
                target_ms=target_ms if is_judged else None,
            )
            for name, latencies, target_ms in steps
        ]


@dataclass(frozen=True, slots=True)
class Floor:
    """The shop that is booked in."""

    desk: ServiceDesk
    cars: Sequence[tuple[int, int]]

    async def book(self, chance: random.Random, samples: Samples) -> None:
        """Look for times, hold one, confirm it, and cancel it so that the shop does not fill."""
        customer_id, vehicle_id = chance.choice(self.cars)
        service = chance.choice(SERVICES)
        earliest = NOW + timedelta(days=chance.randrange(12, 50))
        begun = time.perf_counter()
        slots = await self.desk.free_slots(
            service,
            earliest=earliest,
            latest=earliest + timedelta(days=SEARCH_DAYS),
            limit=SEARCH_LIMIT,
        )
        samples.slots.append(_ms_since(begun))
        if not slots:
            return
        # As on a call: the caller may touch their own rows only.
        with RowSecurity.acting_as(customer_id):
            begun = time.perf_counter()
            outcome = await self.desk.hold(
                service_code=service,
                start=chance.choice(slots[:30]).start,
                customer_id=customer_id,
                vehicle_id=vehicle_id,
                call_sid="CA" + "0" * 32,
            )
            if outcome.hold is None:
                samples.lost += 1
                return
            samples.hold.append(_ms_since(begun))
            begun = time.perf_counter()
            booked = await self.desk.confirm(outcome.hold.hold_id)
            samples.confirm.append(_ms_since(begun))
            assert booked is not None, "the hold is fresh"
            await self.desk.cancel(booked.appointment_id, customer_id=customer_id)


async def in_turn(floor: Floor, rounds: int, *, callers: int, pause_s: float) -> Samples:
    """Let each of the callers book again and again, with a pause of up to `pause_s` before."""
    samples = Samples()

    async def caller(number: int) -> None:
        chance = random.Random(number)
        for _ in range(max(1, rounds // callers)):
            if pause_s:
                await asyncio.sleep(chance.random() * pause_s)
            await floor.book(chance, samples)

    await asyncio.gather(*map(caller, range(callers)))
    return samples


async def on_time(floor: Floor, rounds: int, *, rate_per_s: float) -> Samples:
    """Begin bookings at random moments, `rate_per_s` on average, however long they take."""
    samples = Samples()
    chance = random.Random(0)

    async def caller(number: int, due_s: float) -> None:
        await asyncio.sleep(due_s)
        await floor.book(random.Random(number), samples)

    dues_s = itertools.accumulate(chance.expovariate(rate_per_s) for _ in range(rounds))
    await asyncio.gather(*itertools.starmap(caller, enumerate(dues_s)))
    return samples


def pure_ms(people: int) -> float:
    """Return the median CPU time of `find_slots` over 5,000 bookings and 60 days.

    The finder is new each time, so every day is worked out. `people` is how many technicians the
    shop has, each with 5,000 / `people` of the bookings.
    """
    hours = tuple(OpeningHours(day, wall_time(8), wall_time(18)) for day in range(1, 7))
    bays = tuple(Bay(number, f"Bay {number}", "lift") for number in range(1, 9))
    technicians = tuple(
        Technician(number, f"Technician {number}", shifts=hours) for number in range(1, people + 1)
    )
    chance = random.Random(1)
    taken = []
    for _ in range(PURE_BOOKINGS):
        start = NOW + timedelta(minutes=30 * chance.randrange(PURE_DAYS * 48))
        technician_id = chance.randint(1, people) if people else None
        end = start + timedelta(hours=1)
        taken.append(Taken(start, end, chance.randint(1, 8), technician_id))
    times = []
    for _ in range(PURE_RUNS):
        begun = time.process_time()
        find_slots(
            Shop(ZONE, hours, bays, technicians),
            Work("lift", 45, 15),
            taken,
            now=NOW,
            earliest=NOW,
            latest=NOW + timedelta(days=PURE_DAYS),
        )
        times.append((time.process_time() - begun) * 1000)
    return statistics.median(times)


def disk_ms() -> list[float]:
    """Return how long the disk takes to keep a page for good, again and again."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(DISK_WRITES):
            os.pwrite(file.fileno(), bytes(8192), 0)
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(_ms_since(begun))
            time.sleep(DISK_PAUSE_S)
    return times


@asynccontextmanager
async def open_floor() -> AsyncIterator[Floor]:
    """Start PostgreSQL with the full dataset, and a desk as a worker has it."""
    with EmbeddedPostgres() as postgres:
        dsn = postgres.dsn()
        await migrate(dsn)
        await seed_database(dsn, TODAY, ZONE)
        pool = await open_pool(dsn, min_size=POOL_CONNECTIONS, max_size=POOL_CONNECTIONS)
        try:
            yield await _floor_of(pool)
        finally:
            await close_pool(pool)


async def _floor_of(pool: asyncpg.Pool) -> Floor:
    jobs = JobQueue(pool)
    await jobs.install()
    desk = ServiceDesk(pool, zone=ZONE, clock=lambda: NOW, on_change=jobs.enqueue_calendar_sync)
    cars = tuple((row["customer_id"], row["vehicle_id"]) for row in await pool.fetch(_CARS))
    return Floor(desk, cars)


async def run_bench(rounds: int) -> tuple[list[Figures], dict[str, object]]:
    """Measure the four ways; return the figures, and the facts that belong to them."""
    figures: list[Figures] = []
    lost: dict[str, int] = {}
    async with open_floor() as floor:
        # The statements are planned anew for the first uses of a connection.
        await in_turn(floor, 10 * POOL_CONNECTIONS, callers=POOL_CONNECTIONS, pause_s=0.0)
        ways: tuple[tuple[str, int, bool, Callable[[], Awaitable[Samples]]], ...] = (
            ("alone", 1, False, lambda: in_turn(floor, rounds // 4, callers=1, pause_s=0.0)),
            (
                "pausing",
                CALLERS,
                True,
                lambda: in_turn(floor, rounds, callers=CALLERS, pause_s=PAUSE_S),
            ),
            (
                f"{RATE_PER_S:g} a second",
                CALLERS,
                True,
                lambda: on_time(floor, rounds, rate_per_s=RATE_PER_S),
            ),
            (
                "back to back",
                CALLERS,
                False,
                lambda: in_turn(floor, rounds, callers=CALLERS, pause_s=0.0),
            ),
        )
        for way, callers, is_judged, run in ways:
            gc.collect()
            begun = time.perf_counter()
            samples = await run()
            took_s = time.perf_counter() - begun
            figures += samples.figures(way, callers, took_s, is_judged=is_judged)
            lost[way] = samples.lost
    return figures, {"lost": lost, "pool_connections": POOL_CONNECTIONS, "durable": True}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; return the exit code."""
    options = _parser().parse_args(arguments)
    console = Console()
    found_ms, with_people_ms = pure_ms(0), pure_ms(PURE_PEOPLE)
    waits_ms = disk_ms()
    disk = figures_of("disk alone", waits_ms, callers=1, took_s=sum(waits_ms) / 1000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures, facts = runner.run(run_bench(QUICK_ROUNDS if options.quick else ROUNDS))
    facts |= {"find_slots_median_ms": found_ms, "quick": options.quick}
    facts |= {"find_slots_with_technicians_median_ms": with_people_ms}
    figures.insert(0, disk)
    show(console, "Booking", figures)
    machine = machine_facts()
    console.print(
        f"find_slots, {PURE_BOOKINGS:,} bookings and {PURE_DAYS} days: median {found_ms:.1f} ms,"
        f" with {PURE_PEOPLE} technicians {with_people_ms:.1f} ms (target < {PURE_TARGET_MS:g} ms);"
        f" holds that somebody else had: {facts['lost']}"
    )
    console.print(f"{machine['cpu']}, {machine['cores']} cores, commit {machine['commit']}")
    if options.json is not None:
        write_report(options.json, "booking_latency", figures, facts)
    is_found = max(found_ms, with_people_ms) < PURE_TARGET_MS
    is_met = is_found and all(row.is_met for row in figures)
    return 1 if options.check and not is_met else 0


def _ms_since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.booking_latency", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples, some ten seconds")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    parser.add_argument("--check", action="store_true", help="exit with 1 for a missed target")
    return parser


if __name__ == "__main__":
    sys.exit(main())
