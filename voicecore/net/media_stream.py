"""`GET /media-stream`: the WebSocket on which Twilio brings one call."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from voicecore.call.events import HangupCause
from voicecore.errors import SignatureError, TwilioProtocolError
from voicecore.net.media_socket import MediaSocket
from voicecore.net.server_parts import PARTS, STREAM_PATH, ServerParts
from voicecore.wire import twilio_media
from voicecore.wire.twilio_signature import SETTINGS_HEADER, SIGNATURE_HEADER

log = structlog.get_logger()


async def media_stream(request: web.Request) -> web.StreamResponse:
    """Serve one call: signature, then `start` with a valid ticket, then the session.

    Nothing that costs money is opened for a peer that shows neither.
    """
    parts = request.app[PARTS]
    try:
        parts.signatures.validate_websocket(
            parts.stream_url,
            request.headers.get(SIGNATURE_HEADER),
            request.headers.get(SETTINGS_HEADER),
        )
    except SignatureError as error:
        log.warning("media_stream_refused", path=STREAM_PATH, reason=error.reason)
        raise web.HTTPForbidden(text="the signature does not fit") from error
    socket = await MediaSocket.accept(request)
    try:
        start = await _await_start(socket, parts.start_timeout_s)
        if start is None:
            await socket.close(WSCloseCode.POLICY_VIOLATION, "no start")
        else:
            await _serve(parts, socket, start)
    finally:
        await socket.close()
    return socket.response


async def _serve(parts: ServerParts, socket: MediaSocket, start: twilio_media.Start) -> None:
    session = await parts.prepared.take(start.custom_parameters.get("ticket", ""), start.call_sid)
    if session is None:
        log.warning("media_stream_refused", call_sid=start.call_sid, reason="ticket")
        await socket.close(WSCloseCode.POLICY_VIOLATION, "ticket")
        return
    parts.live.add(session)
    try:
        await session.run(socket, start.stream_sid)
    finally:
        if session.outcome is HangupCause.TRANSFER and not session.is_handed_over:
            parts.handovers.keep(session.handover())
        parts.live.remove(session, session.outcome)
        if parts.cap is not None:
            await parts.cap.release(start.call_sid)


async def _await_start(socket: MediaSocket, timeout_s: float) -> twilio_media.Start | None:
    """The `start` message; None when it does not come in time or something else does."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    reason = "no start"
    try:
        while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            message = await socket.receive(left_s)
            if message.type is not WSMsgType.TEXT:
                reason = f"{message.type.name.lower()} before start"
                break
            parsed = twilio_media.parse(message.data)
            if isinstance(parsed, twilio_media.Start):
                return parsed
            if not isinstance(parsed, twilio_media.Connected):
                reason = f"{type(parsed).__name__.lower()} before start"
                break
    except TwilioProtocolError as error:
        reason = error.reason
    except TimeoutError:
        reason = "no start"
    log.warning("media_stream_refused", reason=reason)
    return None
