"""Twilio's voice webhooks: what to do with a call, as TwiML."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import assert_never
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from multidict import MultiMapping

from voicecore.call.events import HangupCause
from voicecore.call_info import Attestation, CallInfo
from voicecore.net.call_cap import Admission
from voicecore.net.report_webhooks import asked
from voicecore.net.server_parts import PARTS, ServerParts
from voicecore.net.session import CallSession
from voicecore.net.signed_form import CALL_SID, number_in, sid_in, signed_form
from voicecore.net.spoken_answers import (
    BUSY_TEXT,
    CUT_OFF_TEXT,
    apology,
    nobody,
    transfer,
    whisper,
)
from voicecore.wire import twiml

log = structlog.get_logger()

_TAKEN = frozenset({"completed", "answered"})
_OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
_VERSTAT = re.compile(r"TN-Validation-(Passed|Failed)(?:-([ABC]))?\Z")


async def incoming_call(request: web.Request) -> web.Response:
    """Answer `POST /incoming-call`: connect the caller to the media stream.

    The same call asked twice gets the same answer, and a call that has had its stream is not
    opened again.
    """
    parts = request.app[PARTS]
    form = await signed_form(request)
    call = _call_info(form, sid_in(form, "CallSid"))
    if parts.live.knows(call.call_sid):
        return _after_stream(parts, call.call_sid)
    return await _connect(parts, call, lambda: parts.new_session(call))


async def outbound_reminder(request: web.Request) -> web.Response:
    """Answer `POST /outbound-reminder`: a call that we placed was picked up.

    404 for a call behind which there is no reminder, whoever signed the request.
    """
    parts = request.app[PARTS]
    form = await signed_form(request)
    call = _call_info(form, sid_in(form, "CallSid"), is_outbound=True)
    attempt = request.query.get("attempt", "")
    if not re.fullmatch(r"[0-9]{1,18}", attempt):
        raise web.HTTPBadRequest(text="attempt is missing")
    reminder = await asked(
        parts.phone_events.outbound_call(call.call_sid, int(attempt)), "outbound_call"
    )
    if reminder is None:
        raise web.HTTPNotFound(text="unknown")
    if parts.live.knows(call.call_sid):
        return _after_stream(parts, call.call_sid)
    return await _connect(parts, call, lambda: parts.new_session(call, reminder=reminder))


async def call_resume(request: web.Request) -> web.Response:
    """Answer `POST /call-resume`, the action of `<Connect>`: the stream is over, what now.

    A call that ended on purpose hangs up, a transfer dials, and one that broke hears why.
    """
    parts = request.app[PARTS]
    form = await signed_form(request)
    call_sid = sid_in(form, "CallSid")
    if not parts.live.knows(call_sid) and parts.prepared.ticket_for(call_sid) is None:
        await _require_known(parts, call_sid)
    return _after_stream(parts, call_sid)


async def call_error(request: web.Request) -> web.Response:
    """Answer `POST /call-error`, the fallback of our addresses: apologise, and find a person."""
    parts = request.app[PARTS]
    form = await signed_form(request)
    call_sid = sid_in(form, "CallSid")
    failed = urlsplit(form.get("ErrorUrl", "")).path[:80]
    code = form.get("ErrorCode", "")[:10]
    log.error("webhook_failed", call_sid=call_sid, code=code, path=failed)
    parts.prepared.drop(call_sid)
    return _xml(apology(parts, CUT_OFF_TEXT))


async def transfer_whisper(request: web.Request) -> web.Response:
    """Answer `POST /transfer-whisper`: whoever picked up hears what the call is about."""
    parts = request.app[PARTS]
    await signed_form(request)
    call_sid = request.query.get("call", "")
    if not CALL_SID.match(call_sid):
        raise web.HTTPBadRequest(text="call is missing")
    handover = parts.handovers.of(call_sid)
    if handover is None and parts.live.end_of(call_sid) is not HangupCause.TRANSFER:
        await _require_known(parts, call_sid)
    return _xml(whisper("" if handover is None else handover.conversation.summary()))


async def transfer_result(request: web.Request) -> web.Response:
    """Answer `POST /transfer-result`, the action of `<Dial>`: has somebody taken the call?

    If not, the agent takes the caller back and goes on where it was.
    """
    parts = request.app[PARTS]
    form = await signed_form(request)
    call_sid = sid_in(form, "CallSid")
    status = form.get("DialCallStatus", "")
    if parts.live.end_of(call_sid) is not HangupCause.TRANSFER:
        await _require_known(parts, call_sid)
    is_bridged = form.get("DialBridged", "true") == "true"
    log.info("transfer_result", call_sid=call_sid, status=status, bridged=is_bridged)
    if (status in _TAKEN and is_bridged) or form.get("CallStatus", "") in _OVER:
        parts.handovers.take(call_sid)
        return _xml(twiml.hangup())
    if parts.prepared.ticket_for(call_sid) is None:
        handover = parts.handovers.take(call_sid)
        if handover is None:
            return _xml(nobody())
        return await _connect(
            parts, handover.info, lambda: parts.new_session(handover.info, handover=handover)
        )
    return _xml(_stream(parts, parts.prepared.ticket_for(call_sid) or ""))


async def _connect(
    parts: ServerParts, call: CallInfo, new_session: Callable[[], CallSession]
) -> web.Response:
    """Send the call to its media stream, or say that there are too many."""
    ticket = parts.prepared.ticket_for(call.call_sid)
    if ticket is None:
        refusal = await _refusal(parts, call.call_sid)
        parts.note_arrival(call)
        if refusal:
            log.warning(
                "call_refused", call_sid=call.call_sid, reason=refusal, calls=len(parts.live)
            )
            return _xml(apology(parts, BUSY_TEXT))
        # Somebody may have asked for the same call while the cap was asked.
        ticket = parts.prepared.ticket_for(call.call_sid)
        if ticket is None:
            ticket = await parts.prepared.add(new_session())
    return _xml(_stream(parts, ticket))


async def _refusal(parts: ServerParts, call_sid: str) -> str:
    """Why there is no room for a call; empty: there is."""
    if parts.draining:
        return "draining"
    if parts.is_full:
        return "full"
    if await parts.admit(call_sid) is Admission.FULL:
        return "all workers full"
    return ""


def _stream(parts: ServerParts, ticket: str) -> str:
    return twiml.connect_stream(
        parts.stream_url,
        action=f"{parts.public_base_url}/call-resume",
        status_callback=f"{parts.public_base_url}/stream-status",
        parameters={"ticket": ticket},
    )


def _after_stream(parts: ServerParts, call_sid: str) -> web.Response:
    """What a call hears whose stream is over."""
    end = parts.live.end_of(call_sid)
    log.info("after_stream", call_sid=call_sid, end=None if end is None else end.value)
    match end:
        case HangupCause.AGENT | HangupCause.CALLER | HangupCause.SHUTDOWN:
            return _xml(twiml.hangup())
        case HangupCause.TRANSFER:
            session = parts.live.session(call_sid)
            if session is not None and not session.is_handed_over:
                # It still tidies up; whoever picks up at once must find it all the same.
                parts.handovers.keep(session.handover())
            return _xml(transfer(parts, call_sid))
        case HangupCause.SOCKET_LOST | HangupCause.FAILURE | None:
            # A stream that never began, or of whose end only Twilio knows so far.
            parts.prepared.drop(call_sid)
            parts.live.stream_is_over(call_sid)
            return _xml(apology(parts, CUT_OFF_TEXT))
        case _:
            assert_never(end)


async def _require_known(parts: ServerParts, call_sid: str) -> None:
    """Refuse a call that neither this worker nor the records know.

    Records that do not answer refuse nobody: a caller may be waiting.

    Raises:
        web.HTTPNotFound: nobody knows it.
    """
    try:
        known = await asked(parts.phone_events.knows_call(call_sid), "knows_call")
    except web.HTTPServiceUnavailable:
        return
    if not known:
        log.warning("unknown_call", call_sid=call_sid)
        raise web.HTTPNotFound(text="unknown")


def _call_info(form: MultiMapping[str], call_sid: str, *, is_outbound: bool = False) -> CallInfo:
    return CallInfo(
        call_sid=call_sid,
        account_sid=form.get("AccountSid", ""),
        from_e164=number_in(form, "From"),
        to_e164=number_in(form, "To"),
        started_at=datetime.now(UTC),
        attestation=_attestation(form.get("StirVerstat", "")),
        is_outbound=is_outbound,
    )


def _attestation(verstat: str) -> Attestation:
    """Source: Twilio, Trusted calling with SHAKEN/STIR: `StirVerstat`."""
    found = _VERSTAT.match(verstat)
    if found is None:
        return Attestation.NONE
    if found[1] == "Failed":
        return Attestation.FAILED
    return Attestation(found[2]) if found[2] else Attestation.NONE


def _xml(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")
