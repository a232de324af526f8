"""Twilio, Webhooks security: our signatures against the vendor's own validator."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from voicecore.errors import SignatureError
from voicecore.wire.twilio_signature import (
    SignatureValidator,
    sign,
    validate_request,
    validate_websocket,
)

TOKEN = "12345"
# The example of the vendor's page.
URL = "https://example.com/myapp.php?foo=1&bar=2"
PARAMS = {
    "Digits": "1234",
    "To": "+18005551212",
    "From": "+14158675310",
    "Caller": "+14158675310",
    "CallSid": "CA1234567890ABCDE",
}
SIGNATURE = "L/OH5YylLD5NRKLltdqwSvS0BnU="
MEDIA_URL = "wss://voice.example.com/media"


def test_the_published_example_fits() -> None:
    assert sign(URL, PARAMS, TOKEN) == SIGNATURE
    validate_request(URL, PARAMS, SIGNATURE, (TOKEN,))
    validate_request(URL, list(PARAMS.items())[::-1], SIGNATURE, TOKEN)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip),
)
def test_signatures_equal_the_vendors(params: dict[str, str], token: str) -> None:
    clean = {
        name.encode("utf-8", "ignore").decode(): value.encode("utf-8", "ignore").decode()
        for name, value in params.items()
    }
    theirs = RequestValidator(token).compute_signature(URL, clean)
    assert sign(URL, clean, token) == theirs


def test_repeated_parameters_are_made_unique_and_sorted() -> None:
    repeated = MultiDict([("Media", "b"), ("Media", "a"), ("Media", "b"), ("A", "")])
    theirs = RequestValidator(TOKEN).compute_signature(URL, repeated)
    assert sign(URL, repeated, TOKEN) == theirs
    assert sign(URL, list(repeated.items()), TOKEN) == theirs


@pytest.mark.parametrize("signed", ["https://a.example/x?q=1", "https://a.example:443/x?q=1"])
@pytest.mark.parametrize("configured", ["https://a.example/x?q=1", "https://a.example:443/x?q=1"])
def test_the_port_may_be_written_or_not(signed: str, configured: str) -> None:
    signature = RequestValidator(TOKEN).compute_signature(signed, PARAMS)
    assert RequestValidator(TOKEN).validate(configured, PARAMS, signature)
    validate_request(configured, PARAMS, signature, (TOKEN,))


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        ("http://a.example/x", "http://a.example:80/x"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("http://[::1]:8080/x", "http://[::1]/x"),
        ("https://a.example:/x", "https://a.example:443/x"),
    ],
)
def test_other_forms_of_the_port(configured: str, signed: str) -> None:
    validate_request(configured, {}, sign(signed, {}, TOKEN), TOKEN)


@pytest.mark.parametrize(
    "signed", [MEDIA_URL, MEDIA_URL + "/", "wss://voice.example.com:443/media"]
)
def test_a_stream_is_signed_over_the_address_of_the_twiml(signed: str) -> None:
    signature = RequestValidator(TOKEN).compute_signature(signed, {})
    validate_websocket(MEDIA_URL, signature, ("other", TOKEN))


def test_a_slash_at_the_end_is_not_doubled() -> None:
    validate_websocket(MEDIA_URL + "/", sign(MEDIA_URL + "/", {}, TOKEN), TOKEN)
    with pytest.raises(SignatureError):
        validate_websocket(MEDIA_URL + "/", sign(MEDIA_URL + "//", {}, TOKEN), TOKEN)


def test_the_scheme_of_a_stream_counts() -> None:
    signature = sign("https://voice.example.com/media", {}, TOKEN)
    with pytest.raises(SignatureError):
        validate_websocket(MEDIA_URL, signature, TOKEN)


@pytest.mark.parametrize("signature", [None, "", "x", "é", "\udcff", SIGNATURE[:-1], SIGNATURE * 2])
def test_a_signature_that_does_not_fit_is_refused(signature: str | None) -> None:
    with pytest.raises(SignatureError):
        validate_request(URL, PARAMS, signature, (TOKEN,))
    with pytest.raises(SignatureError):
        validate_websocket(MEDIA_URL, signature, (TOKEN,))


def test_every_parameter_counts() -> None:
    for name in PARAMS:
        with pytest.raises(SignatureError):
            validate_request(URL, {**PARAMS, name: "other"}, SIGNATURE, TOKEN)
    with pytest.raises(SignatureError):
        validate_request(URL, {**PARAMS, "New": ""}, SIGNATURE, TOKEN)
    with pytest.raises(SignatureError):
        validate_request(URL, {}, SIGNATURE, TOKEN)


@pytest.mark.parametrize("tokens", ["", (), ("",), (TOKEN, ""), []])
def test_an_empty_token_signs_nothing(tokens: str | tuple[str, ...]) -> None:
    """An unset token must not turn into a key that everybody knows."""
    forged = RequestValidator("").compute_signature(URL, PARAMS)
    with pytest.raises(SignatureError):
        validate_request(URL, PARAMS, forged, tokens)
    with pytest.raises(SignatureError):
        SignatureValidator(tokens)
    with pytest.raises(SignatureError):
        sign(URL, PARAMS, "")


def test_a_token_is_not_a_list_of_letters() -> None:
    with pytest.raises(SignatureError):
        validate_request(URL, PARAMS, sign(URL, PARAMS, "1"), TOKEN)


def test_tokens_can_be_rotated() -> None:
    validator = SignatureValidator(("new", TOKEN))
    validator.validate_request(URL, PARAMS, SIGNATURE)
    validator.validate_websocket(MEDIA_URL, sign(MEDIA_URL, {}, "new"))
    with pytest.raises(SignatureError):
        validator.validate_request(URL, PARAMS, sign(URL, PARAMS, "old"))


def test_uploads_are_no_parameters() -> None:
    with pytest.raises(SignatureError):
        sign(URL, [("File", b"x")], TOKEN)  # type: ignore[list-item]


@pytest.mark.parametrize(
    "url", ["https://a.example:port/", "https://a.example:99999/", "http://[::1/"]
)
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(SignatureError):
        validate_request(url, {}, SIGNATURE, TOKEN)


def test_messages_hold_neither_token_nor_signature() -> None:
    with pytest.raises(SignatureError) as caught:
        validate_request(URL, PARAMS, "c2VjcmV0", ("s3cret-token",))
    assert "s3cret" not in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30),
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4),
    st.none() | st.text(max_size=30),
)
def test_anything_else_raises_only_a_signature_error(
    url: str, params: list[tuple[str, str]], signature: str | None
) -> None:
    for check in (
        lambda: validate_request(url, params, signature, TOKEN),
        lambda: validate_websocket(url, signature, TOKEN),
    ):
        with pytest.raises(SignatureError):
            check()


@pytest.mark.parametrize("token", [TOKEN, "a shared key"])
def test_the_sha_256_scheme_equals_the_vendors(token: str) -> None:
    theirs = RequestValidator(token).compute_signature(URL, PARAMS, "HMAC_SHA256")
    settings_header = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    checks = SignatureValidator((TOKEN, "a shared key"))
    checks.validate_request(URL, PARAMS, theirs, settings_header)
    checks.validate_request(URL, PARAMS, theirs, "algorithm = hmac_sha256")
    media = RequestValidator(token).compute_signature(MEDIA_URL, {}, "HMAC_SHA256")
    checks.validate_websocket(MEDIA_URL, media, settings_header)
    for other in (None, "", "key=1", "algorithm=", "algorithm=HMAC_SHA1", "algorithm=HMAC_MD5"):
        with pytest.raises(SignatureError):
            checks.validate_request(URL, PARAMS, theirs, other)
        with pytest.raises(SignatureError):
            checks.validate_websocket(MEDIA_URL, media, other)
    with pytest.raises(SignatureError):
        checks.validate_request(URL, PARAMS, SIGNATURE, settings_header)


@pytest.mark.parametrize("tokens", [" ", ("a", "  "), "\n"])
def test_a_token_of_blanks_is_none(tokens: str | tuple[str, ...]) -> None:
    with pytest.raises(SignatureError):
        SignatureValidator(tokens)
