"""Runs a race: servers up, callers on, crashes at their times, everything checked at the end."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path

from bench.race.checker import Violation, check
from bench.race.children import Children, RaceError
from bench.race.course import read_courses
from bench.race.journal import SUFFIX, TRY_MARK, read_journals
from bench.race.network import Network
from bench.race.plan import ZONE, Google, RacePlan, Setup
from bench.race.records import read_records
from bench.race.shop import open_shop
from bench.race.statistics import Crash, Figures, figures_of
from crm.pool import close_pool, connection_of, open_pool
from scheduler.jobs import CALENDAR_SYNC
from voicecore.sandbox.google import GoogleSandbox
from voicecore.sandbox.postgres import EmbeddedPostgres

LOOK_S = 0.05
# No operation at all for so long: the race has stopped.
STALL_S = 90.0
DOWN_S = (0.0, 0.4)
# By time instead of by requests, faults would pile up while nobody asks.
REQUESTS_PER_FAULT = 200
GOOGLE_STATUSES = (403, 429, 500, 503)
CONVERGED_LOOK_S = 0.1

_WAITING = "SELECT count(*) FROM pgqueuer WHERE entrypoint = $1 AND status::text <> 'failed'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a race has shown."""

    figures: Figures
    violations: tuple[Violation, ...]


async def run_race(plan: RacePlan, folder: Path) -> Outcome:
    """Run the race with its journals in `folder`, which has to be empty.

    Raises:
        RaceError: it could not be run to its end.
        ChildError: PostgreSQL does not start.
    """
    begun = time.monotonic()
    with EmbeddedPostgres(durable=True) as server:
        async with GoogleSandbox(zone=ZONE) as google:
            await open_shop(server.dsn(), plan)
            async with Network(server.dsn()) as network, Children(folder) as children:
                setup = Setup(
                    plan=plan,
                    dsn=server.dsn(),
                    booking_dsn=network.dsn,
                    google=_access(google),
                )
                setup.write(folder)
                race = _Race(plan, folder, server, network, google, children)
                await race.run()
                converged_s = await _converge(setup.dsn, plan.converge_s)
                await children.finish_calendar()
            records = await read_records(setup.dsn, google.events)
    lines = read_journals(folder)
    figures = figures_of(
        lines,
        race.crashes,
        rows=len(records.rows),
        booked=sum(row.status == "confirmed" for row in records.rows),
        events=len(records.events),
        google_faults=race.google_faults,
        converged_s=converged_s,
        took_s=time.monotonic() - begun,
    )
    return Outcome(figures=figures, violations=check(read_courses(lines), records, ZONE))


class _Race:
    """The part with callers in it."""

    def __init__(
        self,
        plan: RacePlan,
        folder: Path,
        server: EmbeddedPostgres,
        network: Network,
        google: GoogleSandbox,
        children: Children,
    ) -> None:
        self._plan = plan
        self._server = server
        self._network = network
        self._google = google
        self._children = children
        self._rng = random.Random(f"{plan.seed} crashes")
        self._counter = _Counter(folder)
        self.crashes: list[Crash] = []
        self.google_faults = 0

    async def run(self) -> None:
        plan = self._plan
        for _ in range(plan.calendar_workers):
            await self._children.start_calendar()
        for number in range(plan.processes):
            await self._children.start_booking(f"line{number}")
        kinds = list(plan.crashes.kinds)
        self._rng.shuffle(kinds)
        for number, kind in enumerate(kinds, start=1):
            await self._reach(plan.operations * number // (len(kinds) + 1))
            await self._crash(kind)
        await self._reach(plan.operations)
        await self._children.finish_booking()

    async def _reach(self, operations: int) -> None:
        """Wait until so many operations have begun, and trouble Google meanwhile."""
        seen, since = -1, time.monotonic()
        while self._counter.count() < operations:
            if self._counter.operations > seen:
                seen, since = self._counter.operations, time.monotonic()
            if time.monotonic() - since > STALL_S:
                raise RaceError(f"nothing happens any more after {seen} operations")
            self._children.check_alive()
            self._trouble_google()
            await asyncio.sleep(LOOK_S)

    async def _crash(self, kind: str) -> None:
        down_ns = time.monotonic_ns()
        file = ""
        if kind == "postgres":
            self._server.kill()
            await asyncio.sleep(self._rng.uniform(*DOWN_S))
            self._server.start()
        elif kind == "cuts":
            await self._network.cut()
        elif kind == "callers":
            name = await self._children.replace_booking(self._rng.randrange(self._plan.processes))
            file = name + SUFFIX
        else:
            await self._children.replace_calendar(self._rng.randrange(self._plan.calendar_workers))
        self.crashes.append(Crash(kind, down_ns, time.monotonic_ns(), file))

    def _trouble_google(self) -> None:
        if len(self._google.requests) < (self.google_faults + 1) * REQUESTS_PER_FAULT:
            return
        self.google_faults += 1
        if self._rng.random() < 0.5:
            self._google.fail_next(1, self._rng.choice(GOOGLE_STATUSES))
        else:
            self._google.drop_after_commit_next(1)


class _Counter:
    """Counts the operations in the journals as they grow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self.operations = 0

    def count(self) -> int:
        """Read what is new; return all operations begun so far."""
        for path in self._folder.glob("*" + SUFFIX):
            with path.open("rb") as journal:
                journal.seek(self._read.get(path, 0))
                news = journal.read()
            # What follows the last line end is read again when it is complete.
            whole = news[: news.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            self.operations += whole.count(TRY_MARK)
        return self.operations


async def _converge(dsn: str, limit_s: float) -> float | None:
    """Wait until no calendar job is left; return how long it took, None: longer than `limit_s`."""
    begun = time.monotonic()
    pool = await open_pool(dsn, max_size=1)
    try:
        while time.monotonic() - begun < limit_s:
            async with connection_of(pool, "look at the queue") as conn:
                if not await conn.fetchval(_WAITING, CALENDAR_SYNC):
                    return time.monotonic() - begun
            await asyncio.sleep(CONVERGED_LOOK_S)
        return None
    finally:
        await close_pool(pool)


def _access(google: GoogleSandbox) -> Google:
    return Google(
        calendar_id=google.calendar_id,
        client_id=google.client_id,
        client_secret=google.client_secret,
        refresh_token=google.refresh_token,
        api_root=google.api_root,
        token_url=google.token_url,
    )
