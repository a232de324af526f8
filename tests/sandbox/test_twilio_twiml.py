"""TwiML as Twilio takes it; the documents of the vendor's own library are taken as they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.twiml.voice_response import Connect, Dial, Gather, VoiceResponse

from voicecore.sandbox.twilio_twiml import (
    CONTENT_TYPE,
    DOCUMENT_PARSE,
    ROOT_ELEMENT,
    SCHEMA,
    STREAM_HANDSHAKE,
    STREAM_SCHEME,
    STREAM_URL,
    TwimlError,
    TwimlProblem,
    Verb,
    number_of,
    read_twiml,
    stream_parameters,
    stream_problem,
)

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def test_the_vendors_documents_are_read_without_a_warning() -> None:
    response = VoiceResponse()
    connect = Connect(action="/call-resume")
    stream = connect.stream(url="wss://agent.example.com/media-stream")
    stream.parameter(name="token", value="a&b")
    response.append(connect)
    response.say("One moment <please>.", voice="Polly.Joanna", language="en-US")
    dial = Dial(timeout=20, caller_id="+15550100")
    dial.number("+15550111")
    response.append(dial)
    gather = Gather(num_digits=1, input="dtmf speech", action="/keys")
    gather.say("Press one.")
    response.append(gather)
    response.pause(length=2)
    response.redirect("/again", method="GET")
    response.hangup()
    document = read_twiml(str(response).encode(), "text/xml; charset=utf-8")
    assert document.warnings == ()
    assert [verb.name for verb in document.verbs] == [
        "Connect", "Say", "Dial", "Gather", "Pause", "Redirect", "Hangup",
    ]  # fmt: skip
    (found,) = document.verbs[0].nouns
    assert found.get("url") == "wss://agent.example.com/media-stream"
    assert stream_parameters(found, []) == {"token": "a&b"}
    assert document.verbs[1].text == "One moment <please>."
    assert document.verbs[2].nouns[0].text == "+15550111"


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (HEAD + "<Response/>", "text/plain", CONTENT_TYPE),
        (HEAD + "<Response/>", "text/html", CONTENT_TYPE),
        ("<Response/>", "text/xml", DOCUMENT_PARSE),
        (" " + HEAD + "<Response/>", "text/xml", DOCUMENT_PARSE),
        ("\ufeff" + HEAD + "<Response/>", "text/xml", DOCUMENT_PARSE),
        (HEAD + "<Response>", "text/xml", DOCUMENT_PARSE),
        (HEAD + "<Response><Say>a & b</Say></Response>", "text/xml", DOCUMENT_PARSE),
        (HEAD + "<!DOCTYPE x><Response/>", "text/xml", DOCUMENT_PARSE),
        ('<?xml version="1.0" encoding="nonsense"?><Response/>', "text/xml", DOCUMENT_PARSE),
        (HEAD + "<Answer/>", "application/xml", ROOT_ELEMENT),
    ],
)
def test_what_is_not_twiml_is_refused(body: str, content_type: str, code: int) -> None:
    with pytest.raises(TwimlError) as caught:
        read_twiml(body.encode(), content_type)
    assert caught.value.problem.code == code


def test_what_the_schema_does_not_know_is_left_out_with_a_warning() -> None:
    body = (
        f"{HEAD}<Response><!-- note --><Sing/><Say loud='1' voice='x'>Hi</Say>"
        f"<Connect><Say>no</Say></Connect><Say>{'a' * 5000}</Say></Response>"
    )
    document = read_twiml(body.encode(), "text/xml")
    assert [verb.name for verb in document.verbs] == ["Say", "Connect", "Say"]
    assert document.verbs[0].attributes == {"voice": "x"}
    assert len(document.verbs[2].text) == 4096
    assert {warning.code for warning in document.warnings} == {SCHEMA}
    assert len(document.warnings) == 4


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("wss://agent.example.com/media", None),
        ("/media", None),
        ("", STREAM_URL),
        ("wss:///media", STREAM_URL),
        ("ws://agent.example.com/media", STREAM_SCHEME),
        ("https://agent.example.com/media", STREAM_SCHEME),
        ("wss://agent.example.com/media?token=1", STREAM_HANDSHAKE),
    ],
)
def test_a_stream_needs_a_plain_wss_address(url: str, code: int | None) -> None:
    problem = stream_problem(Verb("Stream", {"url": url}))
    assert (problem and problem.code) == code


def test_a_parameter_of_500_characters_is_too_long() -> None:
    stream = Verb(
        "Stream",
        nouns=(
            Verb("Parameter", {"name": "fits", "value": "x" * 495}),
            Verb("Parameter", {"name": "long", "value": "x" * 496}),
            Verb("Parameter", {"value": "nameless"}),
        ),
    )
    warnings: list[TwimlProblem] = []
    assert set(stream_parameters(stream, warnings)) == {"fits"}
    assert [warning.code for warning in warnings] == [SCHEMA, SCHEMA]


def test_numbers_in_attributes_have_a_default() -> None:
    assert [number_of(text, 5) for text in ("2", "0.5", "-1", "", "x")] == [2, 0.5, 0, 5, 5]


@given(st.binary() | st.binary().map(lambda tail: HEAD.encode() + b"<Response>" + tail))
@settings(max_examples=100)
def test_no_bytes_at_all_break_the_reader(body: bytes) -> None:
    try:
        read_twiml(body, "text/xml")
    except TwimlError as error:
        assert error.problem.code in (DOCUMENT_PARSE, ROOT_ELEMENT)
