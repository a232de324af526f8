"""The journal of calls: every entry can be written twice, and in any order, to the same effect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import asyncpg

from crm.errors import InputError
from crm.instants import require_aware
from crm.pool import connection_of
from crm.text import storable, storable_json

CALL_SID_MAX_CHARS = 64
_TURN_LIMIT = 1_000_000
_LATENCY_LIMIT_MS = 3_600_000

_UPSERT_START = """
INSERT INTO calls (call_sid, direction, from_e164, to_e164, customer_id, started_at)
VALUES ($1, coalesce($2, 'inbound'), $3, $4, $5, $6)
ON CONFLICT (call_sid) DO UPDATE
   SET direction = coalesce($2, calls.direction),
       from_e164 = coalesce(EXCLUDED.from_e164, calls.from_e164),
       to_e164 = coalesce(EXCLUDED.to_e164, calls.to_e164),
       customer_id = coalesce(EXCLUDED.customer_id, calls.customer_id),
       started_at = least(EXCLUDED.started_at, calls.started_at),
       updated_at = now()
"""
# The call may be unknown when its first entry was lost: the turn then brings a row for it.
_UPSERT_TURN = """
WITH known AS (
    INSERT INTO calls (call_sid, direction, started_at) VALUES ($1, 'inbound', $9)
    ON CONFLICT (call_sid) DO NOTHING
)
INSERT INTO call_turns (call_sid, turn, role, text, heard, interrupted, latency_ms, detail, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (call_sid, turn, role) DO UPDATE
   SET text = EXCLUDED.text,
       heard = coalesce(EXCLUDED.heard, call_turns.heard),
       interrupted = EXCLUDED.interrupted OR call_turns.interrupted,
       latency_ms = coalesce(EXCLUDED.latency_ms, call_turns.latency_ms),
       detail = call_turns.detail || EXCLUDED.detail,
       at = least(EXCLUDED.at, call_turns.at)
"""
# A call ends once: the first report of its end stays. A transfer is an end only until the caller is
# back: then the later end counts, whichever was written first.
_UPSERT_END = """
INSERT INTO calls (call_sid, direction, started_at, ended_at, outcome, summary, stats)
VALUES ($1, 'inbound', $2, $2, $3, $4, $5)
ON CONFLICT (call_sid) DO UPDATE
   SET ended_at = CASE WHEN calls.ended_at IS NULL
                             OR (calls.outcome = 'transfer' AND EXCLUDED.outcome <> 'transfer')
                       THEN greatest(EXCLUDED.ended_at, calls.started_at)
                       ELSE calls.ended_at END,
       outcome = CASE WHEN calls.outcome IS NULL OR calls.outcome = 'transfer'
                      THEN EXCLUDED.outcome ELSE calls.outcome END,
       summary = CASE WHEN calls.ended_at IS NULL OR calls.outcome = 'transfer'
                      THEN EXCLUDED.summary ELSE calls.summary END,
       stats = CASE WHEN calls.ended_at IS NULL OR calls.outcome = 'transfer'
                    THEN EXCLUDED.stats ELSE calls.stats END,
       updated_at = now()
"""


class Direction(StrEnum):
    """Who rang whom, seen from the shop."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Role(StrEnum):
    """Who spoke."""

    CALLER = "caller"
    AGENT = "agent"


class CallJournal:
    """Writes what happened on the phone; losing an entry never harms a call, so callers go on."""

    __slots__ = ("_pool",)

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def call_started(
        self,
        call_sid: str,
        *,
        at: datetime,
        from_e164: str | None = None,
        to_e164: str | None = None,
        customer_id: int | None = None,
        direction: Direction | None = None,
    ) -> None:
        """Record that a call began, or complete what is known of it; inbound until told otherwise.

        Raises:
            InputError: a bad call SID, or `at` has no zone.
            DatabaseError: no answer in time; repeating is safe.
        """
        sid = checked_sid(call_sid)
        started_at = require_aware(at, "at")
        async with connection_of(self._pool, "call_started") as connection:
            await connection.execute(
                _UPSERT_START,
                sid,
                None if direction is None else direction.value,
                _optional(from_e164),
                _optional(to_e164),
                customer_id,
                started_at,
            )

    async def turn_recorded(
        self,
        call_sid: str,
        *,
        turn: int,
        role: str,
        text: str,
        at: datetime,
        interrupted: bool = False,
        detail: Mapping[str, object] | None = None,
        heard: str | None = None,
        latency_ms: int | None = None,
    ) -> None:
        """Record one side of a turn, or add to it what became known later.

        `role` is a `Role`; `heard` is what reached the caller's ear, None: unknown or all;
        `detail` is anything that JSON can hold, such as the turn's tool calls.

        Raises:
            InputError: a bad call SID, turn or role, or `at` has no zone.
            DatabaseError: no answer in time; repeating is safe.
        """
        sid = checked_sid(call_sid)
        if not 0 <= turn < _TURN_LIMIT:
            raise InputError("turn", "is out of range")
        if role not in set(Role):
            raise InputError("role", "is neither caller nor agent")
        require_aware(at, "at")
        async with connection_of(self._pool, "turn_recorded") as connection:
            await connection.execute(
                _UPSERT_TURN,
                sid,
                turn,
                str(role),
                storable(text),
                _optional(heard),
                interrupted,
                None if latency_ms is None else max(0, min(latency_ms, _LATENCY_LIMIT_MS)),
                storable_json(detail or {}),
                at,
            )

    async def call_ended(
        self,
        call_sid: str,
        *,
        at: datetime,
        outcome: str,
        summary: str = "",
        stats: Mapping[str, object] | None = None,
    ) -> None:
        """Record how a call ended; the first report stays.

        Raises:
            InputError: a bad call SID, or `at` has no zone.
            DatabaseError: no answer in time; repeating is safe.
        """
        sid = checked_sid(call_sid)
        ended_at = require_aware(at, "at")
        async with connection_of(self._pool, "call_ended") as connection:
            await connection.execute(
                _UPSERT_END,
                sid,
                ended_at,
                storable(outcome),
                storable(summary),
                storable_json(stats or {}),
            )


def checked_sid(call_sid: str) -> str:
    """Return a SID that can be a key.

    Raises:
        InputError: it is empty, too long or holds anything but ASCII letters and digits.
    """
    if not call_sid.isascii() or not call_sid.isalnum() or len(call_sid) > CALL_SID_MAX_CHARS:
        raise InputError("call_sid", "is not an identifier")
    return call_sid


def _optional(text: str | None) -> str | None:
    return None if text is None else storable(text)
