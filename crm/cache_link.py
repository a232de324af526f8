"""The way to the cache's Redis: pooled, inside a budget, and with a circuit for a dead server.

Theory of operation: a caller must never wait for a cache, so every look-up and every write owns a
`Budget` which all its commands draw from. When a command fails or runs out of budget the circuit
opens: nobody asks any more, until a probe finds the server well again (`CustomerCache` makes it).

Readers of one turn of the event loop go out together, as one MGET: fifty callers cost one round
trip instead of fifty. The first of them reads for all; who comes while it reads waits for the next
turn, and one of those reads then. No task of our own is needed for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

# Redis answers one command after another, and each connection costs a millisecond to open: more of
# them would only make a burst of look-ups slower.
CONNECTIONS = 8
# For whoever asks outside `CacheLink`, whose budgets are shorter.
CONNECT_DEADLINE_S = 1.0
PROBE_EVERY_S = 1.0

# uvloop answers a write to a connection that is just being closed with RuntimeError.
FAILURES = (RedisError, OSError, TimeoutError, UnicodeError, RuntimeError)

T = TypeVar("T")


class LinkDownError(Exception):
    """Redis did not do it in time; never leaves the cache."""


class Budget:
    """What one look-up or write may spend on Redis in all, in seconds."""

    __slots__ = ("left_s",)

    def __init__(self, left_s: float) -> None:
        self.left_s = left_s


def open_cache_redis(url: str) -> Redis:
    """Return a client with a pool, text answers and short deadlines; close it with `aclose`.

    Text that is not UTF-8 is read with replacement characters instead of an error. Nothing is
    repeated by itself: a repeat would not fit into the budget. The deadline of a command is its
    `Budget`: `socket_timeout` would write under `asyncio.wait_for`, which under Python 3.11 loses a
    cancellation that comes as the write ends, and with it the deadline around it.
    """
    pool: ConnectionPool = ConnectionPool.from_url(
        url,
        decode_responses=True,
        encoding_errors="replace",
        protocol=2,
        driver_info=None,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_DEADLINE_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class CacheLink:
    """Sends commands within a budget; remembers whether the server is worth asking."""

    def __init__(self, client: Redis, *, probe_every_s: float = PROBE_EVERY_S) -> None:
        self._client = client
        self._probe_every_s = probe_every_s
        self._probe_at = 0.0
        self._waiting: list[_Reader] = []
        self._is_reading = False
        self._opened = asyncio.Event()
        # A pool that makes its users wait is not fair to them; this one has a connection for all.
        self._seats = asyncio.Semaphore(CONNECTIONS)

    @property
    def is_open(self) -> bool:
        """Whether the circuit is open: Redis failed, and no probe has succeeded since."""
        return self._opened.is_set()

    @property
    def is_probe_due(self) -> bool:
        """Whether the open circuit may be tried again."""
        return asyncio.get_running_loop().time() >= self._probe_at

    async def wait_open(self) -> None:
        """Return once the circuit is open."""
        await self._opened.wait()

    def close_circuit(self) -> None:
        """Note that the server is well again."""
        if self._opened.is_set():
            self._opened.clear()
            log.info("the customer cache is back")

    async def run(self, budget: Budget, work: Callable[[], Awaitable[T]]) -> T:
        """Run commands inside what is left of `budget`; a failure opens the circuit.

        Raises:
            LinkDownError: they were not done in time.
        """

        async def seated() -> T:
            async with self._seats:
                return await work()

        return await self._within(budget, seated)

    async def _within(self, budget: Budget, work: Callable[[], Awaitable[T]]) -> T:
        if budget.left_s <= 0:
            raise LinkDownError
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(budget.left_s):
                return await work()
        except FAILURES as error:
            self._open(type(error).__name__)
            raise LinkDownError from error
        finally:
            budget.left_s -= loop.time() - begun

    async def read(self, budget: Budget, key: str) -> str | None:
        """Return the text under a key; None: there is none, or something that is no text.

        Raises:
            LinkDownError: no answer in time.
        """
        return await self._within(budget, lambda: self._read(key))

    async def _read(self, key: str) -> str | None:
        reader = _Reader(key)
        self._waiting.append(reader)
        if not self._is_reading:
            self._is_reading = reader.take_turn()
        try:
            if await reader.turn:
                await self._read_batch()
        finally:
            if reader.has_turn:
                self._pass_on()
        return reader.value

    async def _read_batch(self) -> None:
        # One turn of the loop lets everybody who was woken in this one come along.
        await asyncio.sleep(0)
        batch, self._waiting = self._waiting, []
        keys = list(dict.fromkeys(reader.key for reader in batch))
        try:
            async with self._seats:
                answer = cast("Sequence[str | None]", await self._client.mget(keys))
        except FAILURES as error:
            for reader in (*batch, *self._waiting):
                reader.fail(error)
            self._waiting = []
            raise
        except BaseException:
            # Only this reader gave up: the others are read for in the next turn.
            self._waiting = [reader for reader in batch if not reader.turn.done()] + self._waiting
            raise
        found = dict(zip(keys, answer, strict=True))
        for reader in batch:
            reader.finish(found[reader.key])

    def _pass_on(self) -> None:
        """Let the next one read who still waits."""
        self._is_reading = any(reader.take_turn() for reader in self._waiting)

    def _open(self, reason: str) -> None:
        self._probe_at = asyncio.get_running_loop().time() + self._probe_every_s
        if not self._opened.is_set():
            self._opened.set()
            log.warning("the customer cache is bypassed: %s", reason)


class _Reader:
    """One who waits for a value; `turn` tells them that it is there, or that they are to read."""

    __slots__ = ("key", "turn", "value")

    def __init__(self, key: str) -> None:
        self.key = key
        self.value: str | None = None
        self.turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    @property
    def has_turn(self) -> bool:
        """Whether this one was made the one who reads."""
        ended = self.turn.done() and not self.turn.cancelled() and self.turn.exception() is None
        return ended and self.turn.result()

    def take_turn(self) -> bool:
        """Make this one the next who reads; False when they do not wait any more."""
        if self.turn.done():
            return False
        self.turn.set_result(True)
        return True

    def finish(self, value: str | None) -> None:
        self.value = value
        if not self.turn.done():
            self.turn.set_result(False)

    def fail(self, error: Exception) -> None:
        if not self.turn.done():
            self.turn.set_exception(error)
            self.turn.exception()
