"""Days of reminders in virtual time: real rows, a real REST stand-in, workers that die.

Jobs lie in a heap instead of PgQueuer, which goes by the database's clock; the key of a job works
as there. What the stand-in was asked for is read from the stand-in itself, and judged by zones that
this file looks up on its own.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import asyncpg
import phonenumbers
from phonenumbers import timezone

from crm.calls import CallJournal
from crm.do_not_call import opt_out, stop_texts
from crm.phone_reports import PhoneReports
from scheduler.job_kind import PostponedError
from scheduler.jobs import JobQueue
from scheduler.reminder_call import ReminderCaller
from scheduler.reminder_jobs import reminder_kinds
from scheduler.reminder_plan import ReminderPlanner
from scheduler.reminder_result import ReminderResults
from scheduler.reminder_rules import ReminderRules
from voicecore.net.outbound_dialer import DialOutcome, OutboundDialer
from voicecore.net.phone_events import CallProgress
from voicecore.net.twilio_rest import RestCall
from voicecore.sandbox.twilio import TwilioSandbox

TAKEOVER = timedelta(seconds=30)
STATE_ZONES = {"IL": "America/Chicago", "HI": "Pacific/Honolulu", "NY": "America/New_York"}


class WorkerDiedError(Exception):
    """The process is gone at this point; another one takes the job over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """A call as the stand-in saw it, at the virtual time it was asked for."""

    at: datetime
    to: str
    attempt_id: int


@dataclass(slots=True)
class VirtualClock:
    """Time that only the simulation moves."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


class VirtualJobs(JobQueue):
    """The queue's promise, in virtual time: of jobs with one key one waits or runs at a time."""

    def __init__(self, pool: asyncpg.Pool, clock: VirtualClock) -> None:
        super().__init__(pool)
        self._clock = clock
        self._order = itertools.count()
        self.heap: list[tuple[datetime, int, str, Mapping[str, object], int]] = []
        self.keys: dict[int, str] = {}

    async def enqueue(
        self,
        conn: asyncpg.Connection,
        kind: str,
        payload: Mapping[str, object],
        *,
        dedupe_key: str | None = None,
        run_after: timedelta | None = None,
    ) -> bool:
        del conn
        if dedupe_key is not None and dedupe_key in self.keys.values():
            return False
        number = next(self._order)
        if dedupe_key is not None:
            self.keys[number] = dedupe_key
        due = self._clock.now + (run_after or timedelta(0))
        heapq.heappush(self.heap, (due, number, kind, payload, 0))
        return True


class VirtualDialer:
    """The product's dialer on the stand-in; it dies where it is told to, and dates the calls."""

    def __init__(
        self,
        twilio: TwilioSandbox,
        dialer: OutboundDialer,
        clock: VirtualClock,
        rng: random.Random,
        trouble: float,
    ) -> None:
        self._twilio = twilio
        self._dialer = dialer
        self._clock = clock
        self._rng = rng
        self._trouble = trouble
        self.seen: dict[str, SeenCall] = {}

    def admits(self, to_e164: str) -> bool:
        return self._dialer.admits(to_e164)

    async def dial(self, to_e164: str, attempt_id: int) -> DialOutcome:
        luck = self._rng.random()
        if luck < self._trouble / 3:
            raise WorkerDiedError("before the request")
        outcome = await self._dialer.dial(to_e164, attempt_id)
        self._date_calls()
        if luck < self._trouble * 2 / 3:
            raise WorkerDiedError("after the request, before the row")
        if luck < self._trouble:
            return DialOutcome(unknown=True, reason="the answer was lost")
        return outcome

    async def calls_to(self, to_e164: str) -> tuple[RestCall, ...] | None:
        if self._rng.random() < self._trouble:
            return None
        found = await self._dialer.calls_to(to_e164)
        return found and tuple(map(self._dated, found))

    async def find_call(self, call_sid: str) -> RestCall | None:
        found = await self._dialer.find_call(call_sid)
        return found and self._dated(found)

    def _date_calls(self) -> None:
        forms = self._twilio.rest.call_forms
        for (sid, call), form in zip(list(self._twilio.calls.items()), forms, strict=True):
            if sid not in self.seen:
                query = parse_qs(urlsplit(form["Url"][0]).query)
                self.seen[sid] = SeenCall(
                    at=self._clock.now, to=call.to, attempt_id=int(query["attempt"][0])
                )

    def _dated(self, call: RestCall) -> RestCall:
        at = self.seen[call.call_sid].at
        return RestCall(call_sid=call.call_sid, status=call.status, created_at=at)


