"""`live_calls` in Redis: how many calls all workers have together, and no more than so many.

A sorted set of calls by the end of their lease, on the server's own clock. Workers renew the leases
of their calls; those of a worker that died run out, so the count heals by itself. Renewing puts a
call back that Redis has forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum, auto

from voicecore.net.redis_link import RedisLink, key_part

LEASE_S = 30.0
KEY = "live_calls"

_NOW = """
local clock = redis.call('TIME')
local now_ms = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
local kind = redis.call('TYPE', KEYS[1])
kind = kind.ok or kind
if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now_ms))
"""
ADMIT = (
    _NOW
    + """
local lease_ms, cap, call = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
if not redis.call('ZSCORE', KEYS[1], call) and redis.call('ZCARD', KEYS[1]) >= cap then
  return 0
end
redis.call('ZADD', KEYS[1], text(now_ms + lease_ms), call)
redis.call('PEXPIRE', KEYS[1], text(lease_ms * 2))
return 1
"""
)
"""ARGV: lease in ms, most calls, the call. 1: it is one of them now, 0: there is no room."""

RENEW = (
    _NOW
    + """
local lease_ms = tonumber(ARGV[1])
for place = 2, #ARGV do
  redis.call('ZADD', KEYS[1], text(now_ms + lease_ms), ARGV[place])
end
redis.call('PEXPIRE', KEYS[1], text(lease_ms * 2))
return redis.call('ZCARD', KEYS[1])
"""
)
"""ARGV: lease in ms, calls. How many calls there are."""


class Admission(Enum):
    """Whether a call is let in; `UNKNOWN`: Redis did not say, the worker's own cap decides."""

    ADMITTED = auto()
    FULL = auto()
    UNKNOWN = auto()


class CallCap:
    """Lets no more than `max_calls` calls in over all workers; all must be given the same."""

    def __init__(self, link: RedisLink, *, max_calls: int, lease_s: float = LEASE_S) -> None:
        self._link = link
        self._max_calls = max_calls
        self._lease_ms = int(lease_s * 1000)

    async def admit(self, call_sid: str) -> Admission:
        """Let a call in, or not; one that is in already stays in, so a repeat is safe."""
        answer = await self._link.run(
            ADMIT, KEY, self._lease_ms, self._max_calls, key_part(call_sid)
        )
        if answer is None:
            return Admission.UNKNOWN
        return Admission.ADMITTED if answer == 1 else Admission.FULL

    async def renew(self, call_sids: Iterable[str]) -> int | None:
        """Keep this worker's calls in; returns how many there are in all. Do it thrice a lease."""
        calls = (key_part(call_sid) for call_sid in call_sids)
        answer = await self._link.run(RENEW, KEY, self._lease_ms, *calls)
        return None if answer is None else int(answer)

    async def keep(self, calls: Callable[[], Iterable[str]]) -> None:
        """Renew what `calls` returns, thrice a lease, until cancelled."""
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            await self.renew(calls())

    async def release(self, call_sid: str) -> None:
        """Note that a call is over; without Redis its lease runs out."""
        await self._link.ask(lambda: self._link.client.zrem(KEY, key_part(call_sid)))
