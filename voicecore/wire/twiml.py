"""TwiML: the XML answers to Twilio's voice webhooks.

Every builder returns a whole document with the XML declaration as its first bytes and every
outside text escaped. Source: Twilio, TwiML for Programmable Voice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never
from xml.sax.saxutils import escape, quoteattr

from voicecore.errors import LocalError

PARAMETER_CHARS_MAX = 499
"""Name and value of one `<Parameter>` together. Source: Twilio, TwiML `<Stream>`: under 500."""
SAY_CHARS_MAX = 4096

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Say:
    """Speak `text` in Twilio's own voice."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Connect the caller to `number` (E.164), ringing for `timeout_s`.

    Whoever picks up hears the document at `whisper_url` first, alone.
    """

    number: str
    caller_id: str | None = None
    action: str | None = None
    timeout_s: int = 30
    whisper_url: str | None = None


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with the document at `url`."""

    url: str


Verb = Say | Dial | Hangup | Redirect


def connect_stream(
    url: str,
    *,
    action: str | None = None,
    status_callback: str | None = None,
    parameters: Mapping[str, str] | None = None,
    then: tuple[Verb, ...] = (Hangup(),),
) -> str:
    """Connect the call to the bidirectional media stream at `url`.

    `status_callback` is told when the stream starts, stops or fails.

    `then` runs when the stream ends, however it ends, unless `action` is set: with `action`
    Twilio asks that URL what to do. `parameters` arrive as `customParameters` of `start`.

    Raises:
        LocalError: `url` is no WebSocket address or has a query or fragment (Twilio error 31920),
            or a parameter is longer than 499 characters, name and value together.
    """
    if not url.startswith(("wss://", "ws://")) or "?" in url or "#" in url:
        raise LocalError("a stream needs a wss:// URL without query or fragment")
    nouns = []
    for name, value in (parameters or {}).items():
        if not name or len(name) + len(value) > PARAMETER_CHARS_MAX:
            raise LocalError("a stream parameter has no name or is too long")
        nouns.append(f"<Parameter{_attributes(name=name, value=value)}/>")
    attributes = _attributes(url=url, statusCallback=status_callback)
    stream = f"<Stream{attributes}>{''.join(nouns)}</Stream>"
    return _document(f"<Connect{_attributes(action=action)}>{stream}</Connect>", *map(_verb, then))


def say(text: str, *, then: tuple[Verb, ...] = (Hangup(),)) -> str:
    """Speak `text` in Twilio's own voice, then go on with `then`.

    Raises:
        LocalError: `text` is longer than 4,096 characters.
    """
    return _document(_verb(Say(text)), *map(_verb, then))


def dial(
    number: str,
    *,
    caller_id: str | None = None,
    action: str | None = None,
    timeout_s: int = 30,
    whisper_url: str | None = None,
    announcement: str | None = None,
    then: tuple[Verb, ...] = (),
) -> str:
    """Connect the caller to `number` (E.164), after an `announcement` where one is given.

    `action` is asked when the second leg ends; without it `then` follows.
    """
    first = () if announcement is None else (Say(announcement),)
    leg = Dial(
        number=number,
        caller_id=caller_id,
        action=action,
        timeout_s=timeout_s,
        whisper_url=whisper_url,
    )
    return _document(*map(_verb, (*first, leg, *then)))


def hangup() -> str:
    """End the call."""
    return _document(_verb(Hangup()))


def message(text: str) -> str:
    """Answer a text message with `text`; empty: say nothing.

    Source: Twilio, TwiML for Programmable Messaging.
    """
    return _document(f"<Message>{escape(_NOT_XML.sub(' ', text))}</Message>" if text else "")


def reject(reason: Literal["rejected", "busy"] = "rejected") -> str:
    """Refuse a call that was not answered yet, unbilled."""
    return _document(f"<Reject{_attributes(reason=reason)}/>")


def redirect(url: str) -> str:
    """Go on with the document at `url`, asked by POST."""
    return _document(_verb(Redirect(url)))


def gather(
    prompt: str,
    *,
    digits: int,
    action: str,
    timeout_s: int = 5,
    then: tuple[Verb, ...] = (Hangup(),),
) -> str:
    """Speak `prompt` and collect `digits` keys; `action` gets them as `Digits`.

    `then` follows when the caller presses nothing for `timeout_s`.

    Raises:
        LocalError: `digits` or `timeout_s` is below 1.
    """
    if digits < 1 or timeout_s < 1:
        raise LocalError("gather needs at least one digit and one second")
    attributes = _attributes(
        input="dtmf", numDigits=str(digits), timeout=str(timeout_s), action=action
    )
    return _document(f"<Gather{attributes}>{_verb(Say(prompt))}</Gather>", *map(_verb, then))


def _document(*elements: str) -> str:
    return f"{_DECLARATION}<Response>{''.join(elements)}</Response>"


def _verb(verb: Verb) -> str:
    match verb:
        case Say(text):
            if len(text) > SAY_CHARS_MAX:
                raise LocalError("a spoken text is too long for <Say>")
            return f"<Say>{escape(_NOT_XML.sub(' ', text))}</Say>"
        case Dial():
            return _dial(verb)
        case Hangup():
            return "<Hangup/>"
        case Redirect(url):
            return f"<Redirect>{escape(_checked(url))}</Redirect>"
        case _:
            assert_never(verb)


def _dial(leg: Dial) -> str:
    attributes = _attributes(action=leg.action, timeout=str(leg.timeout_s), callerId=leg.caller_id)
    whisper = _attributes(url=leg.whisper_url)
    return f"<Dial{attributes}><Number{whisper}>{escape(_checked(leg.number))}</Number></Dial>"


def _attributes(**values: str | None) -> str:
    return "".join(
        f" {name}={quoteattr(_checked(value))}"
        for name, value in values.items()
        if value is not None
    )


def _checked(value: str) -> str:
    # Spoken text may lose a control character; an address or a token must not change silently.
    if _NOT_XML.search(value):
        raise LocalError("a value holds characters that XML cannot carry")
    return value
