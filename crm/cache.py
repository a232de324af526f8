"""`customer:{phone}` in Redis: what a look-up by number brought, for 300 s or until it changes.

Theory of operation. The cache never says what the database has already taken back:

- A reader who misses takes a *lease* (a random token under the key), then asks the database, and
  fills the key only if the lease is still there, in one script. So a fill always brings what was
  read after its lease was granted.
- A writer puts a *tombstone* under every number of the customer **before** it commits, and takes
  it away after. The tombstone removes value and lease, and gives no new lease. So whoever read
  before the commit has lost their lease, whoever reads between tombstone and commit gets none, and
  whoever is given one after that reads what was committed. Tombstones carry the tokens of all
  writers at work, and the last one takes it away.
- A writer that dies between commit and removal leaves the tombstone behind; until it expires the
  readers go to the database, which is right and costs a few milliseconds.
- A writer that cannot reach Redis commits nevertheless and remembers the keys. This process asks
  the cache nothing more before they are deleted, and it keeps trying. Other processes that still
  reach Redis may see the old value until then; that is the one gap, and the 300 s end it.

Within a process, readers of one number share one fetch. They get its answer only if its fill went
through: then no write can have begun since the last of them came. Across processes the lease has
the same effect: who finds one waits a moment for the value, then takes the lease over.

Numbers that name nobody are not cached: the query is cheap, and a customer whom the shop has just
written down by other means is found at once.

Redis gets 30 ms of each look-up and of each write in all, whatever happens; after a failure nobody
asks it until a probe succeeds.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeAlias

from redis.asyncio import Redis

from crm.cache_link import Budget, CacheLink, LinkDownError
from crm.cache_scripts import ACQUIRE, FILL, MARK, SETTLE, State, Taking
from crm.caller_codec import VERSION_PREFIX, decode, encode, without_past
from crm.directory import CallerRecord

VALUE_TTL_S = 300.0
# Longer than a look-up may take; a fetch that was cancelled blocks the number no longer than this.
LEASE_TTL_S = 3.0
# Much longer than a transaction may take.
TOMBSTONE_TTL_S = 10.0
BUDGET_S = 0.03
BUSY_WAIT_S = 0.005
DECODED_MAX = 1024
RECOVERY_BUDGET_S = 0.5
RECOVER_EVERY_S = 0.5
# Each round ends with an answer unless a write came between.
ROUNDS = 3

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_TOKEN_BYTES = 8

People: TypeAlias = tuple[CallerRecord, ...]
Load: TypeAlias = Callable[[], Awaitable[Sequence[CallerRecord]]]


@dataclass(slots=True)
class CacheCounts:
    """How look-ups and fills went since the start."""

    hits: int = 0
    misses: int = 0
    shared: int = 0
    bypassed: int = 0
    fills: int = 0
    fills_refused: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """A writer's tombstones, to be settled after the commit."""

    token: str
    keys: tuple[str, ...]
    budget: Budget


