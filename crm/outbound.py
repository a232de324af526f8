"""Reminder calls in the database: who is due, and the row that stands before every call.

A row of `outbound_attempts` is written, and committed, before Twilio is asked to dial. It goes
`dialing` -> `done` with its outcome, or back to `claimed` when nobody answered and there may be
another call. Its unique key is what lets no second call be made, whoever crashes when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

REMINDER = "reminder"

_ROW = """
SELECT a.appointment_id, a.version, a.status, lower(a.during) AS start, a.service_code,
       c.customer_id, c.first_name, c.last_name, c.region, p.phone_e164,
       EXISTS (SELECT FROM do_not_call d WHERE d.phone_e164 = p.phone_e164) AS opted_out,
       o.attempt_id, o.status AS attempt_status, coalesce(o.attempt, 0) AS attempts,
       (SELECT coalesce(sum(r.attempt), 0)::integer FROM outbound_attempts r
         WHERE r.phone_e164 = p.phone_e164 AND r.kind = 'reminder'
           AND r.dialed_at > {now} - interval '30 days') AS recent_calls
  FROM appointments a
  JOIN customers c ON c.customer_id = a.customer_id
  LEFT JOIN LATERAL (
      SELECT f.phone_e164 FROM customer_phones f WHERE f.customer_id = c.customer_id
       ORDER BY f.is_primary DESC, f.created_at, f.phone_e164 LIMIT 1) p ON true
  LEFT JOIN LATERAL (
      SELECT t.attempt_id, t.status, t.attempt FROM outbound_attempts t
       WHERE t.appointment_id = a.appointment_id AND t.kind = 'reminder'
       ORDER BY t.appointment_version DESC LIMIT 1) o ON true
"""
_DUE = f"""{_ROW.format(now="$3::timestamptz")}
 WHERE a.status = 'confirmed' AND lower(a.during) >= $1 AND lower(a.during) < $2
 ORDER BY lower(a.during), a.appointment_id
"""
_ONE = f"{_ROW.format(now='$2::timestamptz')} WHERE a.appointment_id = $1"
# A word that comes between the look and this is still heard; so is a change of the appointment.
_CLAIM = """
INSERT INTO outbound_attempts AS o (appointment_id, appointment_version, kind, phone_e164,
                                    status, dialed_at, claimed_at, updated_at, tries)
SELECT a.appointment_id, a.version, 'reminder', $3, 'dialing', $4, $4, $4, 1
  FROM appointments a
 WHERE a.appointment_id = $1 AND a.version = $2 AND a.status = 'confirmed'
   AND NOT EXISTS (SELECT FROM do_not_call d WHERE d.phone_e164 = $3)
ON CONFLICT (appointment_id, kind, appointment_version) DO UPDATE
   SET status = 'dialing', phone_e164 = EXCLUDED.phone_e164, dialed_at = EXCLUDED.dialed_at,
       claimed_at = EXCLUDED.claimed_at, attempt = o.attempt + 1, tries = o.tries + 1,
       call_sid = NULL, outcome = NULL, updated_at = EXCLUDED.updated_at
 WHERE o.status = 'claimed' AND o.attempt < $5
RETURNING attempt_id, attempt
"""
_OPEN = """
SELECT attempt_id, appointment_id, appointment_version, phone_e164, claimed_at, dialed_at, tries,
       call_sid
  FROM outbound_attempts
 WHERE appointment_id = $1 AND kind = 'reminder' AND status IN ('dialing', 'answered')
"""
_STALE = """
SELECT attempt_id, appointment_id, appointment_version, phone_e164, claimed_at, dialed_at, tries,
       call_sid
  FROM outbound_attempts
 WHERE kind = 'reminder' AND status IN ('dialing', 'answered') AND dialed_at < $1
 ORDER BY attempt_id LIMIT 500
"""
_DIAL_AGAIN = """
UPDATE outbound_attempts o SET dialed_at = $3, tries = tries + 1, updated_at = $3
 WHERE attempt_id = $1 AND dialed_at = $2 AND status = 'dialing' AND call_sid IS NULL
   AND EXISTS (SELECT FROM appointments a WHERE a.appointment_id = o.appointment_id
                  AND a.version = o.appointment_version AND a.status = 'confirmed')
   AND NOT EXISTS (SELECT FROM do_not_call d WHERE d.phone_e164 = o.phone_e164)
