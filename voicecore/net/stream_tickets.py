"""`ticket:{call_sid}:…` in Redis: single-use tickets for media streams, good on every worker."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

from voicecore.net.redis_link import RedisLink, key_part

TICKET_TTL_S = 60.0


class StreamTickets:
    """Puts tickets down and takes them once; answers False or None when Redis does not."""

    def __init__(self, link: RedisLink, *, ttl_s: float = TICKET_TTL_S) -> None:
        self._link = link
        self._ttl_ms = int(ttl_s * 1000)

    @property
    def is_down(self) -> bool:
        """Whether Redis did not answer the last time."""
        return self._link.is_down

    async def put(self, call_sid: str, ticket: str, body: bytes) -> bool:
        """Keep what the holder of the ticket is to be given; True when it was kept."""
        key = _key(call_sid, ticket)
        client = self._link.client
        return bool(await self._link.ask(lambda: client.set(key, body, px=self._ttl_ms)))

    async def take(self, call_sid: str, ticket: str) -> str | None:
        """Redeem a ticket of this call; of several who try, one gets the body, all others None.

        A ticket shown for another call is not used up.
        """
        key = _key(call_sid, ticket)
        client = self._link.client
        return await self._link.ask(lambda: cast("Awaitable[str | None]", client.getdel(key)))


def _key(call_sid: str, ticket: str) -> str:
    return f"ticket:{{{key_part(call_sid)}}}:{key_part(ticket)}"
