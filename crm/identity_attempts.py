"""Counts wrong facts about accounts over all calls of a day, so that nobody guesses for long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo

import asyncpg

from crm.phone import caller_number
from crm.pool import connection_of
from crm.principal import RowSecurity

MOST_MISSES_A_DAY = 10
KEPT_DAYS = 7

_LINE, _ABOUT = "line", "about"
_WORST = """
SELECT coalesce(max(misses), 0) FROM identity_attempts a
  JOIN unnest($2::text[], $3::text[]) AS asked (side, phone_e164) USING (side, phone_e164)
 WHERE a.day = $1
"""
# In one order, so that two calls that count the same numbers cannot wait for each other.
_COUNT = """
WITH old AS (DELETE FROM identity_attempts WHERE day < $4)
INSERT INTO identity_attempts AS a (day, side, phone_e164, misses)
SELECT $1, side, phone_e164, 1
  FROM unnest($2::text[], $3::text[]) AS missed (side, phone_e164) ORDER BY side, phone_e164
ON CONFLICT (day, side, phone_e164) DO UPDATE SET misses = a.misses + 1
"""


class IdentityAttempts:
    """The counter of all workers, in PostgreSQL: a restart or another worker forgives nothing.

    What is said over a line about its own number counts at the line only, so that others cannot
    shut anybody out of their account on their own line.

    Args:
        pool: from `crm.pool.open_pool`; stays the caller's.
        zone: the shop's zone, whose days count.
        clock: what counts as now.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        zone: tzinfo,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._zone = zone
        self._clock = clock

    async def may_try(self, line_e164: str | None, claimed_e164: str) -> bool:
        """Say whether fewer than ten facts were wrong today, over the line and about the number.

        Raises:
            DatabaseError: no answer in time.
        """
        sides, phones = _counters(line_e164, claimed_e164)
        with RowSecurity.as_shop():
            async with connection_of(self._pool, "identity attempts") as connection:
                worst: int = await connection.fetchval(_WORST, self._today(), sides, phones)
        return worst < MOST_MISSES_A_DAY

    async def note_miss(self, line_e164: str | None, claimed_e164: str) -> None:
        """Count a wrong fact about a number, said over a line; None: a withheld number.

        Raises:
            DatabaseError: no answer in time; it may have been counted.
        """
        sides, phones = _counters(line_e164, claimed_e164)
        day = self._today()
        with RowSecurity.as_shop():
            async with connection_of(self._pool, "identity attempts") as connection:
                await connection.execute(
                    _COUNT, day, sides, phones, day - timedelta(days=KEPT_DAYS)
                )

    def _today(self) -> date:
        return self._clock().astimezone(self._zone).date()


def _counters(line_e164: str | None, claimed_e164: str) -> tuple[list[str], list[str]]:
    """Return side and number of each counter; what is no number has none."""
    line = caller_number(line_e164, "US") if line_e164 else None
    claimed = caller_number(claimed_e164, "US")
    counters = [(_LINE, line)] if line else []
    if claimed and claimed != line:
        counters.append((_ABOUT, claimed))
    return [side for side, _ in counters], [phone for _, phone in counters]
