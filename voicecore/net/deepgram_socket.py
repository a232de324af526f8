"""Opening and giving back a WebSocket to Deepgram, within a budget a caller does not notice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from dataclasses import dataclass

import aiohttp
from yarl import URL

from voicecore.errors import DeepgramError

SEND_ERRORS = (OSError, aiohttp.ClientError)
"""What sending on a dying socket raises; TimeoutError is an OSError."""

_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_REASON_CHARS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectPolicy:
    """How long and how often to try.

    `delays_s` are the waits before each attempt, with a fifth of jitter; all attempts together
    take at most `budget_s`, one at most `attempt_timeout_s`. A `Retry-After` longer than
    `retry_after_max_s` ends the attempts. `heartbeat_s` is the period of WebSocket pings: a peer
    that leaves one unanswered for half of it is gone.
    """

    delays_s: tuple[float, ...] = (0.0, 0.25, 0.5)
    budget_s: float = 1.5
    attempt_timeout_s: float = 0.9
    retry_after_max_s: float = 1.0
    heartbeat_s: float = 5.0


def is_refusal(error: DeepgramError) -> bool:
    """Whether trying again is pointless: a wrong key, no credit, a wrong parameter."""
    status = error.status
    return status is not None and 400 <= status < 500 and status not in _TRANSIENT_STATUSES


async def connect(
    session: aiohttp.ClientSession,
    url: str,
    *,
    api_key: str,
    service: str,
    policy: ConnectPolicy,
) -> aiohttp.ClientWebSocketResponse:
    """Open a WebSocket; `service` is "listen" or "speak", for the error only.

    Raises:
        DeepgramError: refused for good, or no connection within the budget.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + policy.budget_s
    error = DeepgramError(service, "no connection in time")
    wait_s = 0.0
    for delay_s in policy.delays_s:
        pause_s = max(delay_s * random.uniform(0.8, 1.2), wait_s)
        if wait_s > policy.retry_after_max_s or loop.time() + pause_s >= deadline:
            break
        await asyncio.sleep(pause_s)
        limit_s = min(policy.attempt_timeout_s, deadline - loop.time())
        try:
            async with asyncio.timeout(limit_s):
                return await _attempt(session, url, api_key, policy.heartbeat_s)
        except aiohttp.WSServerHandshakeError as exc:
            error = DeepgramError(service, _refusal_text(exc), exc.status)
            wait_s = _retry_after_s(exc)
        except (OSError, aiohttp.ClientError, ValueError) as exc:
            error = DeepgramError(service, type(exc).__name__)
            wait_s = 0.0
        if is_refusal(error) or session.closed:
            break
    # Raised outside the handlers: the handshake error carries the request with its key.
    raise error


async def release(ws: aiohttp.ClientWebSocketResponse, *, timeout_s: float) -> None:
    """Close `ws`: politely for `timeout_s`, then by force, so that no descriptor stays behind.

    A peer that no longer reads would keep a socket with unsent bytes open for minutes.
    """
    copy = _copy_of_socket(ws)
    try:
        with contextlib.suppress(*SEND_ERRORS):
            async with asyncio.timeout(timeout_s):
                await ws.close()
    finally:
        if copy is not None:
            with contextlib.suppress(OSError):
                copy.shutdown(socket.SHUT_RDWR)
            copy.close()


async def receive(ws: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
    """Return the next message; a connection that broke is a message of type ERROR or CLOSED."""
    try:
        return await ws.receive()
    except SEND_ERRORS as error:
        # Answering the peer's ping failed.
        return aiohttp.WSMessage(aiohttp.WSMsgType.ERROR, error, None)


def close_reason(message: aiohttp.WSMessage) -> str:
    """Say how a connection ended, in a few words for the log."""
    if message.type is aiohttp.WSMsgType.CLOSE:
        return f"closed {message.data}: {message.extra or ''}"[:_REASON_CHARS_MAX].rstrip(": ")
    if message.type is aiohttp.WSMsgType.ERROR:
        return f"connection lost: {type(message.data).__name__}"
    return "connection lost"


async def _attempt(
    session: aiohttp.ClientSession, url: str, api_key: str, heartbeat_s: float
) -> aiohttp.ClientWebSocketResponse:
    if session.closed:
        raise aiohttp.ClientConnectionError("the session is closed")
    return await session.ws_connect(
        # Encoded already: yarl would write the spaces of a query as plus signs.
        URL(url, encoded=True),
        headers={"Authorization": f"Token {api_key}"},
        heartbeat=heartbeat_s,
        timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
        compress=0,
    )


def _refusal_text(error: aiohttp.WSServerHandshakeError) -> str:
    said = _header(error, "dg-error") or error.message
    return f"upgrade refused: {said}"[:_REASON_CHARS_MAX]


def _retry_after_s(error: aiohttp.WSServerHandshakeError) -> float:
    """Seconds that the server asks us to wait; dates are not used by Deepgram."""
    text = _header(error, "Retry-After")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _header(error: aiohttp.WSServerHandshakeError, name: str) -> str:
    return "" if error.headers is None else error.headers.get(name, "")


def _copy_of_socket(ws: aiohttp.ClientWebSocketResponse) -> socket.socket | None:
    original = ws.get_extra_info("socket")
    if original is None:
        return None
    try:
        return socket.fromfd(original.fileno(), original.family, original.type)
    except OSError:
        return None
