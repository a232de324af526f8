"""Twilio Media Streams: the JSON text frames of a bidirectional stream, both ways.

Source: Twilio, Media Streams - WebSocket messages. Numbers arrive as strings except inside
`mediaFormat`; unknown extra fields are ignored, unknown events are an error.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from voicecore.errors import AudioFormatError, TwilioProtocolError
from voicecore.wire.json_object import JsonObject

_TRACKS = frozenset({"inbound", "outbound"})
_USUAL_DIGITS = 15
_DIGITS = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class Connected:
    """The first message: the peer speaks `protocol` ("Call") in `version`."""

    protocol: str
    version: str


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """The audio of the stream; Twilio documents these three values only."""

    encoding: str = "audio/x-mulaw"
    sample_rate_hz: int = 8000
    channels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The stream begins; `custom_parameters` are the `<Parameter>`s of the TwiML, read-only."""

    stream_sid: str
    account_sid: str
    call_sid: str
    sequence_number: int
    tracks: tuple[str, ...]
    media_format: MediaFormat
    custom_parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Audio of one track.

    `chunk` counts the track's messages from 1; `timestamp_ms` is the presentation time since the
    stream's start. `payload` is µ-law, 8 kHz mono, of any length (in practice 160 bytes, 20 ms).
    """

    stream_sid: str
    sequence_number: int
    chunk: int
    timestamp_ms: int
    track: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Dtmf:
    """The caller pressed `digit`: one of 0-9, *, # or A-D."""

    stream_sid: str
    sequence_number: int
    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Everything queued before the mark `name` was played, or cleared."""

    stream_sid: str
    sequence_number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The call or the stream has ended; Twilio closes the socket next."""

    stream_sid: str
    sequence_number: int
    account_sid: str
    call_sid: str


TwilioMessage = Connected | Start | Media | Dtmf | Mark | Stop


def parse(text: str) -> TwilioMessage:
    """Read one text frame from Twilio.

    Raises:
        TwilioProtocolError: not a JSON object, an unknown event, a field missing or of the
            wrong type, base64 that is not base64.
    """
    media = _usual_media(text)
    if media is not None:
        return media
    message = JsonObject.parse(text, TwilioProtocolError)
    event = message.string("event")
    reader = _READERS.get(event)
    if reader is None:
        raise TwilioProtocolError("the event is unknown")
    return reader(message)


def media(stream_sid: str, payload: bytes | bytearray | memoryview) -> str:
    """Write a `media` message; `payload` is raw µ-law, 8 kHz mono, at least one byte.

    Raises:
        AudioFormatError: `payload` is empty.
    """
    if not payload:
        raise AudioFormatError("a media message needs audio")
    encoded = binascii.b2a_base64(payload, newline=False).decode("ascii")
    return (
        f'{{"event":"media","streamSid":{_quoted(stream_sid)},"media":{{"payload":"{encoded}"}}}}'
    )


def mark(stream_sid: str, name: str) -> str:
    """Write a `mark`, which Twilio echoes when everything before it was played or cleared."""
    return f'{{"event":"mark","streamSid":{_quoted(stream_sid)},"mark":{{"name":{_quoted(name)}}}}}'


def clear(stream_sid: str) -> str:
    """Write a `clear`, which empties Twilio's queue and echoes every pending mark."""
    return f'{{"event":"clear","streamSid":{_quoted(stream_sid)}}}'


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _connected(message: JsonObject) -> Connected:
    return Connected(message.string("protocol"), message.string("version"))


def _start(message: JsonObject) -> Start:
    start = message.object("start")
    stream_sid = message.identifier("streamSid")
    if start.identifier("streamSid") != stream_sid:
        raise TwilioProtocolError("start names two streams")
    audio = start.object("mediaFormat")
    media_format = MediaFormat(
        audio.string("encoding"), audio.integer("sampleRate"), audio.integer("channels")
    )
    if media_format != MediaFormat():
        raise TwilioProtocolError("mediaFormat is not mono µ-law at 8 kHz")
    return Start(
        stream_sid=stream_sid,
        account_sid=start.identifier("accountSid"),
        call_sid=start.identifier("callSid"),
        sequence_number=message.count("sequenceNumber"),
        tracks=start.strings("tracks"),
        media_format=media_format,
        custom_parameters=MappingProxyType(start.optional_object("customParameters").string_map()),
    )


def _usual_media(text: str) -> Media | None:
    """Read a `media` message as it should be, of which every call has fifty a second.

    None for everything else: the careful way then tells what it is, or what it lacks.
    """
    try:
        fields = orjson.loads(text)
        audio = fields["media"]
        stream_sid, track = fields["streamSid"], audio["track"]
        if not (
            fields["event"] == "media"
            and type(stream_sid) is str
            and stream_sid
            and type(track) is str
            and track in _TRACKS
        ):
            return None
        return Media(
            stream_sid=stream_sid,
            sequence_number=_usual_count(fields["sequenceNumber"]),
            chunk=_usual_count(audio["chunk"]),
            timestamp_ms=_usual_count(audio["timestamp"]),
            track=track,
            payload=binascii.a2b_base64(audio["payload"], strict_mode=True),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _usual_count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _USUAL_DIGITS:
        return int(text)
    raise ValueError("not a number of the usual size")


def _media(message: JsonObject) -> Media:
    audio = message.object("media")
    track = audio.string("track")
    if track not in _TRACKS:
        raise TwilioProtocolError("track is unknown")
    try:
        payload = binascii.a2b_base64(audio.string("payload"), strict_mode=True)
    except ValueError as exc:
        raise TwilioProtocolError("payload is not base64") from exc
    return Media(
        stream_sid=message.identifier("streamSid"),
        sequence_number=message.count("sequenceNumber"),
        chunk=audio.count("chunk"),
        timestamp_ms=audio.count("timestamp"),
        track=track,
        payload=payload,
    )


def _dtmf(message: JsonObject) -> Dtmf:
    digit = message.object("dtmf").string("digit")
    if digit not in _DIGITS:
        raise TwilioProtocolError("digit is not a key of a telephone")
    return Dtmf(
        stream_sid=message.identifier("streamSid"),
        sequence_number=message.count("sequenceNumber"),
        digit=digit,
    )


def _mark(message: JsonObject) -> Mark:
    return Mark(
        stream_sid=message.identifier("streamSid"),
        sequence_number=message.count("sequenceNumber"),
        name=message.object("mark").string("name"),
    )


def _stop(message: JsonObject) -> Stop:
    stop = message.object("stop")
    return Stop(
        stream_sid=message.identifier("streamSid"),
        sequence_number=message.count("sequenceNumber"),
        account_sid=stop.identifier("accountSid"),
        call_sid=stop.identifier("callSid"),
    )


_READERS: dict[str, Callable[[JsonObject], TwilioMessage]] = {
    "connected": _connected,
    "start": _start,
    "media": _media,
    "dtmf": _dtmf,
    "mark": _mark,
    "stop": _stop,
}
