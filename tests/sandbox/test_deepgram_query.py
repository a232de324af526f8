"""What an upgrade is checked for: the key and the query, on both services.

Source: Deepgram, Errors; Keyterm Prompting; Text to Speech media settings.
"""

from __future__ import annotations

import pytest
from multidict import MultiDict

from tests.sandbox.deepgram_rig import LISTEN, SPEAK
from voicecore.sandbox.deepgram_query import (
    QueryError,
    is_authorized,
    parse_listen,
    parse_speak,
)


def _query(base: dict[str, str], **changes: str | None) -> MultiDict[str]:
    query = MultiDict(base)
    for name, value in changes.items():
        query.popall(name, None)
        if value is not None:
            query.add(name, value)
    return query


@pytest.mark.parametrize(
    ("header", "is_right"),
    [
        ("Token key", True),
        ("token key", True),
        ("Bearer key", True),
        ("Token wrong", False),
        ("Token ", False),
        ("Basic key", False),
        ("key", False),
        ("Token kéy", False),
        (None, False),
    ],
)
def test_the_key_is_checked(header: str | None, is_right: bool) -> None:
    assert is_authorized(header, "key") is is_right


def test_listen_options_are_read() -> None:
    query = parse_listen(_query(LISTEN))
    assert (query.model, query.encoding, query.sample_rate_hz) == ("nova-3", "mulaw", 8000)
    assert query.interim_results
    assert query.vad_events
    assert query.has_punctuation
    assert (query.endpointing_ms, query.utterance_end_ms) == (300, 1000)


@pytest.mark.parametrize(
    ("value", "expected_ms"), [(None, 10), ("true", 10), ("false", None), ("0", 0), ("500", 500)]
)
def test_endpointing_is_ten_ms_unless_said(value: str | None, expected_ms: int | None) -> None:
    assert parse_listen(_query(LISTEN, endpointing=value)).endpointing_ms == expected_ms


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "flux-general-en"),
        ("model", "whale"),
        ("encoding", "pcm"),
        ("sample_rate", None),
        ("sample_rate", "8k"),
        ("sample_rate", "0"),
        ("channels", "-1"),
        ("interim_results", "True"),
        ("vad_events", "1"),
        ("endpointing", "soon"),
        ("endpointing", "-5"),
        ("utterance_end_ms", "1.5"),
        ("keywords", "brake:2"),
        ("keyterm", "a " * 501),
        ("tag", "x" * 129),
        ("extra", "k:" + "x" * 2048),
    ],
)
def test_a_wrong_listen_option_is_refused(name: str, value: str | None) -> None:
    with pytest.raises(QueryError):
        parse_listen(_query(LISTEN, **{name: value}))


def test_keyterms_need_nova_3_and_keywords_need_an_older_model() -> None:
    keyterms = parse_listen(_query(LISTEN, keyterm="brake pads")).keyterms
    assert keyterms == ("brake pads",)
    with pytest.raises(QueryError):
        parse_listen(_query(LISTEN, model="nova-2-phonecall", keyterm="brake"))
    parse_listen(_query(LISTEN, model="nova-2-phonecall", keywords="brake:2"))
    many = _query(LISTEN, model="nova-2")
    for number in range(101):
        many.add("keywords", f"word{number}")
    with pytest.raises(QueryError):
        parse_listen(many)


def test_unknown_parameters_are_ignored() -> None:
    parse_listen(_query(LISTEN, no_delay="true", language="multi"))


def test_speak_options_are_read_with_their_defaults() -> None:
    query = parse_speak(_query(SPEAK, sample_rate=None, container="none"))
    assert (query.encoding, query.sample_rate_hz, query.speed) == ("mulaw", 8000, 1.0)
    plain = parse_speak(MultiDict[str]())
    assert (plain.model, plain.encoding, plain.sample_rate_hz) == (
        "aura-asteria-en",
        "linear16",
        24000,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "nova-3"),
        ("encoding", "mp3"),
        ("sample_rate", "44100"),
        ("sample_rate", "x"),
        ("container", "wav"),
        ("speed", "fast"),
        ("speed", "3"),
        ("speed", "nan"),
        ("mip_opt_out", "yes"),
    ],
)
def test_a_wrong_speak_option_is_refused(name: str, value: str) -> None:
    with pytest.raises(QueryError):
        parse_speak(_query(SPEAK, **{name: value}))
