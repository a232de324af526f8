"""Twilio Media Streams - WebSocket messages: the documented messages and their damaged kin."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.damage import cuts, replacements
from voicecore.errors import AudioFormatError, TwilioProtocolError
from voicecore.wire import twilio_media
from voicecore.wire.twilio_media import (
    Connected,
    Dtmf,
    Mark,
    Media,
    MediaFormat,
    Start,
    Stop,
    parse,
)

# Field names and example values of the vendor's page, "Messages from Twilio".
STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL = "CA7a1b2c3d4e5f60718293a4b5c6d7e8f9"
ACCOUNT = "AC0123456789abcdef0123456789abcdef"
CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
START = (
    f'{{"event":"start","sequenceNumber":"1","streamSid":"{STREAM}","start":'
    f'{{"streamSid":"{STREAM}","accountSid":"{ACCOUNT}","callSid":"{CALL}",'
    '"tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,'
    '"channels":1},"customParameters":{"token":"t0k","from":"+12025550143"}}}'
)
MEDIA = (
    f'{{"event":"media","sequenceNumber":"4","streamSid":"{STREAM}",'
    '"media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"f39/f/8="}}'
)
DTMF = (
    f'{{"event":"dtmf","streamSid":"{STREAM}","sequenceNumber":"5",'
    '"dtmf":{"track":"inbound_track","digit":"1"}}'
)
MARK = f'{{"event":"mark","sequenceNumber":"9","streamSid":"{STREAM}","mark":{{"name":"3:7"}}}}'
STOP = (
    f'{{"event":"stop","sequenceNumber":"99","streamSid":"{STREAM}",'
    f'"stop":{{"accountSid":"{ACCOUNT}","callSid":"{CALL}"}}}}'
)
ALL = [CONNECTED, START, MEDIA, DTMF, MARK, STOP]


def changed(text: str, *path: str, value: object) -> str:
    message = orjson.loads(text)
    holder = message
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return orjson.dumps(message).decode()


def test_documented_messages_are_read() -> None:
    assert parse(CONNECTED) == Connected("Call", "1.0.0")
    assert parse(START) == Start(
        stream_sid=STREAM,
        account_sid=ACCOUNT,
        call_sid=CALL,
        sequence_number=1,
        tracks=("inbound",),
        media_format=MediaFormat("audio/x-mulaw", 8000, 1),
        custom_parameters={"token": "t0k", "from": "+12025550143"},
    )
    assert parse(MEDIA) == Media(
        stream_sid=STREAM,
        sequence_number=4,
        chunk=2,
        timestamp_ms=25,
        track="inbound",
        payload=b"\x7f\x7f\x7f\x7f\xff",
    )
    assert parse(DTMF) == Dtmf(stream_sid=STREAM, sequence_number=5, digit="1")
    assert parse(MARK) == Mark(stream_sid=STREAM, sequence_number=9, name="3:7")
    assert parse(STOP) == Stop(
        stream_sid=STREAM, sequence_number=99, account_sid=ACCOUNT, call_sid=CALL
    )


@pytest.mark.parametrize("text", ALL)
def test_unknown_fields_are_ignored(text: str) -> None:
    message = orjson.loads(text)
    message["brandNew"] = {"x": [1]}
    inner = message.get(message["event"])
    if inner is not None:
        inner["brandNew"] = None
    assert parse(orjson.dumps(message).decode()) == parse(text)


def test_a_stream_without_parameters_has_none() -> None:
    message = orjson.loads(START)
    del message["start"]["customParameters"]
    start = parse(orjson.dumps(message).decode())
    assert isinstance(start, Start)
    assert start.custom_parameters == {}


def test_parameters_cannot_be_changed() -> None:
    start = parse(START)
    assert isinstance(start, Start)
    with pytest.raises(TypeError):
        start.custom_parameters["token"] = "other"  # type: ignore[index]


@pytest.mark.parametrize("digit", [*"0123456789*#ABCD"])
def test_every_key_is_a_digit(digit: str) -> None:
    assert parse(changed(DTMF, "dtmf", "digit", value=digit)) == Dtmf(
        stream_sid=STREAM, sequence_number=5, digit=digit
    )


@pytest.mark.parametrize(
    "text",
    [
        changed(CONNECTED, "event", value="resume"),
        changed(CONNECTED, "event", value=1),
        changed(START, "streamSid", value="MZother"),
        changed(START, "start", "mediaFormat", "encoding", value="audio/l16"),
        changed(START, "start", "mediaFormat", "sampleRate", value=16000),
        changed(START, "start", "mediaFormat", "sampleRate", value="8000"),
        changed(START, "start", "mediaFormat", "channels", value=2),
        changed(START, "start", "customParameters", value={"token": 1}),
        changed(START, "start", "callSid", value=""),
        changed(MEDIA, "media", "payload", value="f39/f/8"),
        changed(MEDIA, "media", "payload", value="!!!!"),
        changed(MEDIA, "media", "payload", value="f39/f/8=\n"),
        changed(MEDIA, "media", "payload", value="é"),
        changed(MEDIA, "media", "payload", value=7),
        changed(MEDIA, "media", "chunk", value=2),
        changed(MEDIA, "media", "chunk", value="-2"),
        changed(MEDIA, "media", "timestamp", value="1" * 5000),
        changed(MEDIA, "media", "track", value="sideways"),
        changed(MEDIA, "sequenceNumber", value=4),
        changed(DTMF, "dtmf", "digit", value="12"),
        changed(DTMF, "dtmf", "digit", value=""),
        changed(MARK, "mark", value="3:7"),
        '{"event":"media"}',
        "{}",
    ],
)
def test_messages_that_twilio_never_sends_are_refused(text: str) -> None:
    with pytest.raises(TwilioProtocolError) as caught:
        parse(text)
    assert str(caught.value).startswith("twilio media stream: ")


@pytest.mark.parametrize("text", ALL)
def test_damaged_messages_raise_the_documented_error_or_nothing(text: str) -> None:
    for cut in cuts(text):
        with pytest.raises(TwilioProtocolError):
            parse(cut)
    for damaged in replacements(text):
        try:
            parse(damaged)
        except TwilioProtocolError:
            continue


@settings(max_examples=150, deadline=None)
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_garbage_raises_the_documented_error(text: str) -> None:
    with pytest.raises(TwilioProtocolError):
        parse(text)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=1200), st.text(st.characters(exclude_categories=["Cs"])))
def test_written_messages_have_exactly_the_documented_fields(payload: bytes, name: str) -> None:
    """Twilio, error 31951: an extra field is as wrong as a missing one."""
    assert orjson.loads(twilio_media.media(STREAM, payload)) == {
        "event": "media",
        "streamSid": STREAM,
        "media": {"payload": base64.b64encode(payload).decode()},
    }
    assert orjson.loads(twilio_media.mark(STREAM, name)) == {
        "event": "mark",
        "streamSid": STREAM,
        "mark": {"name": name},
    }
    assert orjson.loads(twilio_media.clear(STREAM)) == {"event": "clear", "streamSid": STREAM}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=1200))
def test_payloads_of_any_length_survive(payload: bytes) -> None:
    text = changed(MEDIA, "media", "payload", value=base64.b64encode(payload).decode())
    message = parse(text)
    assert isinstance(message, Media)
    assert message.payload == payload


def test_views_are_written_like_bytes() -> None:
    frame = bytes(range(160))
    written = twilio_media.media(STREAM, frame)
    assert twilio_media.media(STREAM, memoryview(frame)) == written
    assert twilio_media.media(STREAM, bytearray(frame)) == written


def test_a_quote_in_a_name_stays_inside_it() -> None:
    odd = 'a","event":"clear'
    assert orjson.loads(twilio_media.mark(odd, odd))["mark"] == {"name": odd}


def test_silence_is_sent_as_audio_not_as_nothing() -> None:
    with pytest.raises(AudioFormatError):
        twilio_media.media(STREAM, b"")