@dataclass(slots=True)
class VirtualMonth:
    """A shop's reminders over some days."""

    pool: asyncpg.Pool
    clock: VirtualClock
    jobs: VirtualJobs
    dialer: VirtualDialer
    results: ReminderResults
    kinds: Mapping[str, Callable[[dict[str, Any], int], Any]]
    rng: random.Random
    opted_out: dict[str, datetime] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    deaths: int = 0

    @classmethod
    def open(
        cls,
        pool: asyncpg.Pool,
        twilio: TwilioSandbox,
        dialer: OutboundDialer,
        *,
        start: datetime,
        zone: ZoneInfo,
        seed: int = 1,
        trouble: float = 0.3,
        most_attempts: int = 1,
        admits: Callable[[str], bool] | None = None,
    ) -> VirtualMonth:
        clock, rng = VirtualClock(start), random.Random(seed)
        jobs = VirtualJobs(pool, clock)
        virtual = VirtualDialer(twilio, dialer, clock, rng, trouble)
        rules = ReminderRules(
            zone=zone, admits=admits or virtual.admits, most_attempts=most_attempts
        )
        results = ReminderResults(
            pool, jobs, most_attempts=most_attempts, dialer=virtual, clock=clock
        )
        kinds = reminder_kinds(
            ReminderPlanner(pool, jobs, rules, clock),
            ReminderCaller(pool, virtual, rules, clock=clock),
            results,
        )
        runs = {kind.name: kind.run for kind in kinds}
        return cls(pool, clock, jobs, virtual, results, runs, rng)

    async def run(self, until: datetime) -> None:
        """Let time pass: cron fires every hour, twice or three times, and jobs run when due."""
        while self.clock.now < until:
            for _ in range(self.rng.choice((1, 2, 3))):
                await self.kinds["reminder_plan"]({}, 0)
            await self.kinds["reminder_sweep"]({}, 0)
            await self._work(self.clock.now + timedelta(hours=1))

    async def _work(self, until: datetime) -> None:
        while self.jobs.heap and self.jobs.heap[0][0] < until:
            due, number, kind, payload, attempt = heapq.heappop(self.jobs.heap)
            self.clock.now = max(self.clock.now, due)
            back: timedelta | None = None
            try:
                await self.kinds[kind](dict(payload), attempt)
            except PostponedError as postponed:
                back = postponed.delay
            except WorkerDiedError:
                self.deaths += 1
                back = TAKEOVER
            if back is None:
                self.jobs.keys.pop(number, None)
            else:
                again = (self.clock.now + back, number, kind, payload, attempt + 1)
                heapq.heappush(self.jobs.heap, again)
            await self._let_calls_happen()
        self.clock.now = until

    async def _let_calls_happen(self) -> None:
        """Play what Twilio and the people called do, once a call is known to us."""
        for sid in self.dialer.seen.keys() - self.told:
            seen = self.dialer.seen[sid]
            fate = self.rng.choice(("human", "human", "no-answer", "busy", "stop", "opt_out"))
            if fate in ("no-answer", "busy"):
                known = await self.pool.fetchval(
                    "SELECT EXISTS (SELECT FROM outbound_attempts WHERE call_sid = $1)", sid
                )
                if not known:
                    continue
                await self._report(sid, fate)
            else:
                person = await self.results.person_called(sid, seen.attempt_id)
                assert person is not None and person[1] == seen.to
                await self._talk(sid, seen, fate)
            self.told.add(sid)

    async def _talk(self, sid: str, seen: SeenCall, fate: str) -> None:
        now = self.clock.now
        async with self.pool.acquire() as connection:
            if fate == "opt_out":
                await opt_out(connection, seen.to, sid)
            if fate == "stop":
                await stop_texts(connection, seen.to)
        if fate in ("stop", "opt_out"):
            self.opted_out.setdefault(seen.to, now)
        await self._report(sid, "in-progress")
        deeds = {"deeds": {"confirmed": 1}} if fate == "human" else {}
        await CallJournal(self.pool).call_ended(sid, at=now, outcome="agent", stats=deeds)
        await self._report(sid, "completed")

    async def _report(self, sid: str, status: str) -> None:
        reports = PhoneReports(self.pool)
        for _ in range(self.rng.choice((1, 2))):
            known = await reports.call_status(
                CallProgress(call_sid=sid, status=status, at=self.clock.now)
            )
            assert known
            await self.results.call_status(sid, status)

    async def violations(self, allowed: Sequence[str]) -> list[str]:
        """Return every rule that the calls at the stand-in have broken, in words."""
        rows = await self.pool.fetch(
            "SELECT o.attempt_id, o.appointment_id, c.region FROM outbound_attempts o"
            " JOIN appointments USING (appointment_id) JOIN customers c USING (customer_id)"
        )
        behind = {row["attempt_id"]: row for row in rows}
        found, about = [], set[int]()
        for call in self.dialer.seen.values():
            row = behind[call.attempt_id]
            if call.to not in allowed:
                found.append(f"stranger {call.to}")
            for zone in own_zones(call.to, row["region"]):
                local = call.at.astimezone(zone)
                if not time(8) <= local.time() < time(21):
                    found.append(f"hour {local.isoformat()} {zone.key} {call.to}")
            if row["appointment_id"] in about:
                found.append(f"twice {row['appointment_id']}")
            about.add(row["appointment_id"])
            stopped = self.opted_out.get(call.to)
            if stopped is not None and call.at > stopped:
                found.append(f"opted out {call.to}")
        moments = sorted(call.at for call in self.dialer.seen.values())
        return found + [
            f"pace {first}"
            for first, second in itertools.pairwise(moments)
            if second - first < timedelta(0)
        ]


def own_zones(phone_e164: str, region: str | None) -> list[ZoneInfo]:
    names = set(timezone.time_zones_for_number(phonenumbers.parse(phone_e164)))
    if region in STATE_ZONES:
        names.add(STATE_ZONES[region])
    return [ZoneInfo(name) for name in names if name != timezone.UNKNOWN_TIMEZONE]