RETURNING true
"""
_BIND = """
UPDATE outbound_attempts SET call_sid = $2, updated_at = now()
 WHERE attempt_id = $1 AND kind = 'reminder' AND status = 'dialing' AND call_sid IS NULL
"""
_CALLED = """
SELECT o.appointment_id, o.phone_e164, c.first_name FROM outbound_attempts o
  JOIN appointments a ON a.appointment_id = o.appointment_id
  JOIN customers c ON c.customer_id = a.customer_id
 WHERE o.attempt_id = $1 AND o.call_sid = $2 AND o.kind = 'reminder'
"""
_KNOWN_CALLS = "SELECT call_sid FROM outbound_attempts WHERE call_sid = ANY ($1::text[])"
_CLOSE = """
WITH closed AS (
    UPDATE outbound_attempts SET status = $2, outcome = $3, updated_at = $4
     WHERE attempt_id = $1 AND status IN ('dialing', 'answered')
    RETURNING attempt_id, appointment_id, attempt, call_sid
)
INSERT INTO appointment_events (appointment_id, event, actor, call_sid, detail)
SELECT appointment_id, 'reminder', 'scheduler', call_sid,
       jsonb_build_object('outcome', $3::text, 'attempt', attempt, 'attempt_id', attempt_id)
  FROM closed
RETURNING appointment_id
"""
_NOTE_MAILBOX = """
UPDATE outbound_attempts SET outcome = 'voicemail'
 WHERE call_sid = $1 AND kind = 'reminder' AND status IN ('dialing', 'answered')
   AND outcome IS NULL
RETURNING true
"""
_FACTS = """
SELECT o.attempt_id, o.appointment_id, o.appointment_version, o.phone_e164,
       o.status AS attempt_status, o.attempt, o.call_sid,
       k.status AS call_status, k.answered_by, k.ended_at, k.stats,
       EXISTS (SELECT FROM do_not_call d WHERE d.call_sid = o.call_sid) AS opted_out
  FROM outbound_attempts o LEFT JOIN calls k ON k.call_sid = o.call_sid
 WHERE o.attempt_id = $1
"""
_ATTEMPT_OF_CALL = """
SELECT attempt_id FROM outbound_attempts
 WHERE call_sid = $1 AND kind = 'reminder' AND status IN ('dialing', 'answered')
"""
_PACE = """
UPDATE outbound_pace
   SET next_at = greatest(next_at, coalesce($1, clock_timestamp())) + $2::interval
RETURNING extract(epoch FROM next_at - $2::interval - coalesce($1, clock_timestamp()))::float8
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRow:
    """An appointment, its customer and what is known of calls about it.

    `attempt_status` is None where nobody has been called; `recent_calls` counts the reminders to
    this number within thirty days.
    """

    appointment_id: int
    version: int
    status: str
    start: datetime
    service_code: str
    customer_id: int
    first_name: str
    last_name: str
    region: str | None
    phone_e164: str | None
    opted_out: bool
    attempt_id: int | None
    attempt_status: str | None
    attempts: int
    recent_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """A call that was asked for and has no result yet; without `call_sid` nobody knows of it."""

    attempt_id: int
    appointment_id: int
    appointment_version: int
    phone_e164: str
    claimed_at: datetime
    dialed_at: datetime
    tries: int
    call_sid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """All that is known of one reminder call; `stats` is what the dialog left, as JSON text."""

    attempt_id: int
    appointment_id: int
    appointment_version: int
    phone_e164: str
    attempt_status: str
    attempt: int
    call_sid: str | None
    call_status: str | None
    answered_by: str | None
    ended_at: datetime | None
    stats: str | None
    opted_out: bool


async def due_reminders(
    connection: asyncpg.Connection, begin: datetime, end: datetime, now: datetime
) -> tuple[ReminderRow, ...]:
    """Return the confirmed appointments that start from `begin` to before `end`, in order."""
    return tuple(ReminderRow(**row) for row in await connection.fetch(_DUE, begin, end, now))


