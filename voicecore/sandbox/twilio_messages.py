"""The messages of a media stream, from Twilio's side: written to the letter, read strictly.

Source: Twilio, Media Streams - WebSocket messages; errors 31950 and 31951.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

JSON_TEXT = 31951
"""Not JSON, an unknown event, a missing or an extra field, or another stream's SID."""
BINARY_FRAME = 31950
"""A binary frame: media streams carry text only."""


@dataclass(frozen=True, slots=True)
class PlayAudio:
    """The server's `media`: µ-law to be played after what is queued."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class PlayMark:
    """The server's `mark`."""

    name: str


@dataclass(frozen=True, slots=True)
class PlayClear:
    """The server's `clear`."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A message that Twilio would answer with an entry in the debugger."""

    code: int
    reason: str


ServerMessage = PlayAudio | PlayMark | PlayClear | Violation

_SHAPES = {
    "media": ({"event", "streamSid", "media"}, {"payload"}),
    "mark": ({"event", "streamSid", "mark"}, {"name"}),
    "clear": ({"event", "streamSid"}, set[str]()),
}


class _BadMessage(ValueError):
    pass


def read_server_message(text: str, stream_sid: str) -> ServerMessage:
    """Read one text frame of the server; anything but exactly the documented is a `Violation`."""
    try:
        return _read(text, stream_sid)
    except _BadMessage as error:
        return Violation(JSON_TEXT, str(error))


def _read(text: str, stream_sid: str) -> PlayAudio | PlayMark | PlayClear:
    try:
        message = json.loads(text, object_pairs_hook=_unique)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _BadMessage("not JSON") from error
    if not isinstance(message, dict):
        raise _BadMessage("not a JSON object")
    event = message.get("event")
    if not isinstance(event, str) or event not in _SHAPES:
        raise _BadMessage(f"unknown event {event!r:.40}")
    outer, inner = _SHAPES[event]
    _check_fields(message, outer, event)
    if message["streamSid"] != stream_sid:
        raise _BadMessage(f"{event}: another stream's SID")
    if not inner:
        return PlayClear()
    body = message[event]
    if not isinstance(body, dict):
        raise _BadMessage(f"{event}: {event} is not an object")
    _check_fields(body, inner, f"{event}.{event}")
    return PlayAudio(_payload(body["payload"])) if event == "media" else _mark(body["name"])


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _BadMessage("a field occurs twice")
    return dict(pairs)


def _check_fields(message: dict[str, object], wanted: set[str], where: str) -> None:
    missing = sorted(wanted - message.keys())
    extra = sorted(message.keys() - wanted)
    if missing:
        raise _BadMessage(f"{where}: missing {', '.join(missing)}")
    if extra:
        raise _BadMessage(f"{where}: extra {', '.join(extra)[:80]}")


def _payload(value: object) -> bytes:
    if not isinstance(value, str):
        raise _BadMessage("media: payload is not a string")
    try:
        audio = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _BadMessage("media: payload is not base64") from error
    if not audio:
        raise _BadMessage("media: payload is empty")
    return audio


def _mark(value: object) -> PlayMark:
    if not isinstance(value, str) or not value:
        raise _BadMessage("mark: name is not a text")
    return PlayMark(value)


class MessageWriter:
    """Writes what Twilio sends on one stream and counts `sequenceNumber` and `chunk`."""

    def __init__(self, *, stream_sid: str, call_sid: str, account_sid: str) -> None:
        self._stream_sid = stream_sid
        self._call_sid = call_sid
        self._account_sid = account_sid
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> str:
        """Return the first message of a socket; it is not counted."""
        return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self, parameters: Mapping[str, str]) -> str:
        """Return `start` with the `<Parameter>`s of the TwiML."""
        body = {
            "accountSid": self._account_sid,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._message("start", body)

    def media(self, payload: bytes, timestamp_ms: int) -> str:
        """Return `media`: µ-law of the caller that began `timestamp_ms` after the stream did."""
        self._chunk += 1
        body = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str(timestamp_ms),
            "payload": base64.b64encode(payload).decode(),
        }
        return self._message("media", body)

    def dtmf(self, digit: str) -> str:
        """Return `dtmf` for one key."""
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        """Return the echo of a mark."""
        return self._message("mark", {"name": name})

    def stop(self) -> str:
        """Return the last message of a stream."""
        return self._message("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _message(self, event: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        return json.dumps(
            {
                "event": event,
                "sequenceNumber": str(self._sequence),
                "streamSid": self._stream_sid,
                event: body,
            }
        )
