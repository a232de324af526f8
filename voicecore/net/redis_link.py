"""The way to Redis for everything that a call keeps there: 50 ms, and never an error.

Redis is speed, not truth. An operation that is not answered in time is given up, and for a moment
nobody tries again; the next one after that moment is the probe. So a dead server costs one caller a
few milliseconds every half second, and is in use again at the first operation after its return.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

log = structlog.get_logger()

# Less than the 50 ms that a caller may be made to wait, for what comes on top.
OPERATION_TIMEOUT_S = 0.03
# For whoever asks outside `RedisLink`, whose own deadline is shorter.
CONNECT_TIMEOUT_S = 1.0
PROBE_EVERY_S = 0.5
# Redis answers one command after another, and each connection costs a millisecond to open: more of
# them would only make a burst of calls slower.
CONNECTIONS = 8

# uvloop answers a write to a connection that is just being closed with RuntimeError.
_UNREACHABLE = (RedisConnectionError, RedisTimeoutError, OSError, TimeoutError, RuntimeError)
_REFUSED = (RedisError, UnicodeError)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")

T = TypeVar("T")


def open_session_redis(url: str) -> Redis:
    """Return a pooled client with text answers and short deadlines; close it with `aclose`.

    Text that is not UTF-8 is read with replacement characters instead of an error. Nothing is
    repeated by itself: a repeat would not fit into the time. The deadline of a command is that of
    `RedisLink`: `socket_timeout` would write under `asyncio.wait_for`, which under Python 3.11
    loses a cancellation that comes as the write ends, and with it the deadline around it.
    """
    pool: ConnectionPool = ConnectionPool.from_url(
        url,
        decode_responses=True,
        encoding_errors="replace",
        protocol=2,
        driver_info=None,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class RedisLink:
    """Runs operations in time or not at all; one for everything that uses the same server."""

    def __init__(
        self,
        client: Redis,
        *,
        timeout_s: float = OPERATION_TIMEOUT_S,
        probe_every_s: float = PROBE_EVERY_S,
    ) -> None:
        self.client = client
        self._timeout_s = timeout_s
        self._probe_every_s = probe_every_s
        self._probe_at = 0.0
        self._is_down = False
        # A pool that makes its users wait is not fair to them; this one has a connection for all.
        self._seats = asyncio.Semaphore(CONNECTIONS)

    @property
    def is_down(self) -> bool:
        """Whether the last operation found no server that answers in time."""
        return self._is_down

    async def ask(self, operation: Callable[[], Awaitable[T]]) -> T | None:
        """Return the answer, or None where there was none in time or Redis refused."""
        loop = asyncio.get_running_loop()
        if self._is_down:
            if loop.time() < self._probe_at:
                return None
            self._probe_at = loop.time() + self._probe_every_s
        try:
            async with asyncio.timeout(self._timeout_s), self._seats:
                answer = await operation()
        except _UNREACHABLE as error:
            self._went_down(type(error).__name__)
            return None
        except _REFUSED as error:
            log.warning("redis_refused", reason=type(error).__name__)
            return None
        if self._is_down:
            self._is_down = False
            log.info("session_store_back")
        return answer

    async def run(self, script: str, key: str, *args: str | int | bytes) -> Any:
        """Return what a Lua script answers for one key, or None as `ask` does.

        The text goes along each time: a server that has just come up is no special case, and the
        compiled script is found by its hash on the other side.
        """
        return await self.ask(lambda: self.client.eval(script, 1, key, *args))

    def _went_down(self, reason: str) -> None:
        self._probe_at = asyncio.get_running_loop().time() + self._probe_every_s
        if not self._is_down:
            self._is_down = True
            log.warning("session_store_down", reason=reason)


def key_part(text: str) -> str:
    """Return a part of a key: plain words stay, anything else is hashed, whatever it holds."""
    if _PLAIN.fullmatch(text):
        return text
    return "~" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