async def reminder_row(
    connection: asyncpg.Connection, appointment_id: int, now: datetime
) -> ReminderRow | None:
    """Return one appointment, whatever its status."""
    row = await connection.fetchrow(_ONE, appointment_id, now)
    return None if row is None else ReminderRow(**row)


async def claim(
    connection: asyncpg.Connection, row: ReminderRow, now: datetime, *, most_attempts: int
) -> int | None:
    """Write the attempt down before its call; return its id, None: somebody else has it.

    None also where the customer has opted out or the appointment has changed in between.

    Raises:
        UniqueViolationError: this number's phone rings already.
    """
    found = await connection.fetchrow(
        _CLAIM, row.appointment_id, row.version, row.phone_e164, now, most_attempts
    )
    return None if found is None else int(found["attempt_id"])


async def open_attempt(connection: asyncpg.Connection, appointment_id: int) -> OpenAttempt | None:
    """Return the call about an appointment that is under way, if any."""
    row = await connection.fetchrow(_OPEN, appointment_id)
    return None if row is None else OpenAttempt(**row)


async def stale_attempts(
    connection: asyncpg.Connection, before: datetime
) -> tuple[OpenAttempt, ...]:
    """Return the calls begun before an instant that still have no result, at most 500."""
    return tuple(OpenAttempt(**row) for row in await connection.fetch(_STALE, before))


async def dial_again(connection: asyncpg.Connection, attempt: OpenAttempt, now: datetime) -> bool:
    """Take over an attempt whose call was never made; False: somebody else did, or none is due."""
    found = await connection.fetchval(_DIAL_AGAIN, attempt.attempt_id, attempt.dialed_at, now)
    return bool(found)


async def bind_call(connection: asyncpg.Connection, attempt_id: int, call_sid: str) -> None:
    """Note which call an attempt has become; the first one stays."""
    await connection.execute(_BIND, attempt_id, call_sid)


async def called_person(
    connection: asyncpg.Connection, attempt_id: int, call_sid: str
) -> tuple[int, str, str] | None:
    """Return appointment, number and first name behind a call; None: it is no such call."""
    row = await connection.fetchrow(_CALLED, attempt_id, call_sid)
    return None if row is None else (row["appointment_id"], row["phone_e164"], row["first_name"])


async def known_calls(connection: asyncpg.Connection, call_sids: Sequence[str]) -> frozenset[str]:
    """Return those of the calls that belong to an attempt already."""
    rows = await connection.fetch(_KNOWN_CALLS, list(call_sids))
    return frozenset(row["call_sid"] for row in rows)


async def close_attempt(
    connection: asyncpg.Connection, attempt_id: int, *, status: str, outcome: str, now: datetime
) -> bool:
    """Write the result of a call to its attempt and to the appointment, once."""
    return await connection.fetchval(_CLOSE, attempt_id, status, outcome, now) is not None


async def note_mailbox(connection: asyncpg.Connection, call_sid: str) -> bool:
    """Note that a call has reached a mailbox; True the first time, while the call lasts."""
    return bool(await connection.fetchval(_NOTE_MAILBOX, call_sid))


async def call_facts(connection: asyncpg.Connection, attempt_id: int) -> CallFacts | None:
    """Return what is known of an attempt's call."""
    row = await connection.fetchrow(_FACTS, attempt_id)
    return None if row is None else CallFacts(**row)


async def attempt_of_call(connection: asyncpg.Connection, call_sid: str) -> int | None:
    """Return the attempt that waits for the result of this call."""
    found = await connection.fetchval(_ATTEMPT_OF_CALL, call_sid)
    return None if found is None else int(found)


async def seconds_until_turn(
    connection: asyncpg.Connection, *, every_s: float, now: datetime | None = None
) -> float:
    """Reserve the next moment to place a call, over all workers; return how far away it is.

    Without `now` the database's clock counts, which all workers share.
    """
    wait_s = await connection.fetchval(_PACE, now, timedelta(seconds=every_s))
    return max(0.0, float(wait_s))
