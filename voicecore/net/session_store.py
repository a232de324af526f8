"""`session:{call_sid}` in Redis: what another worker needs to go on with a call.

Redis is speed, not truth: every operation has 50 ms, after which the call goes on without it. Keys
of one call share a hash tag, so that a cluster keeps them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

OPERATION_TIMEOUT_S = 0.05
SESSION_TTL_S = 6 * 3600
ENDED_TTL_S = 15 * 60

T = TypeVar("T")

# A snapshot is written only over an older one, so that a late write of a frozen worker is lost.
_SAVE_LUA = """
local held = tonumber(redis.call('HGET', KEYS[1], 'version') or '-1')
local version = tonumber(ARGV[1])
if version <= held then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'phase', ARGV[2], 'snapshot', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class SessionStore:
    """Snapshots of live calls; every method returns within `OPERATION_TIMEOUT_S` and never raises
    for a Redis that is slow or gone (it answers None or False and logs once per outage)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._save = redis.register_script(_SAVE_LUA)
        self._down = False

    async def save(self, call_sid: str, *, version: int, phase: str, snapshot: bytes) -> bool:
        """Keep the newest snapshot; True when it was written."""
        ttl_s = ENDED_TTL_S if phase == "ended" else SESSION_TTL_S
        key = _key(call_sid)
        written = await self._within(
            lambda: self._save(keys=[key], args=[version, phase, snapshot, ttl_s])
        )
        return written == 1

    async def load(self, call_sid: str) -> dict[str, str] | None:
        """The last snapshot, or None where there is none (or no Redis)."""
        fields = await self._within(
            lambda: cast("Awaitable[dict[str, str]]", self._redis.hgetall(_key(call_sid)))
        )
        return fields or None

    async def ping(self) -> bool:
        """Whether Redis answers in time."""
        return bool(await self._within(lambda: self._redis.ping()))

    async def _within(self, operation: Callable[[], Awaitable[T]]) -> T | None:
        try:
            async with asyncio.timeout(OPERATION_TIMEOUT_S):
                answer = await operation()
        except (RedisError, OSError, TimeoutError, UnicodeDecodeError) as error:
            if not self._down:
                self._down = True
                log.warning("session_store_down", reason=type(error).__name__)
            return None
        if self._down:
            self._down = False
            log.info("session_store_back")
        return answer


def _key(call_sid: str) -> str:
    return f"session:{{{call_sid}}}"
