"""People who do not want to hear from us: no reminder reaches a number that stands here."""

from __future__ import annotations

import asyncpg

STOPPED_BY_TEXT = "answered a text message with STOP"
SAID_SO = "asked for it on the phone"

_ADD = """
INSERT INTO do_not_call (phone_e164, reason, call_sid) VALUES ($1, $2, $3)
ON CONFLICT (phone_e164) DO UPDATE
   SET reason = CASE WHEN do_not_call.reason = $4 THEN EXCLUDED.reason ELSE do_not_call.reason END,
       call_sid = coalesce(do_not_call.call_sid, EXCLUDED.call_sid)
"""
_STOP_TEXTS = """
INSERT INTO do_not_call (phone_e164, reason, texts_stopped_at) VALUES ($1, $2, now())
ON CONFLICT (phone_e164) DO UPDATE
   SET texts_stopped_at = coalesce(do_not_call.texts_stopped_at, EXCLUDED.texts_stopped_at)
"""
_START_TEXTS = """
WITH gone AS (DELETE FROM do_not_call WHERE phone_e164 = $1 AND reason = $2)
UPDATE do_not_call SET texts_stopped_at = NULL WHERE phone_e164 = $1 AND reason <> $2
"""
_HAS_STOPPED_TEXTS = """
SELECT EXISTS (SELECT FROM do_not_call WHERE phone_e164 = $1 AND texts_stopped_at IS NOT NULL)
"""


async def opt_out(
    connection: asyncpg.Connection, phone_e164: str, call_sid: str | None = None
) -> None:
    """Never ring this number again, as somebody said on the phone; the first call stays."""
    await connection.execute(_ADD, phone_e164, SAID_SO, call_sid, STOPPED_BY_TEXT)


async def stop_texts(connection: asyncpg.Connection, phone_e164: str) -> None:
    """Neither ring nor text this number again, as its owner sent STOP."""
    await connection.execute(_STOP_TEXTS, phone_e164, STOPPED_BY_TEXT)


async def start_texts(connection: asyncpg.Connection, phone_e164: str) -> None:
    """Take back a STOP by text; what somebody has said on the phone stays."""
    await connection.execute(_START_TEXTS, phone_e164, STOPPED_BY_TEXT)


async def has_stopped_texts(connection: asyncpg.Connection, phone_e164: str) -> bool:
    """Say whether this number has refused text messages."""
    return bool(await connection.fetchval(_HAS_STOPPED_TEXTS, phone_e164))
