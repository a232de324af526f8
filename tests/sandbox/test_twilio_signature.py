"""The signature, against the vendor's validator and a vector computed with it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from voicecore.sandbox.twilio_signature import sign


def test_a_known_request_has_the_known_signature() -> None:
    params = {
        "Digits": "1234",
        "To": "+18005551212",
        "From": "+14158675310",
        "Caller": "+14158675310",
        "CallSid": "CA1234567890ABCDE",
    }
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert sign("12345", url, params) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6))
@settings(max_examples=50)
def test_the_vendors_validator_accepts_every_form(params: dict[str, str]) -> None:
    url = "https://agent.example.com/incoming-call"
    assert RequestValidator("secret").validate(url, params, sign("secret", url, params))


def test_a_stream_is_signed_over_its_wss_address() -> None:
    url = "wss://agent.example.com/media-stream"
    validator = RequestValidator("secret")
    assert validator.validate(url, {}, sign("secret", url))
    assert not validator.validate(url.replace("wss", "https"), {}, sign("secret", url))
