"""The form of a webhook, once its signature fits: nothing is read of it before."""

from __future__ import annotations

import asyncio
import re

import structlog
from aiohttp import web
from multidict import MultiDict, MultiMapping

from voicecore.errors import SignatureError
from voicecore.net.server_parts import PARTS
from voicecore.wire.twilio_signature import SETTINGS_HEADER, SIGNATURE_HEADER

log = structlog.get_logger()

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 32_768
BODY_S = 5.0
"""Longest that a form may take to come in: Twilio sends it at once."""
CALL_SID = re.compile(r"CA[0-9a-f]{32}\Z")
MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-f]{32}\Z")
STREAM_SID = re.compile(r"MZ[0-9a-f]{32}\Z")
E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
WITHHELD = frozenset(
    {"+266696687", "+7378742833", "+2562533", "+8656696", "+8566696", "+86282452253"}
)
"""The words ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE dialled on a keypad.

Source: Twilio, Why am I getting calls from these strange numbers?
"""


async def signed_form(request: web.Request) -> MultiMapping[str]:
    """The form of a webhook whose signature fits the public address.

    Raises:
        web.HTTPForbidden: no signature, or a wrong one.
        web.HTTPBadRequest: not a form.
        web.HTTPRequestTimeout: it does not come in.
        web.HTTPRequestEntityTooLarge: more than Twilio would send.
    """
    parts = request.app[PARTS]
    signature = request.headers.get(SIGNATURE_HEADER)
    if not signature:
        raise _forbidden(request.path, "the header is missing")
    if request.content_type != FORM_TYPE:
        raise web.HTTPBadRequest(text="a form is expected")
    try:
        async with asyncio.timeout(BODY_S):
            posted = await request.post()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="the form does not come in") from error
    except (ValueError, LookupError) as error:
        raise web.HTTPBadRequest(text="the form cannot be read") from error
    # As it was sent: a decoded query would not give the text that Twilio has signed.
    _, mark, query = request.raw_path.partition("?")
    url = f"{parts.public_base_url}{request.path}{mark}{query}"
    form = MultiDict((name, value) for name, value in posted.items() if isinstance(value, str))
    try:
        parts.signatures.validate_request(
            url, form, signature, request.headers.get(SETTINGS_HEADER)
        )
    except SignatureError as error:
        raise _forbidden(request.path, error.reason) from error
    if any("\x00" in text for pair in form.items() for text in pair):
        raise web.HTTPBadRequest(text="the form holds a null character")
    return form


def sid_in(form: MultiMapping[str], name: str, pattern: re.Pattern[str] = CALL_SID) -> str:
    """The SID that a form must hold.

    Raises:
        web.HTTPBadRequest: there is none, or it is not one.
    """
    sid = form.get(name, "")
    if not pattern.match(sid):
        raise web.HTTPBadRequest(text=f"{name} is missing")
    return sid


def word_in(form: MultiMapping[str], name: str) -> str:
    """A word that a form must hold, such as "in-progress".

    Raises:
        web.HTTPBadRequest: there is none, or it is not one.
    """
    word = form.get(name, "")
    if not re.fullmatch(r"[A-Za-z_-]{1,40}", word):
        raise web.HTTPBadRequest(text=f"{name} is missing")
    return word


def count_in(form: MultiMapping[str], name: str) -> int | None:
    """A whole number of a form, None where it is not told.

    Raises:
        web.HTTPBadRequest: it is not a number.
    """
    text = form.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise web.HTTPBadRequest(text=f"{name} is not a number")
    return int(text)


def number_in(form: MultiMapping[str], name: str) -> str | None:
    """A telephone number of a form; None for withheld numbers and what is none."""
    number = form.get(name, "")
    return number if E164.match(number) and number not in WITHHELD else None


def _forbidden(path: str, reason: str) -> web.HTTPForbidden:
    log.warning("webhook_refused", path=path, reason=reason)
    return web.HTTPForbidden(text="the signature does not fit")
