"""Deepgram streaming text-to-speech, `/v1/speak`: query, control messages, answers.

Source: Deepgram, AsyncAPI specification of the speak WebSocket. Audio arrives as binary frames of
any size and needs no codec.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import orjson

from voicecore.errors import DeepgramProtocolError, LocalError
from voicecore.wire.json_object import JsonObject

FLUSH = '{"type":"Flush"}'
CLEAR = '{"type":"Clear"}'
CLOSE = '{"type":"Close"}'

TEXT_CHARS_MAX = 2000
"""One more closes the connection with 1009 BIG-0001."""

_BREAKS = (". ", "! ", "? ", "; ", ", ", " ")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The first message on a connection: which voice it has."""

    request_id: str
    model_name: str


@dataclass(frozen=True, slots=True)
class Flushed:
    """The audio of everything before one `Flush` has been sent."""

    sequence_id: int


@dataclass(frozen=True, slots=True)
class Cleared:
    """`Clear` took effect: audio that follows belongs to text sent after it."""

    sequence_id: int


@dataclass(frozen=True, slots=True)
class Warning:
    """Deepgram did not do something, such as one flush too many."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed message of a type that is not known here."""

    type: str


SpeakMessage = Metadata | Flushed | Cleared | Warning | Unknown


def speak_query(voice: str) -> list[tuple[str, str]]:
    """Return the query of the upgrade: `voice`, spoken as raw µ-law at 8 kHz."""
    return [("model", voice), ("encoding", "mulaw"), ("sample_rate", "8000")]


def speak_url(base_url: str, voice: str) -> str:
    """Return the address of the upgrade."""
    joint = "&" if "?" in base_url else "?"
    return base_url + joint + urlencode(speak_query(voice), quote_via=quote)


def speak(text: str) -> str:
    """Write a `Speak`; texts are joined as they are, so they carry their own spaces.

    Raises:
        LocalError: `text` is empty or longer than 2,000 characters; see `split_text`.
    """
    # A half of a surrogate pair has no sound and no UTF-8.
    sayable = text.encode("utf-8", "ignore").decode("utf-8")
    if not 1 <= len(sayable) <= TEXT_CHARS_MAX:
        raise LocalError(f"a text to speak has 1 to {TEXT_CHARS_MAX} characters")
    return orjson.dumps({"type": "Speak", "text": sayable}).decode()


def split_text(text: str, limit_chars: int = TEXT_CHARS_MAX) -> list[str]:
    """Cut `text` into pieces of at most `limit_chars` that join to `text` again.

    The cut falls behind the last sentence, clause or word that fits, in this order of preference,
    as long as the piece keeps half of what it may hold.

    Raises:
        LocalError: `limit_chars` is below 1.
    """
    if limit_chars < 1:
        raise LocalError("a piece of text holds at least one character")
    pieces = []
    start = 0
    while len(text) - start > limit_chars:
        end = _cut(text, start, limit_chars)
        pieces.append(text[start:end])
        start = end
    if start < len(text):
        pieces.append(text[start:])
    return pieces


def parse(text: str) -> SpeakMessage:
    """Read one text message from Deepgram.

    Raises:
        DeepgramProtocolError: not a JSON object, or a field missing or of the wrong type.
    """
    message = JsonObject.parse(text, DeepgramProtocolError)
    kind = message.string("type")
    reader = _READERS.get(kind)
    return Unknown(kind) if reader is None else reader(message)


def _cut(text: str, start: int, limit_chars: int) -> int:
    longest = start + limit_chars
    for mark in _BREAKS:
        at = text.rfind(mark, start, longest)
        if at >= 0 and at + len(mark) > start + limit_chars // 2:
            return at + len(mark)
    return longest


def _metadata(message: JsonObject) -> Metadata:
    return Metadata(message.string("request_id"), message.optional_string("model_name"))


def _flushed(message: JsonObject) -> Flushed:
    return Flushed(message.integer("sequence_id"))


def _cleared(message: JsonObject) -> Cleared:
    return Cleared(message.integer("sequence_id"))


def _warning(message: JsonObject) -> Warning:
    # Older servers say warn_code and warn_msg.
    return Warning(
        message.optional_string("code") or message.optional_string("warn_code"),
        message.optional_string("description") or message.optional_string("warn_msg"),
    )


_READERS: dict[str, Callable[[JsonObject], SpeakMessage]] = {
    "Metadata": _metadata,
    "Flushed": _flushed,
    "Cleared": _cleared,
    "Warning": _warning,
}
