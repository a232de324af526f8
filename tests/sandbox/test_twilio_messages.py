"""Messages of a media stream.

Source: Twilio, Media Streams - WebSocket messages; errors 31950 and 31951.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.sandbox.twilio_messages import (
    JSON_TEXT,
    MessageWriter,
    PlayAudio,
    PlayClear,
    PlayMark,
    Violation,
    read_server_message,
)

SID = "MZ1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"event":"media","streamSid":"MZ1","media":{"payload":"AAEC"}}',
            PlayAudio(b"\x00\x01\x02"),
        ),
        ('{"event":"mark","streamSid":"MZ1","mark":{"name":"3:0"}}', PlayMark("3:0")),
        ('{"event":"clear","streamSid":"MZ1"}', PlayClear()),
    ],
)
def test_the_three_messages_are_read(text: str, message: object) -> None:
    assert read_server_message(text, SID) == message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "not JSON"),
        ("", "not JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"event":"stop","streamSid":"MZ1"}', "unknown event"),
        ('{"event":["media"],"streamSid":"MZ1"}', "unknown event"),
        ('{"event":"clear"}', "missing streamSid"),
        ('{"event":"clear","streamSid":"MZ2"}', "another stream"),
        ('{"event":"clear","streamSid":"MZ1","sequenceNumber":"1"}', "extra sequenceNumber"),
        ('{"event":"clear","event":"clear","streamSid":"MZ1"}', "twice"),
        ('{"event":"media","streamSid":"MZ1","media":"AAEC"}', "not an object"),
        ('{"event":"media","streamSid":"MZ1","media":{}}', "missing payload"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":1}}', "not a string"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":"%%"}}', "not base64"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":"ü"}}', "not base64"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":""}}', "empty"),
        (
            '{"event":"media","streamSid":"MZ1","media":{"payload":"AA==","track":"x"}}',
            "extra track",
        ),
        ('{"event":"mark","streamSid":"MZ1","mark":{"name":7}}', "not a text"),
    ],
)
def test_everything_else_is_a_violation(text: str, reason: str) -> None:
    message = read_server_message(text, SID)
    assert isinstance(message, Violation)
    assert message.code == JSON_TEXT
    assert reason in message.reason


@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
@settings(max_examples=50)
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    assert isinstance(read_server_message(text, SID), Violation)


def test_a_stream_reads_like_the_documentation() -> None:
    writer = MessageWriter(stream_sid="MZ1", call_sid="CA1", account_sid="AC1")
    stream = [
        writer.connected(),
        writer.start({"token": "t"}),
        writer.media(b"\xff\xff", 0),
        writer.media(b"\x00", 20),
        writer.dtmf("1"),
        writer.mark("r3:7"),
        writer.stop(),
    ]
    assert [json.loads(text) for text in stream] == [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": "MZ1",
            "start": {
                "accountSid": "AC1",
                "streamSid": "MZ1",
                "callSid": "CA1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": "t"},
            },
        },
        {
            "event": "media",
            "sequenceNumber": "2",
            "streamSid": "MZ1",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "//8="},
        },
        {
            "event": "media",
            "sequenceNumber": "3",
            "streamSid": "MZ1",
            "media": {"track": "inbound", "chunk": "2", "timestamp": "20", "payload": "AA=="},
        },
        {
            "event": "dtmf",
            "sequenceNumber": "4",
            "streamSid": "MZ1",
            "dtmf": {"track": "inbound_track", "digit": "1"},
        },
        {"event": "mark", "sequenceNumber": "5", "streamSid": "MZ1", "mark": {"name": "r3:7"}},
        {
            "event": "stop",
            "sequenceNumber": "6",
            "streamSid": "MZ1",
            "stop": {"accountSid": "AC1", "callSid": "CA1"},
        },
    ]
