"""Twilio's REST interface on loopback: calls and messages, with the vendor's rules and errors.

Source: Twilio, Calls resource, Messages resource, error dictionary; twilio-python 9.13 talks to
this server in the tests.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from aiohttp import web

from voicecore.sandbox.twilio_call import FINAL, CallStatus, DocumentSource, PlacedCall
from voicecore.sandbox.twilio_numbers import PhoneNumber
from voicecore.sandbox.twilio_resources import (
    SentMessage,
    call_json,
    error_json,
    message_json,
    page_json,
)

MAX_BODY_CHARS = 1600
MAX_TWIML_CHARS = 4000

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ROOT = "/2010-04-01/Accounts/{account}"

Form = dict[str, list[str]]
"""A form by field name; most fields have one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestFault:
    """What goes wrong with one request.

    The answer waits `delay_s`. A `code` refuses the request with HTTP `status`. `drops` cuts the
    connection instead of answering; with `acts` the request is carried out all the same.
    """

    status: int = 500
    code: int | None = None
    delay_s: float = 0.0
    drops: bool = False
    acts: bool = False


class Exchange(Protocol):
    """What the REST interface needs of the rest of Twilio."""

    account_sid: str
    calls: dict[str, PlacedCall]

    def start_outbound(
        self, *, to: str, from_: str, first: DocumentSource, callback: tuple[str, list[str]] | None
    ) -> PlacedCall:
        """Queue a call to somebody; `callback` is an address and the events to tell it."""
        ...

    def message_sent(self, message: SentMessage) -> None:
        """Take a message for delivery."""
        ...


class _RefusedError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message


