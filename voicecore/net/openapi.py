"""The description of every route, as an OpenAPI 3.1 document."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from voicecore.net.ics_route import ICS_PATH
from voicecore.net.server_parts import STREAM_PATH
from voicecore.net.spoken_answers import RESULT_PATH, WHISPER_PATH

_SID = "^{}[0-9a-f]{{32}}$"
CALL_SID = {"type": "string", "pattern": _SID.format("CA"), "description": "The call."}
STREAM_SID = {"type": "string", "pattern": _SID.format("MZ"), "description": "The stream."}
MESSAGE_SID = {"type": "string", "pattern": _SID.format("(?:SM|MM)"), "description": "The text."}
TEXT = {"type": "string"}
NUMBER = {"type": "string", "description": "E.164, or a word such as `anonymous`."}
COUNT = {"type": "string", "pattern": "^[0-9]{1,9}$"}

_CALL_FIELDS = {
    "CallSid": CALL_SID,
    "AccountSid": TEXT,
    "From": NUMBER,
    "To": NUMBER,
    "CallStatus": TEXT,
    "Direction": TEXT,
    "StirVerstat": {
        "type": "string",
        "description": "What the caller's carrier says of the number, such as "
        "`TN-Validation-Passed-A`. A number whose validation failed is taken for none.",
    },
}
_REFUSALS = {
    "400": "Not a form, or a field is missing or makes no sense.",
    "403": "The signature is missing or does not fit.",
    "413": "The form is larger than 32 KiB.",
}
_UNKNOWN = {"404": "Nobody knows this call or message."}
_LATE = {"503": "The records did not answer in time; the same again is safe."}


def openapi() -> dict[str, Any]:
    """Return the document; it is the same for every worker."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "voicecore",
            "version": _version(),
            "description": (
                "What Twilio asks of the phone agent. Every webhook is a form that Twilio signs: "
                "HMAC-SHA1 with the auth token, or HMAC-SHA256 where "
                "`X-Twilio-Webhooks-Signature-Settings` says so. The signature is checked over "
                "the configured public address before anything else. Every webhook may come "
                "again, and in any order, to the same effect."
            ),
        },
        "servers": [{"url": "/"}],
        "components": {
            "securitySchemes": {
                "twilio": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Twilio-Signature",
                    "description": "Source: Twilio, Webhooks security.",
                }
            }
        },
        "tags": [
            {"name": "calls", "description": "What to do with a call, as TwiML."},
            {"name": "reports", "description": "How far a call, a stream or a text is."},
            {"name": "media", "description": "The sound of a call."},
            {"name": "appointments", "description": "What a customer's text message links to."},
            {"name": "worker", "description": "For load balancers, and this page."},
        ],
        "paths": {**_calls(), **_reports(), **_media(), **_appointments(), **_worker()},
    }


def _calls() -> dict[str, Any]:
    return {
        "/incoming-call": _webhook(
            "calls",
            "A call comes in",
            "Connects the caller to the media stream, with a ticket that is good once and for a "
            "minute; says so where all lines are busy. A call that has had its stream is not "
            "opened again.",
            _CALL_FIELDS,
        ),
        "/call-resume": _webhook(
            "calls",
            "The media stream is over",
            "The action of `<Connect>`: hangs up, puts the caller through to a person, or says "
            "that something broke.",
            _CALL_FIELDS,
            refusals=_UNKNOWN,
        ),
        "/call-error": _webhook(
            "calls",
            "One of our addresses failed",
            "The fallback address of the number: apologises and puts the caller through.",
            {**_CALL_FIELDS, "ErrorCode": TEXT, "ErrorUrl": TEXT},
        ),
        "/outbound-reminder": _webhook(
            "calls",
            "A call that we placed was picked up",
            "Connects the customer to the media stream for a reminder.",
            _CALL_FIELDS,
            query={"attempt": "The attempt that the call belongs to."},
            refusals=_UNKNOWN | _LATE,
        ),
        WHISPER_PATH: _webhook(
            "calls",
            "A person has picked up a transfer",
            "Tells them, alone, who is calling and why.",
            _CALL_FIELDS,
            query={"call": "The CallSid of the caller who is put through."},
            refusals=_UNKNOWN,
        ),
        RESULT_PATH: _webhook(
            "calls",
            "A transfer has ended",
            "The action of `<Dial>`: hangs up where a person has talked to the caller; else the "
            "agent takes the caller back and goes on where it was.",
            {**_CALL_FIELDS, "DialCallStatus": TEXT, "DialBridged": TEXT},
            refusals=_UNKNOWN,
        ),
    }


