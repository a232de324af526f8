"""Twilio's reports: how far a call, a stream or a message is, and who picked up.

A report is handed to the records and answered at once. It may come twice, late and in any order;
the records keep the furthest word. A call or message that nobody knows is 404, records that cannot
answer are 503. A report of a call that takes the records longer than a webhook has is answered
204 and written all the same: Twilio would not send it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from aiohttp import web
from multidict import MultiMapping

from voicecore.net.early_reports import CallReport, tell
from voicecore.net.phone_events import (
    AnsweredBy,
    CallProgress,
    IncomingMessage,
    MessageProgress,
    StreamProgress,
)
from voicecore.net.server_parts import PARTS, ServerParts
from voicecore.net.signed_form import (
    MESSAGE_SID,
    STREAM_SID,
    count_in,
    number_in,
    sid_in,
    signed_form,
    word_in,
)
from voicecore.wire import twiml

log = structlog.get_logger()

RECORDS_S = 0.28
"""Longest wait for the records: a webhook is answered within 300 ms."""
WRITING_S = 10.0
"""Longest that a report may take to be written, though Twilio has its answer by then."""
STREAM_EVENTS = frozenset({"stream-started", "stream-stopped", "stream-error"})
MAX_BODY_CHARS = 1600

T = TypeVar("T")


async def call_status(request: web.Request) -> web.Response:
    """Take `POST /call-status`: how far a call is."""
    form = await signed_form(request)
    progress = CallProgress(
        call_sid=sid_in(form, "CallSid"),
        status=word_in(form, "CallStatus"),
        at=datetime.now(UTC),
        sequence=count_in(form, "SequenceNumber"),
        direction=form.get("Direction", "inbound"),
        from_e164=number_in(form, "From"),
        to_e164=number_in(form, "To"),
        duration_s=count_in(form, "CallDuration"),
        answered_by=form.get("AnsweredBy", ""),
        sip_code=form.get("SipResponseCode", ""),
        error_code=form.get("ErrorCode", ""),
    )
    known = await _report(request.app[PARTS], progress)
    log.info("call_status", call_sid=progress.call_sid, status=progress.status, known=known)
    return _taken(known)


async def amd(request: web.Request) -> web.Response:
    """Take `POST /amd`: whether a person or a machine has picked up our call."""
    form = await signed_form(request)
    answer = AnsweredBy(
        call_sid=sid_in(form, "CallSid"),
        verdict=word_in(form, "AnsweredBy"),
        after_ms=count_in(form, "MachineDetectionDuration"),
    )
    known = await _report(request.app[PARTS], answer)
    log.info("answered_by", call_sid=answer.call_sid, verdict=answer.verdict, known=known)
    return _taken(known)


async def stream_status(request: web.Request) -> web.Response:
    """Take `POST /stream-status`: a media stream has started, stopped or failed."""
    form = await signed_form(request)
    progress = StreamProgress(
        call_sid=sid_in(form, "CallSid"),
        stream_sid=sid_in(form, "StreamSid", STREAM_SID),
        event=word_in(form, "StreamEvent"),
        at=_timestamp(form),
        error=form.get("StreamError", ""),
    )
    if progress.event not in STREAM_EVENTS:
        raise web.HTTPBadRequest(text="StreamEvent is none that we know")
    known = await _report(request.app[PARTS], progress)
    if progress.error:
        log.warning("stream_error", call_sid=progress.call_sid, reason=progress.error[:200])
    return _taken(known)


async def sms_status(request: web.Request) -> web.Response:
    """Take `POST /sms-status`: what became of a text message of ours."""
    form = await signed_form(request)
    progress = MessageProgress(
        message_sid=sid_in(form, "MessageSid", MESSAGE_SID),
        status=word_in(form, "MessageStatus"),
        error_code=count_in(form, "ErrorCode"),
    )
    events = request.app[PARTS].phone_events
    known = await asked(events.message_status(progress), "message_status")
    log.info("sms_status", sid=progress.message_sid, status=progress.status, known=known)
    return _taken(known)


async def sms_incoming(request: web.Request) -> web.Response:
    """Take `POST /sms-incoming`: somebody texts us; the answer goes back as TwiML."""
    form = await signed_form(request)
    from_e164 = number_in(form, "From")
    if from_e164 is None:
        raise web.HTTPBadRequest(text="From is no telephone number")
    message = IncomingMessage(
        message_sid=sid_in(form, "MessageSid", MESSAGE_SID),
        from_e164=from_e164,
        to_e164=number_in(form, "To") or "",
        body=form.get("Body", "")[:MAX_BODY_CHARS],
        opt_out_type=form.get("OptOutType", ""),
    )
    reply = await asked(request.app[PARTS].phone_events.message_in(message), "message_in")
    log.info("sms_incoming", sid=message.message_sid, answered=bool(reply))
    return web.Response(text=twiml.message(reply), content_type="text/xml")


async def asked(answer: Awaitable[T], what: str) -> T:
    """What the records say, within the time that a webhook has.

    Raises:
        web.HTTPServiceUnavailable: they did not answer, or could not.
    """
    try:
        async with asyncio.timeout(RECORDS_S):
            # The records belong to another package: any of their errors is a value here.
            (found,) = await asyncio.gather(answer, return_exceptions=True)
    except TimeoutError as error:
        log.warning("records_late", what=what)
        raise web.HTTPServiceUnavailable(text="not now", headers={"Retry-After": "1"}) from error
    if isinstance(found, BaseException):
        log.warning("records_failed", what=what, reason=type(found).__name__)
        raise web.HTTPServiceUnavailable(text="not now", headers={"Retry-After": "1"}) from found
    return found


async def _report(parts: ServerParts, report: CallReport) -> bool:
    """Take a report down; whether the call is known, and True as well while that goes on."""
    writing = parts.tasks.spawn(_written(parts, report), name="report")
    try:
        async with asyncio.timeout(RECORDS_S):
            found = await asyncio.shield(writing)
    except TimeoutError:
        # Nobody sends a report of a call again: it is taken, and the writing goes on.
        log.info("records_late", what=type(report).__name__, call_sid=report.call_sid)
        return True
    if found is None or isinstance(found, BaseException):
        raise web.HTTPServiceUnavailable(text="not now", headers={"Retry-After": "1"})
    return found


async def _written(parts: ServerParts, report: CallReport) -> bool | BaseException:
    """Whether the call is known; what went wrong is said once and is a value."""
    try:
        async with asyncio.timeout(WRITING_S):
            # The records belong to another package: any of their errors is a value here.
            (found,) = await asyncio.gather(_take_down(parts, report), return_exceptions=True)
    except TimeoutError as error:
        found = error
    if isinstance(found, BaseException):
        reason = type(found).__name__
        what = type(report).__name__
        log.warning("records_failed", what=what, call_sid=report.call_sid, reason=reason)
    return found


async def _take_down(parts: ServerParts, report: CallReport) -> bool:
    """Hand a report to the records; one of a call that is not known yet is kept aside."""
    known = await tell(parts.phone_events, report)
    if known or parts.early is None:
        return known
    await parts.early.keep(report)
    # The call may have become known meanwhile; then nobody would come for what is kept.
    return await tell(parts.phone_events, report)


def _taken(known: bool) -> web.Response:
    if not known:
        raise web.HTTPNotFound(text="unknown")
    return web.Response(status=204)


def _timestamp(form: MultiMapping[str]) -> datetime:
    try:
        at = datetime.fromisoformat(form.get("Timestamp", ""))
    except ValueError:
        return datetime.now(UTC)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