class TwilioRest:
    """The handlers of the REST interface, and the knobs that make them fail."""

    def __init__(self, exchange: Exchange, *, auth_token: str) -> None:
        self.messages: list[SentMessage] = []
        self.requests: list[str] = []
        """Method and path of every request, in order."""
        self.call_forms: list[Form] = []
        """The form of every call that was asked for and passed the checks."""
        self.keys: dict[str, str] = {exchange.account_sid: auth_token}
        """User names and secrets that are let in: the account's own, and API keys."""
        self.numbers: dict[str, PhoneNumber] = {}
        """Our own numbers by SID."""
        self.refused_numbers: dict[str, int] = {}
        """Numbers that take no call or message, with the code of the refusal (HTTP 400)."""
        self.delay_s = 0.0
        """How long every answer takes."""
        self._exchange = exchange
        self._faults: deque[RestFault] = deque()

    def fail_next(self, *faults: RestFault) -> None:
        """Let the next requests go wrong, one fault each."""
        self._faults.extend(faults)

    def add_number(self, phone_number: str) -> PhoneNumber:
        """Give the account a number that points nowhere yet."""
        number = PhoneNumber("PN" + secrets.token_hex(16), phone_number)
        self.numbers[number.sid] = number
        return number

    def application(self) -> web.Application:
        """Return the server's application."""
        application = web.Application()
        for method, path, handler in (
            ("POST", f"{_ROOT}/Messages.json", self._create_message),
            ("GET", f"{_ROOT}/Messages.json", self._list_messages),
            ("GET", f"{_ROOT}/Messages/{{sid}}.json", self._fetch_message),
            ("POST", f"{_ROOT}/Calls.json", self._create_call),
            ("GET", f"{_ROOT}/Calls.json", self._list_calls),
            ("GET", f"{_ROOT}/Calls/{{sid}}.json", self._fetch_call),
            ("POST", f"{_ROOT}/Calls/{{sid}}.json", self._update_call),
            ("GET", f"{_ROOT}/IncomingPhoneNumbers.json", self._list_numbers),
            ("POST", f"{_ROOT}/IncomingPhoneNumbers/{{sid}}.json", self._update_number),
            ("*", "/{anything:.*}", self._unknown),
        ):
            application.router.add_route(method, path, self._guarded(handler))
        return application

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def guarded(request: web.Request) -> web.Response:
            self.requests.append(f"{request.method} {request.path}")
            fault = self._faults.popleft() if self._faults else RestFault()
            try:
                self._authenticate(request)
                if fault.code is not None:
                    raise _RefusedError(fault.status, fault.code, f"Injected error {fault.code}")
                acts = fault.acts or not fault.drops
                response = await handler(request) if acts else web.Response()
            except _RefusedError as error:
                body = error_json(error.status, error.code, error.message)
                response = web.json_response(body, status=error.status)
            await asyncio.sleep(self.delay_s + fault.delay_s)
            if fault.drops and request.transport is not None:
                request.transport.abort()
            response.headers["Twilio-Request-Id"] = "RQ" + secrets.token_hex(16)
            return response

        return guarded

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, secret = "", ""
        known = self.keys.get(user)
        right = known is not None and hmac.compare_digest(known.encode(), secret.encode())
        account = request.match_info.get("account", self._exchange.account_sid)
        if scheme.lower() != "basic" or not right or account != self._exchange.account_sid:
            raise _RefusedError(401, 20003, "Authenticate")

    async def _unknown(self, request: web.Request) -> web.Response:
        raise _not_found(request)

    async def _create_message(self, request: web.Request) -> web.Response:
        form = await _read_form(request)
        to, sender, service = (_one(form, name) for name in ("To", "From", "MessagingServiceSid"))
        body = _one(form, "Body")
        self._check_to(to, missing=21604)
        if not sender and not service:
            raise _RefusedError(400, 21603, "A 'From' phone number is required.")
        if sender and not _E164.fullmatch(sender):
            raise _RefusedError(400, 21212, f"Invalid From Number: {sender}")
        if not body:
            raise _RefusedError(400, 21602, "Message body is required.")
        if len(body) > MAX_BODY_CHARS:
            raise _RefusedError(400, 21617, "The concatenated message body exceeds 1600 characters")
        message = SentMessage(
            sid="SM" + secrets.token_hex(16),
            account_sid=self._exchange.account_sid,
            to=to,
            from_=sender or None,
            messaging_service_sid=service or None,
            body=body,
            status_callback=_one(form, "StatusCallback") or None,
            created=datetime.now(UTC),
        )
        self.messages.append(message)
        self._exchange.message_sent(message)
        return web.json_response(message_json(message), status=201)

    async def _list_messages(self, request: web.Request) -> web.Response:
        to, sender = request.query.get("To"), request.query.get("From")
        found = [
            message_json(message)
            for message in reversed(self.messages)
            if to in (None, message.to) and sender in (None, message.from_)
        ]
        return web.json_response(page_json("messages", request.path, found))

    async def _fetch_message(self, request: web.Request) -> web.Response:
        for message in self.messages:
            if message.sid == request.match_info["sid"]:
                return web.json_response(message_json(message))
        raise _not_found(request)

    async def _create_call(self, request: web.Request) -> web.Response:
        form = await _read_form(request)
        to, sender = _one(form, "To"), _one(form, "From")
        self._check_to(to, missing=21201)
        if not sender:
            raise _RefusedError(400, 21213, "No 'From' number specified")
        if not _E164.fullmatch(sender):
            raise _RefusedError(400, 21212, f"The source phone number provided, {sender}, is bad.")
        first = _source(form)
        if first is None:
            raise _RefusedError(400, 21205, "Url parameter is required.")
        callback = _one(form, "StatusCallback")
        events = form.get("StatusCallbackEvent", ["completed"])
        _check_options(form)
        self.call_forms.append(form)
        call = self._exchange.start_outbound(
            to=to, from_=sender, first=first, callback=(callback, events) if callback else None
        )
        return web.json_response(call_json(call), status=201)

    async def _list_calls(self, request: web.Request) -> web.Response:
        wanted = {name: request.query.get(name) for name in ("To", "From", "Status")}
        found = [
            call_json(call)
            for call in reversed(self._exchange.calls.values())
            if wanted["To"] in (None, call.to)
            and wanted["From"] in (None, call.from_)
            and wanted["Status"] in (None, str(call.status))
        ]
        return web.json_response(page_json("calls", request.path, found))

    async def _list_numbers(self, request: web.Request) -> web.Response:
        wanted = request.query.get("PhoneNumber")
        found = [
            number.json(self._exchange.account_sid)
            for number in self.numbers.values()
            if wanted in (None, number.phone_number)
        ]
        return web.json_response(page_json("incoming_phone_numbers", request.path, found))

    async def _update_number(self, request: web.Request) -> web.Response:
        number = self.numbers.get(request.match_info["sid"])
        if number is None:
            raise _not_found(request)
        number.update(await _read_form(request))
        return web.json_response(number.json(self._exchange.account_sid))

    async def _fetch_call(self, request: web.Request) -> web.Response:
        return web.json_response(call_json(self._call(request)))

    async def _update_call(self, request: web.Request) -> web.Response:
        call = self._call(request)
        form = await _read_form(request)
        status = _one(form, "Status")
        source = _source(form)
        if status and status not in (CallStatus.COMPLETED, CallStatus.CANCELED):
            raise _RefusedError(400, 20001, f"Status {status!r:.40} is not supported")
        if status and call.status in FINAL:
            # Seen in the field for hanging up twice, while a redirect gives 21220.
            raise _not_found(request)
        if call.status in FINAL or (source and call.status is not CallStatus.IN_PROGRESS):
            raise _RefusedError(400, 21220, "Call is not in-progress. Cannot redirect.")
        if status == CallStatus.CANCELED and call.status is CallStatus.IN_PROGRESS:
            raise _RefusedError(400, 21220, "Call is in-progress. Cannot cancel.")
        if status:
            call.hang_up()
        elif source is not None:
            call.redirect(source)
        return web.json_response(call_json(call))

    def _call(self, request: web.Request) -> PlacedCall:
        call = self._exchange.calls.get(request.match_info["sid"])
        if call is None:
            raise _not_found(request)
        return call

    def _check_to(self, to: str, *, missing: int) -> None:
        if not to:
            raise _RefusedError(400, missing, "A 'To' phone number is required.")
        if not _E164.fullmatch(to):
            raise _RefusedError(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        code = self.refused_numbers.get(to)
        if code is not None:
            raise _RefusedError(400, code, f"The number {to} is refused")


async def _read_form(request: web.Request) -> Form:
    fields: Form = {}
    for name, value in (await request.post()).items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return fields


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[0]


def _check_options(form: Form) -> None:
    """Refuse what Twilio would not take.

    Source: Twilio, Calls resource: Timeout, TimeLimit, MachineDetection.
    """
    for name, longest in (("Timeout", 600), ("TimeLimit", 14_400)):
        value = _one(form, name)
        if value and not (value.isdecimal() and 0 < int(value) <= longest):
            raise _RefusedError(400, 20001, f"{name} {value!r:.20} is not valid")
    detection = _one(form, "MachineDetection")
    if detection and detection not in ("Enable", "DetectMessageEnd"):
        raise _RefusedError(400, 20001, f"MachineDetection {detection!r:.40} is not valid")
    events = set(form.get("StatusCallbackEvent", []))
    if events - {"initiated", "ringing", "answered", "completed"}:
        raise _RefusedError(400, 21626, "StatusCallbackEvent is not valid")


def _source(form: Form) -> DocumentSource | None:
    """Return where the call's TwiML comes from; an address goes before TwiML in the form."""
    url, twiml = _one(form, "Url"), _one(form, "Twiml")
    if url:
        if not re.match(r"https?://[^/]", url):
            raise _RefusedError(400, 21205, f"Url is not a valid URL: {url}")
        return DocumentSource(url=url, method=_one(form, "Method") or "POST")
    if len(twiml) > MAX_TWIML_CHARS:
        raise _RefusedError(400, 21224, "Twiml is longer than 4000 characters")
    return DocumentSource(url="", twiml=twiml.encode()) if twiml else None


def _not_found(request: web.Request) -> _RefusedError:
    return _RefusedError(404, 20404, f"The requested resource {request.path} was not found")
