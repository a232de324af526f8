"""What Twilio reports of calls, streams and messages: the furthest word stays.

Reports come twice and in any order. Each column is the maximum of what was reported, by an order
that does not depend on when it came, so that any order of the same reports gives the same rows.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import asyncpg

from crm.calls import checked_sid
from crm.do_not_call import start_texts, stop_texts
from crm.instants import require_aware
from crm.phone_facts import (
    AnswerFacts,
    CallFacts,
    CallProgressFacts,
    IncomingTextFacts,
    MessageStatusFacts,
    StreamFacts,
)
from crm.pool import connection_of, transaction_of
from crm.text import storable

DEADLINE_S = 0.25
"""Twilio waits for the answer, and a caller may be waiting behind it."""
TEXT_MAX_CHARS = 1600

_ENDS_OF_CALLS = ("completed", "busy", "failed", "no-answer", "canceled")
_CALL_STATUSES = frozenset({"queued", "initiated", "ringing", "in-progress", *_ENDS_OF_CALLS})
_ENDS_OF_MESSAGES = ("delivered", "undelivered", "failed", "canceled", "read")
_MESSAGE_STATUSES = frozenset(
    {"accepted", "scheduled", "queued", "sending", "sent", *_ENDS_OF_MESSAGES}
)
# From what says least to what says most.
_VERDICTS = (
    "unknown",
    "human",
    "machine_start",
    "fax",
    "machine_end_other",
    "machine_end_silence",
    "machine_end_beep",
)
# Source: Twilio, Support for opt-out keywords (SMS STOP filtering).
STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
)
START_WORDS = frozenset({"start", "unstop"})

_CALL_ARRIVED = """
INSERT INTO calls AS c (call_sid, direction, from_e164, to_e164, started_at, attestation)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (call_sid) DO UPDATE
   SET direction = EXCLUDED.direction,
       from_e164 = coalesce(c.from_e164, EXCLUDED.from_e164),
       to_e164 = coalesce(c.to_e164, EXCLUDED.to_e164),
       started_at = least(c.started_at, EXCLUDED.started_at),
       attestation = EXCLUDED.attestation
"""
_KNOWS_CALL = """
SELECT EXISTS (SELECT FROM calls WHERE call_sid = $1)
    OR EXISTS (SELECT FROM outbound_attempts WHERE call_sid = $1)
"""
_CALL_STATUS = """
INSERT INTO calls AS c (call_sid, direction, from_e164, to_e164, started_at,
                        status, status_sequence, duration_s, answered_by, error_code)
SELECT $1, 'outbound', $2, $3, $4, $5, $6, $7, $8, $9
 WHERE EXISTS (SELECT FROM calls WHERE call_sid = $1)
    OR EXISTS (SELECT FROM outbound_attempts WHERE call_sid = $1)
ON CONFLICT (call_sid) DO UPDATE
   SET from_e164 = coalesce(c.from_e164, EXCLUDED.from_e164),
       to_e164 = coalesce(c.to_e164, EXCLUDED.to_e164),
       started_at = least(c.started_at, EXCLUDED.started_at),
       status = CASE WHEN (call_step(EXCLUDED.status), coalesce(EXCLUDED.status_sequence, -1),
                           EXCLUDED.status)
                        > (call_step(c.status), coalesce(c.status_sequence, -1),
                           coalesce(c.status, ''))
                     THEN EXCLUDED.status ELSE c.status END,
       status_sequence = greatest(c.status_sequence, EXCLUDED.status_sequence),
       duration_s = greatest(c.duration_s, EXCLUDED.duration_s),
       answered_by = CASE WHEN answer_weight(EXCLUDED.answered_by) > answer_weight(c.answered_by)
                          THEN EXCLUDED.answered_by ELSE c.answered_by END,
       error_code = greatest(c.error_code, EXCLUDED.error_code)
RETURNING true
"""
_ANSWERED_BY = """
INSERT INTO calls AS c (call_sid, direction, started_at, answered_by)
SELECT $1, 'outbound', now(), $2
 WHERE EXISTS (SELECT FROM calls WHERE call_sid = $1)
    OR EXISTS (SELECT FROM outbound_attempts WHERE call_sid = $1)
ON CONFLICT (call_sid) DO UPDATE
   SET answered_by = CASE WHEN answer_weight(EXCLUDED.answered_by) > answer_weight(c.answered_by)
                          THEN EXCLUDED.answered_by ELSE c.answered_by END
RETURNING true
"""
_STREAM_STATUS = """
INSERT INTO call_streams AS s (stream_sid, call_sid, event, error, at)
SELECT $1, c.call_sid, $3, $4, $5 FROM calls c WHERE c.call_sid = $2
ON CONFLICT (call_sid, stream_sid) DO UPDATE
   SET event = CASE WHEN stream_step(EXCLUDED.event) > stream_step(s.event)
                    THEN EXCLUDED.event ELSE s.event END,
       error = greatest(s.error, EXCLUDED.error),
       at = greatest(s.at, EXCLUDED.at)
