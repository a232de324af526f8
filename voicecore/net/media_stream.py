"""`GET /media-stream`: the WebSocket on which Twilio brings one call."""

from __future__ import annotations

import asyncio
import socket

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from voicecore.errors import SignatureError, TwilioProtocolError
from voicecore.net.server_parts import PARTS, STREAM_PATH, ServerParts
from voicecore.wire import twilio_media

log = structlog.get_logger()

START_TIMEOUT_S = 5.0
MAX_MESSAGE_BYTES = 65_536
SEND_BUFFER_BYTES = 16_384
"""Little may wait in the kernel: whatever is there plays before a `clear` is read."""


async def media_stream(request: web.Request) -> web.StreamResponse:
    """Serve one call: signature, then `start` with a valid ticket, then the session.

    Nothing that costs money is opened for a peer that shows neither.
    """
    parts = request.app[PARTS]
    try:
        parts.signatures.validate_websocket(
            parts.stream_url, request.headers.get("X-Twilio-Signature")
        )
    except SignatureError as error:
        log.warning("media_stream_refused", path=STREAM_PATH, reason=error.reason)
        raise web.HTTPForbidden(text="the signature does not fit") from error
    ws = web.WebSocketResponse(compress=False, max_msg_size=MAX_MESSAGE_BYTES, timeout=2.0)
    if not ws.can_prepare(request).ok:
        raise web.HTTPBadRequest(text="a WebSocket is expected")
    await ws.prepare(request)
    _keep_send_buffer_small(request)
    start = await _await_start(ws)
    if start is None:
        await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"no start")
        return ws
    await _serve(parts, ws, start)
    return ws


async def _serve(parts: ServerParts, ws: web.WebSocketResponse, start: twilio_media.Start) -> None:
    session = parts.prepared.take(start.custom_parameters.get("ticket", ""), start.call_sid)
    if session is None:
        log.warning("media_stream_refused", call_sid=start.call_sid, reason="ticket")
        await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"ticket")
        return
    parts.live.add(session)
    try:
        await session.run(ws, start.stream_sid)
    finally:
        parts.live.remove(session, session.outcome)
        await ws.close()


async def _await_start(ws: web.WebSocketResponse) -> twilio_media.Start | None:
    """The `start` message; None when it does not come in time or something else does."""
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                message = await ws.receive()
                if message.type is not WSMsgType.TEXT:
                    log.warning("media_stream_refused", reason=f"{message.type.name} before start")
                    return None
                parsed = twilio_media.parse(message.data)
                if isinstance(parsed, twilio_media.Start):
                    return parsed
                if not isinstance(parsed, twilio_media.Connected):
                    log.warning("media_stream_refused", reason="media before start")
                    return None
    except (TimeoutError, TwilioProtocolError) as error:
        log.warning("media_stream_refused", reason=str(error) or "no start")
        return None


def _keep_send_buffer_small(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    plain = transport.get_extra_info("socket")
    if plain is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
