"""Twilio's voice webhooks: what to do with a call, as TwiML."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import assert_never

import structlog
from aiohttp import web
from multidict import MultiDict, MultiMapping

from voicecore.call.events import HangupCause
from voicecore.call_info import CallInfo
from voicecore.errors import SignatureError
from voicecore.net.server_parts import PARTS, ServerParts
from voicecore.wire import twiml

log = structlog.get_logger()

MAX_FORM_BYTES = 32_768
CALL_SID = re.compile(r"CA[0-9a-f]{32}\Z")
E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
WITHHELD = frozenset(
    {"+266696687", "+7378742833", "+2562533", "+8656696", "+8566696", "+86282452253"}
)
"""The words ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE dialled on a keypad.

Source: Twilio, Why am I getting calls from these strange numbers?
"""

BUSY_TEXT = "I'm sorry, all our lines are busy right now."
CUT_OFF_TEXT = "I'm sorry, we have a technical problem on our side."
TRANSFER_TEXT = "One moment, I'm putting you through to a colleague."
NOBODY_TEXT = "I'm sorry, nobody is free to take your call. Please try again later. Goodbye."
CALL_AGAIN_TEXT = "Please call again in a few minutes. Goodbye."


async def incoming_call(request: web.Request) -> web.Response:
    """Answer `POST /incoming-call`: connect the caller to the media stream.

    403 without a valid signature, 400 for a form without a CallSid; the same call asked twice
    gets the same answer, and a call that has had its stream is not opened again.
    """
    parts = request.app[PARTS]
    form = await signed_form(request, "/incoming-call")
    call_sid = form_call_sid(form)
    if parts.live.knows(call_sid):
        return _after_stream(parts, call_sid)
    ticket = parts.prepared.ticket_for(call_sid)
    if ticket is None:
        if parts.is_full:
            log.warning(
                "call_refused",
                call_sid=call_sid,
                reason="draining" if parts.draining else "full",
                calls=len(parts.live),
            )
            return _xml(_apologise(parts, BUSY_TEXT))
        ticket = parts.prepared.add(parts.new_session(_call_info(form, call_sid)))
    return _xml(
        twiml.connect_stream(
            parts.stream_url,
            action=f"{parts.public_base_url}/call-resume",
            parameters={"ticket": ticket},
        )
    )


async def call_resume(request: web.Request) -> web.Response:
    """Answer `POST /call-resume`, the action of `<Connect>`: the stream is over, what now.

    A call that ended on purpose hangs up, a transfer dials, and one that broke hears why.
    """
    parts = request.app[PARTS]
    form = await signed_form(request, "/call-resume")
    return _after_stream(parts, form_call_sid(form))


def _after_stream(parts: ServerParts, call_sid: str) -> web.Response:
    """What a call hears whose stream is over."""
    end = parts.live.end_of(call_sid)
    log.info("after_stream", call_sid=call_sid, end=None if end is None else end.value)
    match end:
        case HangupCause.AGENT | HangupCause.CALLER | HangupCause.SHUTDOWN:
            return _xml(twiml.hangup())
        case HangupCause.TRANSFER:
            return _xml(_transfer(parts))
        case HangupCause.SOCKET_LOST | HangupCause.FAILURE | None:
            # A stream that never began, or of whose end only Twilio knows so far.
            parts.prepared.drop(call_sid)
            parts.live.stream_is_over(call_sid)
            return _xml(_apologise(parts, CUT_OFF_TEXT))
        case _:
            assert_never(end)


async def signed_form(request: web.Request, path: str) -> MultiMapping[str]:
    """The form of a webhook whose signature fits the public address.

    Raises:
        web.HTTPForbidden: no signature, or a wrong one.
        web.HTTPBadRequest: not a form.
    """
    parts = request.app[PARTS]
    signature = request.headers.get("X-Twilio-Signature")
    if not signature:
        raise _forbidden(path, "the header is missing")
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPBadRequest(text="a form is expected")
    try:
        posted = await request.post()
    except (ValueError, LookupError) as error:
        raise web.HTTPBadRequest(text="the form cannot be read") from error
    # As it was sent: a decoded query would not give the text that Twilio has signed.
    _, mark, query = request.raw_path.partition("?")
    url = f"{parts.public_base_url}{path}{mark}{query}"
    form = MultiDict((name, value) for name, value in posted.items() if isinstance(value, str))
    try:
        parts.signatures.validate_request(url, form, signature)
    except SignatureError as error:
        raise _forbidden(path, error.reason) from error
    return form


def form_call_sid(form: MultiMapping[str]) -> str:
    """The CallSid of a webhook.

    Raises:
        web.HTTPBadRequest: there is none, or it is not one.
    """
    call_sid = form.get("CallSid", "")
    if not CALL_SID.match(call_sid):
        raise web.HTTPBadRequest(text="CallSid is missing")
    return call_sid


def _call_info(form: MultiMapping[str], call_sid: str) -> CallInfo:
    return CallInfo(
        call_sid=call_sid,
        account_sid=form.get("AccountSid", ""),
        from_e164=_e164(form.get("From", "")),
        to_e164=_e164(form.get("To", "")),
        started_at=datetime.now(UTC),
    )


def _e164(number: str) -> str | None:
    return number if E164.match(number) and number not in WITHHELD else None


def _forbidden(path: str, reason: str) -> web.HTTPForbidden:
    log.warning("webhook_refused", path=path, reason=reason)
    return web.HTTPForbidden(text="the signature does not fit")


def _apologise(parts: ServerParts, text: str) -> str:
    if not parts.transfer_number:
        return twiml.say(text, then=(twiml.Say(CALL_AGAIN_TEXT), twiml.Hangup()))
    return twiml.dial(
        parts.transfer_number,
        announcement=f"{text} {TRANSFER_TEXT}",
        then=(twiml.Say(NOBODY_TEXT), twiml.Hangup()),
    )


def _transfer(parts: ServerParts) -> str:
    if not parts.transfer_number:
        return twiml.say(NOBODY_TEXT)
    return twiml.dial(
        parts.transfer_number,
        announcement=TRANSFER_TEXT,
        then=(twiml.Say(NOBODY_TEXT), twiml.Hangup()),
    )


def _xml(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")