class CustomerCache:
    """Caller records by number; see the module for why they are never stale.

    Args:
        client: from `crm.cache_link.open_cache_redis`; stays the caller's.
        zone: the shop's zone, in which appointments are returned.
        clock: what counts as now.
        budget_s: what Redis gets of each look-up and of each write.
    """

    def __init__(
        self,
        client: Redis,
        *,
        zone: tzinfo,
        budget_s: float = BUDGET_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.counts = CacheCounts()
        self._zone = zone
        self._clock = clock
        self._budget_s = budget_s
        self._link = CacheLink(client)
        self._client = client
        self._flights: dict[str, asyncio.Future[People | None]] = {}
        self._owed: dict[tuple[str, str], float] = {}
        # Reading a text costs more than fetching it; the same text is read once.
        self._decoded: OrderedDict[str, tuple[str, People]] = OrderedDict()
        self._is_recovering = False

    @property
    def is_bypassed(self) -> bool:
        """Whether look-ups go to the database because Redis failed."""
        return self._link.is_open

    async def fetch(self, phone: str, load: Load) -> People:
        """Return the records under a number: from the cache, or from `load`, which may be shared.

        Raises:
            Whatever `load` raises; never an error of Redis.
        """
        key = key_of(phone)
        budget = Budget(self._budget_s)
        for _ in range(ROUNDS):
            try:
                await self._require_well(budget)
                text = await self._link.read(budget, key)
            except LinkDownError:
                break
            people = None if text is None else self._decode(text, phone)
            if people is not None:
                self.counts.hits += 1
                return people
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(_Fetch(phone, key, load, budget))
            people = await asyncio.shield(flight)
            if people is not None:
                self.counts.shared += 1
                return people
        self.counts.bypassed += 1
        return tuple(await load())

    async def mark(self, phones: Iterable[str]) -> Mark:
        """Announce a change of whoever is under these numbers; call it before the commit.

        After the commit, or a rollback, the mark must be settled. Where the outcome is unknown it
        must not be: the tombstones expire by themselves.
        """
        keys = tuple(dict.fromkeys(key_of(phone) for phone in phones))
        mark = Mark(secrets.token_hex(_TOKEN_BYTES), keys, Budget(self._budget_s))
        self._detach(keys)
        try:
            if self._link.is_open:
                raise LinkDownError
            args = (mark.token, int(TOMBSTONE_TTL_S * 1000))
            await self._run_on_all(mark.budget, MARK, [(key, args) for key in keys])
        except LinkDownError:
            self._owe(mark)
        return mark

    async def settle(self, mark: Mark, also: Iterable[str] = ()) -> None:
        """Take the tombstones away, as the change is committed; `also` names further numbers.

        Tried even when Redis failed just now, within what `mark` has left of the budget.
        """
        extra = tuple(key_of(phone) for phone in also)
        keys = tuple(dict.fromkeys((*mark.keys, *extra)))
        self._detach(keys)
        try:
            await self._run_on_all(mark.budget, SETTLE, [(key, (mark.token,)) for key in keys])
        except LinkDownError:
            self._owe(Mark(mark.token, keys, mark.budget))

    async def run(self) -> None:
        """Bring the cache back after each outage, until cancelled."""
        while True:
            await self._link.wait_open()
            while self._link.is_open:
                await asyncio.sleep(RECOVER_EVERY_S)
                await self._recover(Budget(RECOVERY_BUDGET_S))

    async def _require_well(self, budget: Budget) -> None:
        if not self._link.is_open:
            return
        if self._is_recovering or not self._link.is_probe_due:
            raise LinkDownError
        if not await self._recover(budget):
            raise LinkDownError

    async def _recover(self, budget: Budget) -> bool:
        """Delete what is owed; only then the cache is asked again."""
        if self._is_recovering:
            return False
        self._is_recovering = True
        try:
            await self._link.run(budget, self._client.ping)
            while owed := self._due():
                await self._run_on_all(budget, SETTLE, [(key, (token,)) for key, token in owed])
                for item in owed:
                    self._owed.pop(item, None)
        except LinkDownError:
            return False
        finally:
            self._is_recovering = False
        self._link.close_circuit()
        return True

    def _owe(self, mark: Mark) -> None:
        # After this long no value from before the change can be left, by its own TTL.
        until = asyncio.get_running_loop().time() + VALUE_TTL_S + LEASE_TTL_S
        self._owed.update({(key, mark.token): until for key in mark.keys})

    def _due(self) -> list[tuple[str, str]]:
        now = asyncio.get_running_loop().time()
        self._owed = {item: until for item, until in self._owed.items() if until > now}
        return list(self._owed)

    async def _lead(self, fetch: _Fetch) -> People:
        """Fetch for everybody who asks for the number meanwhile."""
        self.counts.misses += 1
        flight: asyncio.Future[People | None] = asyncio.get_running_loop().create_future()
        self._flights[fetch.key] = flight
        try:
            people, is_current = await self._take_lease_and_load(fetch, flight)
        except BaseException as error:
            if isinstance(error, Exception):
                flight.set_exception(error)
                flight.exception()
            else:
                flight.set_result(None)
            raise
        finally:
            if self._flights.get(fetch.key) is flight:
                del self._flights[fetch.key]
        flight.set_result(people if is_current else None)
        return people

    async def _take_lease_and_load(
        self, fetch: _Fetch, flight: asyncio.Future[People | None]
    ) -> tuple[People, bool]:
        """Return the records, and whether they were current after `flight` had left."""
        token = secrets.token_hex(_TOKEN_BYTES)
        cached = await self._take_lease(fetch, token)
        if isinstance(cached, tuple):
            return cached, False
        people = tuple(await fetch.load())
        # Whoever comes from here on fetches anew: the fill cannot vouch for them. A flight that a
        # writer of this process has detached is not filled at all.
        is_ours = self._flights.pop(fetch.key, None) is flight
        if cached is not State.GRANTED or not is_ours:
            return people, False
        return people, await self._keep(fetch, token, people)

    async def _take_lease(self, fetch: _Fetch, token: str) -> People | State:
        """Return what another reader has filled meanwhile, or whether a fill is allowed."""
        try:
            for taking in Taking:
                state, text = await self._try_lease(fetch, token, taking)
                if state is State.BUSY:
                    await asyncio.sleep(BUSY_WAIT_S)
                elif state is not State.HELD:
                    return state
                elif (people := self._decode(text, fetch.phone)) is not None:
                    self.counts.hits += 1
                    return people
        except LinkDownError:
            pass
        return State.CHANGING

    async def _try_lease(self, fetch: _Fetch, token: str, taking: Taking) -> tuple[State, str]:
        args = (VERSION_PREFIX, token, int(LEASE_TTL_S * 1000), int(taking))
        state, text = await self._run(fetch.budget, ACQUIRE, fetch.key, *args)
        return State(state), text

    async def _keep(self, fetch: _Fetch, token: str, people: People) -> bool:
        """Fill the key, or give the lease back if there is nothing to keep; True: it was ours."""
        text = encode(fetch.phone, people) if people else None
        args = (token, text or "", int(VALUE_TTL_S * 1000))
        try:
            kept = await self._run(fetch.budget, FILL, fetch.key, *args)
        except LinkDownError:
            return False
        if kept != 1:
            self.counts.fills_refused += 1
            return False
        self.counts.fills += 1
        return True

    async def _run(self, budget: Budget, script: str, key: str, *args: str | int) -> Any:
        """Run a script for one key; a server that has just come up needs no special care."""
        return await self._link.run(budget, lambda: self._client.eval(script, 1, key, *args))

    async def _run_on_all(
        self, budget: Budget, script: str, calls: Sequence[tuple[str, tuple[str | int, ...]]]
    ) -> None:
        """Run a script once for each key, all in one round trip."""

        async def run() -> None:
            pipeline = self._client.pipeline(transaction=False)
            for key, args in calls:
                pipeline.eval(script, 1, key, *args)
            await pipeline.execute()

        if calls:
            await self._link.run(budget, run)

    def _detach(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._flights.pop(key, None)

    def _decode(self, text: str, phone: str) -> People | None:
        known = self._decoded.get(phone)
        if known is None or known[0] != text:
            people = decode(text, phone, zone=self._zone)
            if people is None:
                return None
            known = self._decoded[phone] = (text, people)
            if len(self._decoded) > DECODED_MAX:
                self._decoded.popitem(last=False)
        return without_past(known[1], self._clock())


@dataclass(frozen=True, slots=True)
class _Fetch:
    """One look-up that missed."""

    phone: str
    key: str
    load: Load
    budget: Budget


def key_of(phone: str) -> str:
    """Return the key of a number; what is no E.164 number is hashed, whatever it holds."""
    if _E164.fullmatch(phone):
        return f"customer:{phone}"
    digest = hashlib.sha256(phone.encode("utf-8", "surrogatepass")).hexdigest()
    return f"customer:~{digest}"
