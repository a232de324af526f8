"""Deepgram, AsyncAPI specification of the speak WebSocket: literal messages, damage, texts."""

from __future__ import annotations

import orjson
import pytest
from deepgram.speak.v1.types import (
    SpeakV1Clear,
    SpeakV1Close,
    SpeakV1Flush,
    SpeakV1Text,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.damage import cuts, replacements
from voicecore.errors import DeepgramProtocolError, LocalError
from voicecore.wire import deepgram_speak
from voicecore.wire.deepgram_speak import (
    Cleared,
    Flushed,
    Metadata,
    Unknown,
    Warning,
    parse,
    speak,
    speak_url,
    split_text,
)

# Shapes of the specification's message schemas.
METADATA = (
    '{"type":"Metadata","request_id":"f8f1b7f5","model_name":"aura-2-thalia-en",'
    '"model_version":"2025-04-07.0","model_uuid":"ecb76e9d","additional_model_uuids":[]}'
)
FLUSHED = '{"type":"Flushed","sequence_id":0}'
CLEARED = '{"type":"Cleared","sequence_id":3}'
WARNING = '{"type":"Warning","code":"EXCESSIVE_FLUSH","description":"too many"}'
ALL = [METADATA, FLUSHED, CLEARED, WARNING]


def test_documented_messages_are_read() -> None:
    assert parse(METADATA) == Metadata("f8f1b7f5", "aura-2-thalia-en")
    assert parse(FLUSHED) == Flushed(0)
    assert parse(CLEARED) == Cleared(3)
    assert parse(WARNING) == Warning("EXCESSIVE_FLUSH", "too many")


def test_the_older_shape_of_a_warning_is_read() -> None:
    assert parse('{"type":"Warning","warn_code":"W","warn_msg":"m"}') == Warning("W", "m")


def test_types_of_tomorrow_are_named() -> None:
    assert parse('{"type":"SpeechStarted"}') == Unknown("SpeechStarted")


@pytest.mark.parametrize("text", ALL)
def test_damaged_messages_raise_the_documented_error_or_nothing(text: str) -> None:
    for cut in cuts(text):
        with pytest.raises(DeepgramProtocolError):
            parse(cut)
    for damaged in replacements(text):
        try:
            parse(damaged)
        except DeepgramProtocolError:
            continue


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_garbage_raises_the_documented_error(text: str) -> None:
    with pytest.raises(DeepgramProtocolError):
        parse(text)


@pytest.mark.parametrize("text", ['{"type":"Flushed"}', '{"type":"Cleared","sequence_id":"0"}'])
def test_messages_outside_the_specification_are_refused(text: str) -> None:
    with pytest.raises(DeepgramProtocolError):
        parse(text)


def test_control_messages_are_the_vendors() -> None:
    assert orjson.loads(deepgram_speak.FLUSH) == {"type": SpeakV1Flush(type="Flush").type}
    assert orjson.loads(deepgram_speak.CLEAR) == {"type": SpeakV1Clear(type="Clear").type}
    assert orjson.loads(deepgram_speak.CLOSE) == {"type": SpeakV1Close(type="Close").type}


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_texts_arrive_as_they_were(text: str) -> None:
    read = SpeakV1Text.model_validate_json(speak(text))
    assert (read.type, read.text) == ("Speak", text)


def test_a_text_has_1_to_2000_characters() -> None:
    assert orjson.loads(speak("x" * 2000))["text"] == "x" * 2000
    for text in ("", "x" * 2001, "\ud83d"):
        with pytest.raises(LocalError):
            speak(text)


def test_half_a_surrogate_pair_is_left_out() -> None:
    assert orjson.loads(speak("Hi\ud83d there"))["text"] == "Hi there"


def test_the_address_asks_for_telephone_audio() -> None:
    assert speak_url("wss://api.example/v1/speak", "aura-2-thalia-en") == (
        "wss://api.example/v1/speak?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000"
    )
    assert speak_url("ws://127.0.0.1:1/s?edge=a", "v").startswith(
        "ws://127.0.0.1:1/s?edge=a&model=v&"
    )


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab .,!?;", max_size=200), st.integers(1, 40))
def test_pieces_join_to_the_text_and_fit(text: str, limit_chars: int) -> None:
    pieces = split_text(text, limit_chars)
    assert "".join(pieces) == text
    assert all(1 <= len(piece) <= limit_chars for piece in pieces)


def test_a_cut_falls_behind_a_sentence_where_one_fits() -> None:
    assert split_text("One two three. Four five six.", 20) == ["One two three. ", "Four five six."]
    assert split_text("aaaa bbbb, cccc dddd", 12) == ["aaaa bbbb, ", "cccc dddd"]
    assert split_text("short", 2000) == ["short"]
    assert split_text("x" * 5, 2) == ["xx", "xx", "x"]


def test_a_piece_holds_something() -> None:
    with pytest.raises(LocalError):
        split_text("x", 0)