RETURNING true
"""
_MESSAGE_STATUS = """
UPDATE text_messages m
   SET status = CASE WHEN (message_step($2), $2) > (message_step(m.status), m.status)
                     THEN $2 ELSE m.status END,
       error_code = greatest(m.error_code, $3),
       updated_at = now()
 WHERE m.message_sid = $1 AND m.direction = 'outbound'
RETURNING true
"""
_MESSAGE_IN = """
INSERT INTO text_messages (message_sid, direction, from_e164, to_e164, body, status, needs_human)
VALUES ($1, 'inbound', $2, $3, $4, 'received', $5)
ON CONFLICT (message_sid) DO NOTHING
"""


class PhoneReports:
    """Writes reports down; every method may be repeated, and returns False for what is unknown."""

    __slots__ = ("_pool",)

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def call_arrived(self, call: CallFacts) -> None:
        """Take down a call when it arrives.

        Raises:
            InputError: a bad call SID, or an instant without a zone.
            DatabaseError: no answer in time.
        """
        async with connection_of(self._pool, "call_arrived") as connection:
            await connection.execute(
                _CALL_ARRIVED,
                checked_sid(call.call_sid),
                "outbound" if call.is_outbound else "inbound",
                call.from_e164,
                call.to_e164,
                require_aware(call.started_at, "started_at"),
                str(call.attestation),
            )

    async def knows_call(self, call_sid: str) -> bool:
        """Tell whether there is a row of this call, or an attempt to place it.

        Raises:
            DatabaseError: no answer in time.
        """
        async with self._connection("knows_call") as connection:
            return bool(await connection.fetchval(_KNOWS_CALL, checked_sid(call_sid)))

    async def call_status(self, progress: CallProgressFacts) -> bool:
        """Take down how far a call is.

        Raises:
            InputError: a bad call SID, or an instant without a zone.
            DatabaseError: no answer in time.
        """
        if progress.status not in _CALL_STATUSES:
            return await self.knows_call(progress.call_sid)
        verdict = progress.answered_by if progress.answered_by in _VERDICTS else None
        async with self._connection("call_status") as connection:
            known = await connection.fetchval(
                _CALL_STATUS,
                checked_sid(progress.call_sid),
                progress.from_e164,
                progress.to_e164,
                require_aware(progress.at, "at"),
                progress.status,
                progress.sequence,
                progress.duration_s,
                verdict,
                storable(progress.error_code)[:20] or None,
            )
        return bool(known)

    async def answered_by(self, answer: AnswerFacts) -> bool:
        """Take down who picked up.

        Raises:
            InputError: a bad call SID.
            DatabaseError: no answer in time.
        """
        if answer.verdict not in _VERDICTS:
            return await self.knows_call(answer.call_sid)
        async with self._connection("answered_by") as connection:
            sid = checked_sid(answer.call_sid)
            return bool(await connection.fetchval(_ANSWERED_BY, sid, answer.verdict))

    async def stream_status(self, progress: StreamFacts) -> bool:
        """Take down how far a media stream is.

        Raises:
            InputError: a bad SID, or an instant without a zone.
            DatabaseError: no answer in time.
        """
        async with self._connection("stream_status") as connection:
            known = await connection.fetchval(
                _STREAM_STATUS,
                checked_sid(progress.stream_sid),
                checked_sid(progress.call_sid),
                progress.event,
                storable(progress.error)[:500],
                require_aware(progress.at, "at"),
            )
        return bool(known)

    async def message_status(self, progress: MessageStatusFacts) -> bool:
        """Take down what became of a message of ours.

        Raises:
            InputError: a bad message SID.
            DatabaseError: no answer in time.
        """
        if progress.status not in _MESSAGE_STATUSES:
            return False
        async with self._connection("message_status") as connection:
            sid = checked_sid(progress.message_sid)
            return bool(
                await connection.fetchval(
                    _MESSAGE_STATUS, sid, progress.status, progress.error_code
                )
            )

    async def message_in(self, message: IncomingTextFacts) -> None:
        """Take down a message to us; STOP ends calls and texts, and START takes it back.

        Twilio itself answers STOP and HELP; the rest waits for a person.

        Raises:
            InputError: a bad message SID.
            DatabaseError: no answer in time.
        """
        word = "".join(letter for letter in message.body.casefold() if letter.isalnum())
        stops = message.opt_out_type == "STOP" or word in STOP_WORDS
        starts = message.opt_out_type == "START" or word in START_WORDS
        needs_human = not (stops or starts) and message.opt_out_type != "HELP"
        async with transaction_of(self._pool, "message_in", deadline_s=DEADLINE_S) as connection:
            done = await connection.execute(
                _MESSAGE_IN,
                checked_sid(message.message_sid),
                message.from_e164,
                message.to_e164,
                storable(message.body)[:TEXT_MAX_CHARS],
                needs_human,
            )
            if stops:
                await stop_texts(connection, message.from_e164)
            elif starts and done == "INSERT 0 1":
                # Told once more, it may be older than another STOP.
                await start_texts(connection, message.from_e164)

    def _connection(self, action: str) -> AbstractAsyncContextManager[asyncpg.Connection]:
        return connection_of(self._pool, action, deadline_s=DEADLINE_S)
