"""`X-Twilio-Signature`: who really sent a webhook or opened a media stream.

Source: Twilio, Webhooks security. The signature is base64(HMAC-SHA1(auth token, text)); the text
is the full URL as configured, followed for form posts by every parameter name and value, names
sorted by code point, repeated values made unique and sorted. A request that names another
algorithm in `X-Twilio-Webhooks-Signature-Settings` (HMAC_SHA256, with a shared key in the place of
the auth token) is checked by that one. Nothing here protects from replay.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from voicecore.errors import SignatureError

Params = Mapping[str, str] | Iterable[tuple[str, str]]

SIGNATURE_HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"
HMAC_SHA1 = "HMAC_SHA1"
HMAC_SHA256 = "HMAC_SHA256"

_HASHES: Mapping[str, Callable[[], Any]] = {HMAC_SHA1: hashlib.sha1, HMAC_SHA256: hashlib.sha256}
_DEFAULT_PORTS = {"https": 443, "wss": 443}


class SignatureValidator:
    """Checks signatures against one or several secrets: auth tokens (two while they are rotated),
    and shared keys where the account signs with SHA-256.

    Raises:
        SignatureError: at construction, when there is no token or one of them is empty.
    """

    __slots__ = ("_tokens",)

    def __init__(self, tokens: str | Sequence[str]) -> None:
        self._tokens = _checked_tokens(tokens)

    def validate_request(
        self, url: str, params: Params, signature: str | None, signed_with: str | None = None
    ) -> None:
        """Accept a webhook or raise; see `validate_request` of this module."""
        validate_request(url, params, signature, self._tokens, signed_with)

    def validate_websocket(
        self, url: str, signature: str | None, signed_with: str | None = None
    ) -> None:
        """Accept a WebSocket upgrade or raise; see `validate_websocket` of this module."""
        validate_websocket(url, signature, self._tokens, signed_with)


def algorithm_of(signed_with: str | None) -> str:
    """Return the algorithm that the settings header names; without one it is HMAC_SHA1.

    Raises:
        SignatureError: an algorithm that we do not know.
    """
    for part in (signed_with or "").split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            algorithm = value.strip().upper()
            if algorithm not in _HASHES:
                raise SignatureError("the algorithm is not known")
            return algorithm
    return HMAC_SHA1


def sign(url: str, params: Params, token: str, algorithm: str = HMAC_SHA1) -> str:
    """Return the signature that Twilio would send for `url` and `params`.

    `params` are the form fields of a POST, a mapping (a multi-mapping counts every value) or
    pairs; empty for GET and WebSocket.

    Raises:
        SignatureError: `token` is empty, or a parameter is not text.
    """
    (checked,) = _checked_tokens(token)
    return _signature(url, _parameter_text(params), checked, algorithm)


def validate_request(
    url: str,
    params: Params,
    signature: str | None,
    tokens: str | Sequence[str],
    signed_with: str | None = None,
) -> None:
    """Accept a webhook, or raise.

    Args:
        url: the address as configured at Twilio, with its query: built from the public base URL,
            never from the request's Host. The same with and without a port is tried.
        params: all form fields of a POST, empty values included; nothing for a GET.
        signature: the header's value; None where it is missing.
        tokens: the secrets that may have signed.
        signed_with: the header `X-Twilio-Webhooks-Signature-Settings`; None where it is missing.

    Raises:
        SignatureError: the header is missing or does not fit, or no usable token is given.
    """
    _validate(_port_variants(url), _parameter_text(params), signature, tokens, signed_with)


def validate_websocket(
    url: str,
    signature: str | None,
    tokens: str | Sequence[str],
    signed_with: str | None = None,
) -> None:
    """Accept the upgrade of a media stream, or raise.

    Args:
        url: the `wss://` address exactly as the TwiML names it; the same with a slash at the end
            is tried too, since Twilio may sign that.
        signature: the header's value; None where it is missing.
        tokens: the secrets that may have signed.
        signed_with: the header `X-Twilio-Webhooks-Signature-Settings`; None where it is missing.

    Raises:
        SignatureError: the header is missing or does not fit, or no usable token is given.
    """
    slashed = url if url.endswith("/") else url + "/"
    urls = (*_port_variants(url), *_port_variants(slashed))
    _validate(urls, "", signature, tokens, signed_with)


def _validate(
    urls: Iterable[str],
    parameter_text: str,
    signature: str | None,
    tokens: str | Sequence[str],
    signed_with: str | None,
) -> None:
    usable = _checked_tokens(tokens)
    algorithm = algorithm_of(signed_with)
    if not signature:
        raise SignatureError("the header is missing")
    given = signature.encode("utf-8", "surrogatepass")
    fits = False
    for url in urls:
        for token in usable:
            # No early exit: the time tells neither which token nor which form of the URL fits.
            right = _signature(url, parameter_text, token, algorithm)
            fits |= hmac.compare_digest(right.encode(), given)
    if not fits:
        raise SignatureError("the signature does not fit")


def _signature(url: str, parameter_text: str, token: str, algorithm: str) -> str:
    text = (url + parameter_text).encode("utf-8", "surrogatepass")
    secret = token.encode("utf-8", "surrogatepass")
    digest = hmac.new(secret, text, _HASHES[algorithm]).digest()
    return base64.b64encode(digest).decode("ascii")


def _checked_tokens(tokens: str | Sequence[str]) -> tuple[str, ...]:
    usable = (tokens,) if isinstance(tokens, str) else tuple(tokens)
    if not usable or not all(token.strip() for token in usable):
        raise SignatureError("there is no auth token to check with")
    return usable


def _parameter_text(params: Params) -> str:
    pairs = params.items() if isinstance(params, Mapping) else params
    unique: set[tuple[str, str]] = set()
    for name, value in pairs:
        if not isinstance(value, str):
            raise SignatureError("a parameter is not text")
        unique.add((name, value))
    return "".join(name + value for name, value in sorted(unique))


def _port_variants(url: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise SignatureError("the URL is malformed") from exc
    if port is None:
        default = _DEFAULT_PORTS.get(parts.scheme, 80)
        return (url, _with_netloc(parts, f"{parts.netloc.removesuffix(':')}:{default}"))
    return (url, _with_netloc(parts, parts.netloc.rpartition(":")[0]))


def _with_netloc(parts: SplitResult, netloc: str) -> str:
    return parts._replace(netloc=netloc).geturl()
