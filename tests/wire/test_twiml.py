"""TwiML: well-formed, escaped, and equal to what the vendor's own builder makes of it."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.twiml.voice_response import Connect, VoiceResponse

from voicecore.errors import LocalError
from voicecore.wire import twiml

URL = "wss://voice.example.com/media"


def tree(document: str) -> ElementTree.Element:
    assert document.startswith('<?xml version="1.0" encoding="UTF-8"?><Response>')
    return ElementTree.fromstring(document)


def shape(element: ElementTree.Element) -> object:
    children = [shape(child) for child in element]
    return (element.tag, dict(element.attrib), element.text or "", children)


def test_a_stream_looks_as_the_vendors_builder_writes_it() -> None:
    ours = twiml.connect_stream(
        URL,
        action="https://voice.example.com/call-resume",
        parameters={"token": "t&k", "from": '"+1"'},
        then=(twiml.Say("Sorry <b>"), twiml.Dial(number="+12025550143"), twiml.Hangup()),
    )
    theirs = VoiceResponse()
    connect = Connect(action="https://voice.example.com/call-resume")
    stream = connect.stream(url=URL)
    stream.parameter(name="token", value="t&k")
    stream.parameter(name="from", value='"+1"')
    theirs.append(connect)
    theirs.say("Sorry <b>")
    theirs.dial(timeout=30).number("+12025550143")
    theirs.hangup()
    assert shape(tree(ours)) == shape(ElementTree.fromstring(theirs.to_xml()))


def test_a_stream_that_ends_hangs_up_by_default() -> None:
    root = tree(twiml.connect_stream(URL))
    assert [child.tag for child in root] == ["Connect", "Hangup"]
    assert root[0].attrib == {}


@pytest.mark.parametrize(
    "url", ["https://x.example/m", "/media", "", URL + "?token=1", URL + "#part", "javascript:1"]
)
def test_a_stream_needs_a_plain_websocket_address(url: str) -> None:
    """Twilio, TwiML <Stream>: query strings are not supported (error 31920)."""
    with pytest.raises(LocalError):
        twiml.connect_stream(url)


def test_a_parameter_holds_less_than_500_characters() -> None:
    twiml.connect_stream(URL, parameters={"n": "v" * 498})
    with pytest.raises(LocalError):
        twiml.connect_stream(URL, parameters={"n": "v" * 499})
    with pytest.raises(LocalError):
        twiml.connect_stream(URL, parameters={"": "v"})


def test_a_text_message_is_answered_with_text_or_not_at_all() -> None:
    assert shape(tree(twiml.message("a < b\x00"))) == (
        "Response",
        {},
        "",
        [("Message", {}, "a < b ", [])],
    )
    assert shape(tree(twiml.message(""))) == ("Response", {}, "", [])


def test_small_documents() -> None:
    assert shape(tree(twiml.hangup())) == ("Response", {}, "", [("Hangup", {}, "", [])])
    assert tree(twiml.reject())[0].attrib == {"reason": "rejected"}
    assert tree(twiml.reject("busy"))[0].attrib == {"reason": "busy"}
    assert tree(twiml.redirect("https://x.example/a?b=1&c=2"))[0].text == (
        "https://x.example/a?b=1&c=2"
    )
    spoken = tree(twiml.say("Hello", then=(twiml.Redirect("/next"),)))
    assert [(child.tag, child.text) for child in spoken] == [
        ("Say", "Hello"),
        ("Redirect", "/next"),
    ]


def test_dial_announces_rings_and_goes_on() -> None:
    root = tree(
        twiml.dial(
            "+12025550143",
            caller_id="+12025550100",
            action="/dialled",
            timeout_s=20,
            announcement="One moment",
            then=(twiml.Hangup(),),
        )
    )
    assert [child.tag for child in root] == ["Say", "Dial", "Hangup"]
    assert root[1].attrib == {"action": "/dialled", "timeout": "20", "callerId": "+12025550100"}
    assert root[1][0].text == "+12025550143"
    assert [child.tag for child in tree(twiml.dial("+12025550143"))] == ["Dial"]


def test_gather_collects_digits() -> None:
    root = tree(twiml.gather("Press one", digits=1, action="/keys", timeout_s=7))
    assert root[0].attrib == {
        "input": "dtmf",
        "numDigits": "1",
        "timeout": "7",
        "action": "/keys",
    }
    assert root[0][0].text == "Press one"
    assert root[1].tag == "Hangup"


@pytest.mark.parametrize(("digits", "timeout_s"), [(0, 5), (1, 0)])
def test_gather_refuses_nothing(digits: int, timeout_s: int) -> None:
    with pytest.raises(LocalError):
        twiml.gather("x", digits=digits, action="/keys", timeout_s=timeout_s)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_spoken_text_is_never_markup(text: str) -> None:
    root = tree(twiml.say(text))
    assert [child.tag for child in root] == ["Say", "Hangup"]
    assert list(root[0]) == []


def test_spoken_text_loses_only_what_xml_cannot_carry() -> None:
    assert tree(twiml.say("a\x00b\ud800c"))[0].text == "a b c"


def test_a_spoken_text_has_a_longest() -> None:
    twiml.say("x" * twiml.SAY_CHARS_MAX)
    with pytest.raises(LocalError):
        twiml.say("x" * (twiml.SAY_CHARS_MAX + 1))


@pytest.mark.parametrize(
    "build",
    [
        lambda odd: twiml.connect_stream(URL + odd),
        lambda odd: twiml.connect_stream(URL, parameters={"token": odd}),
        lambda odd: twiml.redirect(odd),
        lambda odd: twiml.dial(odd),
    ],
)
@pytest.mark.parametrize("odd", ["\x00", "a\x1b", "\ud800", "\ufffe"])
def test_addresses_and_tokens_are_refused_rather_than_changed(
    build: Callable[[str], str], odd: str
) -> None:
    with pytest.raises(LocalError):
        build(odd)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn"]), max_size=60))
def test_parameters_arrive_as_they_were(value: str) -> None:
    try:
        document = twiml.connect_stream(URL, parameters={"token": value})
    except LocalError:
        return
    assert tree(document)[0][0][0].attrib == {"name": "token", "value": value}