def _reports() -> dict[str, Any]:
    return {
        "/call-status": _webhook(
            "reports",
            "How far a call is",
            "The furthest status stays, whatever comes late.",
            {
                **_CALL_FIELDS,
                "SequenceNumber": COUNT,
                "CallDuration": COUNT,
                "AnsweredBy": TEXT,
                "SipResponseCode": TEXT,
                "ErrorCode": TEXT,
            },
            required=("CallSid", "CallStatus"),
            answer="204",
            refusals=_UNKNOWN | _LATE,
        ),
        "/amd": _webhook(
            "reports",
            "Who has picked up a call of ours",
            "A person or a machine, by Twilio's answering machine detection.",
            {"CallSid": CALL_SID, "AnsweredBy": TEXT, "MachineDetectionDuration": COUNT},
            required=("CallSid", "AnsweredBy"),
            answer="204",
            refusals=_UNKNOWN | _LATE,
        ),
        "/stream-status": _webhook(
            "reports",
            "How far a media stream is",
            "Started, stopped or failed.",
            {
                "CallSid": CALL_SID,
                "StreamSid": STREAM_SID,
                "StreamEvent": {
                    "type": "string",
                    "enum": ["stream-started", "stream-stopped", "stream-error"],
                },
                "StreamError": TEXT,
                "Timestamp": {"type": "string", "format": "date-time"},
            },
            required=("CallSid", "StreamSid", "StreamEvent"),
            answer="204",
            refusals=_UNKNOWN | _LATE,
        ),
        "/sms-status": _webhook(
            "reports",
            "What became of a text of ours",
            "The furthest status stays.",
            {"MessageSid": MESSAGE_SID, "MessageStatus": TEXT, "ErrorCode": COUNT},
            required=("MessageSid", "MessageStatus"),
            answer="204",
            refusals=_UNKNOWN | _LATE,
        ),
        "/sms-incoming": _webhook(
            "reports",
            "Somebody texts us",
            "STOP puts the number on the list of those who are never called or texted; what "
            "nothing in us can answer waits for a person. The answer, if any, is TwiML.",
            {
                "MessageSid": MESSAGE_SID,
                "From": NUMBER,
                "To": NUMBER,
                "Body": TEXT,
                "OptOutType": TEXT,
            },
            required=("MessageSid", "From"),
            refusals=_LATE,
        ),
    }


def _media() -> dict[str, Any]:
    description = (
        "The upgrade to Twilio's media stream. Twilio signs it over the `wss://` address of the "
        "TwiML. The first message but `connected` must be `start`, within five seconds, with the "
        "call's ticket in its `customParameters`; anything else closes the socket (1008) before "
        "anything that costs money is opened. A message has at most 64 KiB."
    )
    return {
        STREAM_PATH: {
            "get": {
                "tags": ["media"],
                "summary": "The sound of one call",
                "description": description,
                "security": [{"twilio": []}],
                "responses": _responses(
                    {
                        "101": "The socket is open.",
                        "400": "Not a WebSocket upgrade.",
                        "403": _REFUSALS["403"],
                    }
                ),
            }
        }
    }


def _appointments() -> dict[str, Any]:
    token = {
        "name": "token",
        "in": "path",
        "required": True,
        "description": "Names the appointment and the end of its life, and is signed.",
        "schema": TEXT,
    }
    return {
        ICS_PATH: {
            "get": {
                "tags": ["appointments"],
                "summary": "One appointment as a calendar file",
                "description": "For whoever has the link of the text message, for thirty days.",
                "parameters": [token],
                "responses": _responses(
                    {
                        "200": "An iCalendar file.",
                        "404": "No such appointment, or a token that we did not make.",
                        "410": "The link has run out.",
                    }
                ),
            }
        }
    }


def _worker() -> dict[str, Any]:
    return {
        "/healthz": _page("Whether the worker runs", {"200": "It does."}),
        "/readyz": _page(
            "Whether it takes another call",
            {"200": "It does.", "503": "It is full, or it is about to stop."},
        ),
        "/openapi.json": _page("This description", {"200": "An OpenAPI document."}),
        "/docs": _page("This description, to be read", {"200": "A page."}),
    }


def _webhook(
    tag: str,
    summary: str,
    description: str,
    fields: Mapping[str, Mapping[str, Any]],
    *,
    required: tuple[str, ...] = ("CallSid",),
    query: Mapping[str, str] | None = None,
    answer: str = "200",
    refusals: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "properties": dict(fields)}
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "description": description,
        "security": [{"twilio": []}],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": schema}},
        },
        "responses": _responses({**_REFUSALS, **(refusals or {})}),
    }
    if query:
        operation["parameters"] = [
            {"name": name, "in": "query", "required": True, "description": text, "schema": TEXT}
            for name, text in query.items()
        ]
    taken = {"description": "TwiML.", "content": {"text/xml": {"schema": TEXT}}}
    done = taken if answer == "200" else {"description": "It was taken down."}
    operation["responses"] = {answer: done, **operation["responses"]}
    return {"post": operation}


def _page(summary: str, answers: Mapping[str, str]) -> dict[str, Any]:
    return {"get": {"tags": ["worker"], "summary": summary, "responses": _responses(answers)}}


def _responses(answers: Mapping[str, str]) -> dict[str, Any]:
    return {status: {"description": text} for status, text in answers.items()}


def _version() -> str:
    try:
        return version("voicecore")
    except PackageNotFoundError:
        return "0"
