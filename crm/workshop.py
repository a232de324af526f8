"""What the workshop and a customer tell each other: extra work, and whether the customer comes.

Both are steps of an appointment, written down in `appointment_events` and never changed: staff
add an `estimate` with `{"work": text, "price_cents": number}`, the customer's word on it follows as
a step of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from crm.errors import InputError
from crm.pool import connection_of, transaction_of
from crm.text import storable

ESTIMATE, APPROVED, DECLINED = "estimate", "estimate_approved", "estimate_declined"
VISIT_CONFIRMED = "visit_confirmed"
WORK_MAX_CHARS = 200
_MOST_CENTS = 100_000_000

# An estimate that was written in another shape is not read out.
_OPEN = """
SELECT e.event_id, e.appointment_id, e.detail->>'work' AS work,
       (e.detail->>'price_cents')::integer AS price_cents
  FROM appointment_events e JOIN appointments a USING (appointment_id)
 WHERE a.customer_id = $1 AND a.status IN ('checked_in', 'in_progress') AND e.event = 'estimate'
   AND e.detail->>'work' IS NOT NULL AND e.detail->>'price_cents' ~ '^[0-9]{1,9}$'
   AND NOT EXISTS (
       SELECT FROM appointment_events x
        WHERE x.appointment_id = e.appointment_id
          AND x.event IN ('estimate_approved', 'estimate_declined')
          AND x.detail->>'estimate_id' = e.event_id::text)
 ORDER BY e.event_id
"""
# The lock makes two answers at the same time come one after the other.
_LOCK = """
SELECT a.appointment_id FROM appointments a JOIN appointment_events e USING (appointment_id)
 WHERE e.event_id = $1 AND a.customer_id = $2
   FOR UPDATE OF a
"""
_LOCK_VISIT = """
SELECT appointment_id FROM appointments
 WHERE appointment_id = $1 AND customer_id = $2 AND status = 'confirmed'
   FOR UPDATE
"""
_INSERT = """
INSERT INTO appointment_events (appointment_id, event, actor, call_sid, detail)
VALUES ($1, $2, $3, $4, $5::jsonb)
"""
_IS_CONFIRMED = """
SELECT EXISTS (SELECT FROM appointment_events
                WHERE appointment_id = $1 AND event = 'visit_confirmed' AND call_sid = $2)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Extra work that waits for the customer's word."""

    estimate_id: int
    appointment_id: int
    work: str
    price_cents: int


class CrmWorkshop:
    """Answers the dialog's questions about the workshop, each under a deadline of its own."""

    __slots__ = ("_pool",)

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def open_estimates(self, customer_id: int) -> Sequence[Estimate]:
        """Return the extra work on this customer's cars that waits for an answer, oldest first.

        Raises:
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "open_estimates") as connection:
            return await _open_estimates(connection, customer_id)

    async def answer_estimate(
        self, estimate_id: int, *, customer_id: int, approved: bool, call_sid: str
    ) -> bool:
        """Write the answer down; False: the estimate is answered, or not this customer's.

        Raises:
            DatabaseError: no answer in time; repeating is safe.
        """
        async with transaction_of(self._pool, "answer_estimate") as connection:
            appointment_id = await connection.fetchval(_LOCK, estimate_id, customer_id)
            waiting = await _open_estimates(connection, customer_id)
            if all(entry.estimate_id != estimate_id for entry in waiting):
                return False
            await connection.execute(
                _INSERT,
                appointment_id,
                APPROVED if approved else DECLINED,
                "customer",
                call_sid or None,
                json.dumps({"estimate_id": estimate_id}),
            )
            return True

    async def confirm_visit(self, appointment_id: int, *, customer_id: int, call_sid: str) -> bool:
        """Write down that the customer comes, once a call; False: no such appointment.

        Raises:
            DatabaseError: no answer in time; repeating is safe.
        """
        async with transaction_of(self._pool, "confirm_visit") as connection:
            found = await connection.fetchval(_LOCK_VISIT, appointment_id, customer_id)
            if found is None:
                return False
            if not await connection.fetchval(_IS_CONFIRMED, appointment_id, call_sid):
                await connection.execute(
                    _INSERT, appointment_id, VISIT_CONFIRMED, "customer", call_sid or None, "{}"
                )
            return True


async def propose_estimate(
    connection: asyncpg.Connection, appointment_id: int, *, work: str, price_cents: int, actor: str
) -> None:
    """Ask the customer to approve extra work.

    Raises:
        InputError: no text, or an amount that cannot be.
    """
    work = storable(work).strip()[:WORK_MAX_CHARS]
    if not work:
        raise InputError("work", "is empty")
    if not 0 <= price_cents < _MOST_CENTS:
        raise InputError("price_cents", "is out of range")
    detail = json.dumps({"work": work, "price_cents": price_cents})
    await connection.execute(_INSERT, appointment_id, ESTIMATE, actor, None, detail)


async def _open_estimates(connection: asyncpg.Connection, customer_id: int) -> tuple[Estimate, ...]:
    rows = await connection.fetch(_OPEN, customer_id)
    return tuple(
        Estimate(
            estimate_id=row["event_id"],
            appointment_id=row["appointment_id"],
            work=row["work"],
            price_cents=row["price_cents"],
        )
        for row in rows
    )
