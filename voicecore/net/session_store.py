"""`session:{call_sid}` in Redis: what another worker needs to go on with a call.

Redis is speed, not truth: every operation has 50 ms, after which the call goes on without it. Keys
of one call share a hash tag, so that a cluster keeps them together. Every key expires by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import cast

from redis.asyncio import Redis

from voicecore.net.redis_link import OPERATION_TIMEOUT_S, RedisLink, key_part
from voicecore.net.session_scripts import APPEND_TURN, CHANGE_PHASE, SAVE, TAKE_OVER

__all__ = ["ENDED_TTL_S", "OPERATION_TIMEOUT_S", "SESSION_TTL_S", "SessionStore"]

SESSION_TTL_S = 6 * 3600
ENDED_TTL_S = 15 * 60
ENDED = "ended"
_TURN = "turn:"


class Written(IntEnum):
    """What became of a write: the scripts' answers, and `UNKNOWN` where none came.

    `REFUSED`: a newer version, the same turn or another phase is there. `FENCED`: another worker
    has taken the call over, so the writer must stop serving it.
    """

    DONE = 1
    REFUSED = 0
    FENCED = -1
    UNKNOWN = -2


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session as Redis holds it; epoch 0 and version -1: nobody took it over, nothing saved."""

    owner: str
    epoch: int
    phase: str
    version: int
    snapshot: str
    turns: Mapping[int, str]

    @classmethod
    def parse(cls, fields: Mapping[str, str]) -> StoredSession:
        """Read the fields of the hash.

        Raises:
            ValueError: a number is none.
        """
        return cls(
            owner=fields.get("owner", ""),
            epoch=int(fields.get("epoch", "0")),
            phase=fields.get("phase", ""),
            version=int(fields.get("version", "-1")),
            snapshot=fields.get("snapshot", ""),
            turns={
                int(name.removeprefix(_TURN)): body
                for name, body in fields.items()
                if name.startswith(_TURN)
            },
        )


class SessionStore:
    """Sessions of live calls; every method returns within 50 ms and never raises for a Redis that
    is slow or gone (it answers `UNKNOWN`, None or False, and logs once per outage).

    `epoch` is what `take_over` returned to this worker; 0 for a call that nobody takes over.
    """

    def __init__(self, redis: Redis, *, link: RedisLink | None = None) -> None:
        self._redis = redis
        self._link = link or RedisLink(redis)

    async def save(
        self, call_sid: str, *, version: int, phase: str, snapshot: bytes, epoch: int = 0
    ) -> bool:
        """Keep the newest snapshot; True when it was written.

        `version` counts up with each snapshot of an owner.
        """
        args = (version, _bytes(phase), snapshot)
        return await self._write(SAVE, call_sid, phase, epoch, *args) is Written.DONE

    async def append_turn(
        self, call_sid: str, *, turn: int, body: bytes, epoch: int = 0
    ) -> Written:
        """Add turn number `turn`; what is there already under the number stays as it is."""
        return await self._write(APPEND_TURN, call_sid, "", epoch, turn, body)

    async def change_phase(self, call_sid: str, *, old: str, new: str, epoch: int = 0) -> Written:
        """Go from phase `old` ("": none yet) to `new`; of several who try, one is `DONE`."""
        args = (_bytes(old), _bytes(new))
        return await self._write(CHANGE_PHASE, call_sid, new, epoch, *args)

    async def take_over(self, call_sid: str, *, owner: str, seen_epoch: int) -> int | None:
        """Make `owner` the one who may write; returns the new epoch.

        `seen_epoch` is the epoch that was read last (0: none). None: somebody else took the call
        over since, or Redis did not answer. Repeating it with the same `owner` is safe, so the
        name must be one worker's own.
        """
        answer = await self._link.run(
            TAKE_OVER, _key(call_sid), seen_epoch, SESSION_TTL_S, _bytes(owner)
        )
        return int(answer) if answer else None

    async def read(self, call_sid: str) -> StoredSession | None:
        """The session, or None where there is none that could be read (or no Redis)."""
        fields = await self.load(call_sid)
        try:
            return None if fields is None else StoredSession.parse(fields)
        except ValueError:
            return None

    async def load(self, call_sid: str) -> dict[str, str] | None:
        """The fields of the hash as they are, or None where there are none (or no Redis)."""
        fields = await self._link.ask(
            lambda: cast("Awaitable[dict[str, str]]", self._redis.hgetall(_key(call_sid)))
        )
        return fields or None

    async def ping(self) -> bool:
        """Whether Redis answers in time."""
        return bool(await self._link.ask(lambda: self._redis.ping()))

    async def _write(
        self, script: str, call_sid: str, phase: str, epoch: int, *args: int | bytes
    ) -> Written:
        ttl_s = ENDED_TTL_S if phase == ENDED else SESSION_TTL_S
        answer = await self._link.run(script, _key(call_sid), epoch, ttl_s, *args)
        return Written.UNKNOWN if answer is None else Written(answer)


def _key(call_sid: str) -> str:
    return f"session:{{{key_part(call_sid)}}}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
