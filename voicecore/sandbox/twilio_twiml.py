"""TwiML as Twilio reads it: what a webhook answers, checked and turned into a list of verbs.

A document that cannot be read is an error; an attribute, verb or noun that Twilio does not know
is a warning (12200) and is left out. Only the verbs that a phone agent needs are modelled.

Source: Twilio, TwiML for Programmable Voice; error and warning dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

HTTP_RETRIEVAL = 11200
DOCUMENT_PARSE = 12100
ROOT_ELEMENT = 12102
SCHEMA = 12200
CONTENT_TYPE = 12300
STREAM_HANDSHAKE = 31920
STREAM_SCHEME = 31922
STREAM_URL = 31923

MAX_PARAMETER_CHARS = 500
"""A `<Parameter>`'s name and value together stay below this."""
MAX_SAY_CHARS = 4096

_CONTENT_TYPES = {"text/xml", "application/xml"}
_DECLARATION = re.compile(rb"\A<\?xml\s+version=[\"']1\.0[\"'][^>]*\?>")

_ACTION = {"action", "method"}
_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "Connect": frozenset(_ACTION),
    "Stream": frozenset({"url", "name", "track", "statusCallback", "statusCallbackMethod"}),
    "Parameter": frozenset({"name", "value"}),
    "Say": frozenset({"voice", "language", "loop"}),
    "Play": frozenset({"loop", "digits"}),
    "Dial": frozenset(
        {*_ACTION, "timeout", "callerId", "timeLimit", "answerOnBridge", "record", "hangupOnStar"}
    ),
    "Number": frozenset({"sendDigits", "url", "method", "statusCallback", "statusCallbackEvent"}),
    "Client": frozenset({"url", "method", "statusCallback", "statusCallbackEvent"}),
    "Sip": frozenset({"username", "password", "url", "method"}),
    "Conference": frozenset({"muted", "beep", "startConferenceOnEnter", "endConferenceOnExit"}),
    "Redirect": frozenset({"method"}),
    "Hangup": frozenset(),
    "Pause": frozenset({"length"}),
    "Reject": frozenset({"reason"}),
    "Gather": frozenset(
        {
            *_ACTION,
            "input",
            "timeout",
            "numDigits",
            "finishOnKey",
            "speechTimeout",
            "speechModel",
            "language",
            "hints",
            "bargeIn",
            "actionOnEmptyResult",
        }
    ),
    "Record": frozenset(
        {
            *_ACTION,
            "maxLength",
            "timeout",
            "finishOnKey",
            "playBeep",
            "trim",
            "recordingStatusCallback",
            "transcribe",
        }
    ),
}
_NOUNS: Mapping[str, frozenset[str]] = {
    "Connect": frozenset({"Stream"}),
    "Stream": frozenset({"Parameter"}),
    "Dial": frozenset({"Number", "Client", "Sip", "Conference"}),
    "Gather": frozenset({"Say", "Play", "Pause"}),
}
_VERBS = frozenset(
    {"Connect", "Say", "Play", "Dial", "Redirect", "Hangup", "Pause", "Reject", "Gather", "Record"}
)


@dataclass(frozen=True, slots=True)
class TwimlProblem:
    """One entry of Twilio's debugger about a document."""

    code: int
    reason: str


class TwimlError(Exception):
    """A document that Twilio cannot run; the call ends or goes to its fallback."""

    def __init__(self, problem: TwimlProblem) -> None:
        super().__init__(f"{problem.code}: {problem.reason}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Verb:
    """One element that Twilio knows: a verb, or a noun inside one."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    nouns: tuple[Verb, ...] = ()

    def get(self, attribute: str, default: str = "") -> str:
        """Return an attribute's value."""
        return self.attributes.get(attribute, default)


@dataclass(frozen=True, slots=True)
class TwimlDocument:
    """A document that runs, with the warnings that it earned."""

    verbs: tuple[Verb, ...]
    warnings: tuple[TwimlProblem, ...]


def read_twiml(body: bytes, content_type: str) -> TwimlDocument:
    """Read a webhook's answer.

    Raises:
        TwimlError: the answer is not TwiML.
    """
    if content_type.partition(";")[0].strip().lower() not in _CONTENT_TYPES:
        raise _error(CONTENT_TYPE, f"content type {content_type!r:.60} is not XML")
    if not _DECLARATION.match(body):
        raise _error(DOCUMENT_PARSE, "the XML declaration is not the very first thing")
    if b"<!DOCTYPE" in body:
        raise _error(DOCUMENT_PARSE, "a document type is not allowed")
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise _error(DOCUMENT_PARSE, str(error)) from error
    if root.tag != "Response":
        raise _error(ROOT_ELEMENT, f"the root element is {root.tag:.40}, not Response")
    warnings: list[TwimlProblem] = []
    verbs = _elements(root, _VERBS, warnings)
    return TwimlDocument(verbs, tuple(warnings))


def number_of(text: str, default: float) -> float:
    """Return the number in an attribute, not below 0; `default` when there is none."""
    try:
        return max(0.0, float(text))
    except ValueError:
        return default


def stream_problem(stream: Verb) -> TwimlProblem | None:
    """Return why this `<Stream>` cannot be opened; None: nothing speaks against it.

    A relative address is checked after it was made absolute, by whoever did so.
    """
    url = stream.get("url")
    if not url:
        return TwimlProblem(STREAM_URL, "the stream has no url")
    scheme, separator, rest = url.partition("://")
    if separator and scheme != "wss":
        return TwimlProblem(STREAM_SCHEME, f"the scheme {scheme:.20} is not wss")
    if separator and not rest.partition("/")[0]:
        return TwimlProblem(STREAM_URL, "the stream's url has no host")
    if "?" in url:
        return TwimlProblem(STREAM_HANDSHAKE, "a stream's url takes no query string")
    return None


def stream_parameters(stream: Verb, warnings: list[TwimlProblem]) -> dict[str, str]:
    """Return the custom parameters of a `<Stream>`; those that are too long are left out."""
    parameters = {}
    for parameter in stream.nouns:
        name, value = parameter.get("name"), parameter.get("value")
        if not name or len(name) + len(value) >= MAX_PARAMETER_CHARS:
            warnings.append(TwimlProblem(SCHEMA, f"parameter {name!r:.40} is too long or unnamed"))
            continue
        parameters[name] = value
    return parameters


def _elements(
    parent: ElementTree.Element, known: frozenset[str], warnings: list[TwimlProblem]
) -> tuple[Verb, ...]:
    found = []
    for element in parent:
        if not isinstance(element.tag, str) or element.tag not in known:
            warnings.append(TwimlProblem(SCHEMA, f"{parent.tag}: element {element.tag!r:.40}"))
            continue
        found.append(_element(element, warnings))
    return tuple(found)


def _element(element: ElementTree.Element, warnings: list[TwimlProblem]) -> Verb:
    allowed = _ATTRIBUTES[element.tag]
    attributes = {}
    for name, value in element.attrib.items():
        if name in allowed:
            attributes[name] = value
        else:
            warnings.append(TwimlProblem(SCHEMA, f"{element.tag}: attribute {name!r:.40}"))
    text = (element.text or "").strip()
    if element.tag == "Say" and len(text) > MAX_SAY_CHARS:
        warnings.append(TwimlProblem(SCHEMA, "Say: the text is too long"))
        text = text[:MAX_SAY_CHARS]
    nouns = _elements(element, _NOUNS.get(element.tag, frozenset()), warnings)
    return Verb(element.tag, attributes, text, nouns)


def _error(code: int, reason: str) -> TwimlError:
    return TwimlError(TwimlProblem(code, reason))
