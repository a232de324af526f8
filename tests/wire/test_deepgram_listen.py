"""Deepgram, AsyncAPI specification of the listen WebSocket: literal messages, damage, query."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from deepgram.listen.v1.types import (
    ListenV1CloseStream,
    ListenV1Finalize,
    ListenV1KeepAlive,
    ListenV1Results,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.damage import cuts, replacements
from voicecore.errors import DeepgramProtocolError, LocalError
from voicecore.wire import deepgram_listen
from voicecore.wire.deepgram_listen import (
    ErrorMessage,
    ListenOptions,
    Metadata,
    Results,
    SpeechStarted,
    Unknown,
    UtteranceEnd,
    Word,
    listen_query,
    listen_url,
    parse,
)

# Shapes of the specification's message schemas.
RESULTS = (
    '{"type":"Results","channel_index":[0,1],"start":3.26,"duration":1.84,"is_final":true,'
    '"speech_final":false,"from_finalize":false,"channel":{"alternatives":[{"transcript":'
    '"Two o\'clock.","confidence":0.98,"languages":["en"],"words":[{"word":"two","start":3.3,'
    '"end":3.5,"confidence":0.97,"punctuated_word":"Two","speaker":0,"language":"en"},'
    '{"word":"o\'clock","start":3.5,"end":4,"confidence":0.9}]}]},"metadata":{"request_id":'
    '"f8f1b7f5","model_uuid":"1dbdfb4d","model_info":{"name":"general-nova-3","version":'
    '"2026-01-01.0","arch":"nova-3"}}}'
)
SPEECH_STARTED = '{"type":"SpeechStarted","channel":[0,1],"timestamp":9.54}'
UTTERANCE_END = '{"type":"UtteranceEnd","channel":[0,1],"last_word_end":2.395}'
METADATA = (
    '{"type":"Metadata","transaction_key":"deprecated","request_id":"f8f1b7f5","sha256":"5324da68",'
    '"created":"2026-05-01T10:00:00.000Z","duration":12.3,"channels":1}'
)
ERROR = '{"type":"Error","variant":"SchemaError","description":"bad","message":"{}"}'
ALL = [RESULTS, SPEECH_STARTED, UTTERANCE_END, METADATA, ERROR]


def changed(text: str, **values: object) -> str:
    return orjson.dumps({**orjson.loads(text), **values}).decode()


def test_documented_messages_are_read() -> None:
    assert parse(RESULTS) == Results(
        channel=0,
        start_s=3.26,
        duration_s=1.84,
        is_final=True,
        speech_final=False,
        from_finalize=False,
        transcript="Two o'clock.",
        confidence=0.98,
        words=(
            Word(text="two", punctuated="Two", start_s=3.3, end_s=3.5, confidence=0.97),
            Word(text="o'clock", punctuated="o'clock", start_s=3.5, end_s=4.0, confidence=0.9),
        ),
    )
    assert parse(SPEECH_STARTED) == SpeechStarted(9.54)
    assert parse(UTTERANCE_END) == UtteranceEnd(2.395)
    assert parse(METADATA) == Metadata("f8f1b7f5", 12.3)
    assert parse(ERROR) == ErrorMessage("SchemaError", "bad")


def test_the_vendors_own_model_reads_the_same() -> None:
    ours = parse(RESULTS)
    theirs = ListenV1Results.model_validate_json(RESULTS)
    assert isinstance(ours, Results)
    assert (ours.start_s, ours.duration_s) == (theirs.start, theirs.duration)
    assert ours.end_s == pytest.approx(5.1)
    assert ours.transcript == theirs.channel.alternatives[0].transcript


def test_absent_flags_are_false() -> None:
    message = orjson.loads(RESULTS)
    for name in ("is_final", "speech_final", "from_finalize", "channel_index", "metadata"):
        del message[name]
    results = parse(orjson.dumps(message).decode())
    assert isinstance(results, Results)
    assert (results.is_final, results.speech_final, results.from_finalize) == (False,) * 3
    assert results.channel == 0


def test_no_alternative_means_no_words() -> None:
    results = parse(changed(RESULTS, channel={"alternatives": []}))
    assert isinstance(results, Results)
    assert (results.transcript, results.words, results.confidence) == ("", (), 0.0)


def test_a_stale_utterance_end_is_passed_on() -> None:
    assert parse(changed(UTTERANCE_END, last_word_end=-1)) == UtteranceEnd(-1.0)


def test_types_of_tomorrow_are_named() -> None:
    assert parse('{"type":"ConfigureSuccess","request_id":"x"}') == Unknown("ConfigureSuccess")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"type":1}',
        changed(RESULTS, start="3.26"),
        changed(RESULTS, duration=None),
        changed(RESULTS, is_final="true"),
        changed(RESULTS, channel=[]),
        changed(RESULTS, channel={"alternatives": ["x"]}),
        changed(RESULTS, channel={"alternatives": [{"confidence": 1}]}),
        changed(RESULTS, channel_index=["0"]),
        changed(SPEECH_STARTED, timestamp=True),
        RESULTS.replace("3.26", "NaN"),
        RESULTS.replace("3.26", "1e999"),
    ],
)
def test_messages_outside_the_specification_are_refused(text: str) -> None:
    with pytest.raises(DeepgramProtocolError):
        parse(text)


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


def test_control_messages_are_the_vendors() -> None:
    assert orjson.loads(deepgram_listen.KEEP_ALIVE) == {
        "type": ListenV1KeepAlive(type="KeepAlive").type
    }
    assert orjson.loads(deepgram_listen.FINALIZE) == {
        "type": ListenV1Finalize(type="Finalize").type
    }
    assert orjson.loads(deepgram_listen.CLOSE_STREAM) == {
        "type": ListenV1CloseStream(type="CloseStream").type
    }


def test_the_query_names_the_audio_and_the_options() -> None:
    options = ListenOptions(
        keyterms=("brake pads", "Corolla"),
        tags=("demo",),
        endpointing_ms=None,
        utterance_end_ms=None,
        smart_format=True,
    )
    pairs = listen_query(options)
    assert pairs[:5] == [
        ("model", "nova-3"),
        ("language", "en"),
        ("encoding", "mulaw"),
        ("sample_rate", "8000"),
        ("channels", "1"),
    ]
    assert ("endpointing", "false") in pairs
    assert ("smart_format", "true") in pairs
    assert [value for name, value in pairs if name == "keyterm"] == ["brake pads", "Corolla"]
    assert "utterance_end_ms" not in dict(pairs)
    assert ("utterance_end_ms", "1000") in listen_query(ListenOptions())
    assert ("endpointing", "300") in listen_query(ListenOptions())


@pytest.mark.parametrize("base", ["wss://api.example/v1/listen", "ws://127.0.0.1:1/l?edge=a"])
def test_the_address_carries_the_query(base: str) -> None:
    options = ListenOptions(keyterms=("brake pads & more",))
    url = listen_url(base, options)
    assert "brake%20pads%20%26%20more" in url
    expected = [*parse_qsl(urlsplit(base).query), *listen_query(options)]
    assert parse_qsl(urlsplit(url).query) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"endpointing_ms": -1},
        {"utterance_end_ms": 999},
        {"interim_results": False},
        {"model": "nova-2-automotive", "keyterms": ("x",)},
        {"keyterms": ("word " * 501,)},
        {"tags": ("t" * 129,)},
    ],
)
def test_options_that_deepgram_refuses_are_refused_here(values: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        ListenOptions(**values)  # type: ignore[arg-type]
