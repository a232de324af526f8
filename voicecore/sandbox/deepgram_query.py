"""What Deepgram checks before it upgrades: the key and the query; and how it refuses.

Source: Deepgram, Errors; Live Streaming Audio and Text to Speech Streaming references
(asyncapi of 2026-07-22).
"""

from __future__ import annotations

import hmac
import json
import uuid
from dataclasses import dataclass

from aiohttp import web
from multidict import MultiMapping

_LISTEN_ENCODINGS = frozenset(
    [
        "linear16",
        "linear32",
        "flac",
        "alaw",
        "mulaw",
        "amr-nb",
        "amr-wb",
        "opus",
        "ogg-opus",
        "speex",
        "g729",
    ]
)
_LISTEN_FAMILIES = ("nova", "enhanced", "base", "whisper")
_SPEAK_RATES_HZ = {
    "linear16": (8000, 16000, 24000, 32000, 48000),
    "mulaw": (8000, 16000),
    "alaw": (8000, 16000),
}
_SPEAK_DEFAULT_RATE_HZ = {"linear16": 24000, "mulaw": 8000, "alaw": 8000}
_FLAGS = [
    "interim_results",
    "vad_events",
    "smart_format",
    "punctuate",
    "numerals",
    "profanity_filter",
    "dictation",
    "filler_words",
    "diarize",
    "multichannel",
    "detect_entities",
    "mip_opt_out",
]
_MAX_TAG_CHARS = 128
_MAX_EXTRA_CHARS = 2048
_MAX_KEYWORDS = 100
_MAX_KEYTERM_WORDS = 500
_CODES = {
    400: ("Bad Request", "INVALID_QUERY_PARAMETER"),
    401: ("Invalid credentials.", "INVALID_AUTH"),
    402: ("Project does not have enough credits.", "ASR_PAYMENT_REQUIRED"),
    403: ("Project does not have access to the requested model.", "INSUFFICIENT_PERMISSIONS"),
    429: ("Too many requests. Please try again later", "TOO_MANY_REQUESTS"),
    503: ("Service is temporarily unavailable.", "SERVICE_UNAVAILABLE"),
}


class QueryError(ValueError):
    """A query that the vendor answers with 400; the text names the parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenQuery:
    """The options of a listen connection; `endpointing_ms` None means never."""

    model: str
    encoding: str | None
    sample_rate_hz: int
    channels: int
    interim_results: bool
    endpointing_ms: int | None
    utterance_end_ms: int | None
    vad_events: bool
    has_punctuation: bool
    keyterms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakQuery:
    """The options of a speak connection."""

    model: str
    encoding: str
    sample_rate_hz: int
    speed: float


def is_authorized(header: str | None, api_key: str) -> bool:
    """Return whether `Authorization` is `Token <key>`, or `Bearer <key>` as for a short-lived one.

    The scheme's letter case does not matter.
    """
    scheme, _, key = (header or "").partition(" ")
    return scheme.lower() in ("token", "bearer") and hmac.compare_digest(
        key.strip().encode(), api_key.encode()
    )


def refusal(status: int, text: str | None = None) -> web.Response:
    """Return the vendor's answer to an upgrade that it refuses: JSON body and `dg-` headers."""
    default_text, code = _CODES.get(status, ("Request failed.", "UNKNOWN"))
    message = text or default_text
    request_id = str(uuid.uuid4())
    body = {"err_code": code, "err_msg": message, "request_id": request_id}
    return web.Response(
        status=status,
        text=json.dumps(body),
        content_type="application/json",
        headers={"dg-error": message, "dg-request-id": request_id},
    )


def parse_listen(query: MultiMapping[str]) -> ListenQuery:
    """Check the query of `/v1/listen`; parameters that are not known are ignored.

    Raises:
        QueryError: the vendor would refuse it.
    """
    model = query.get("model", "base-general")
    if not model.startswith(_LISTEN_FAMILIES):
        raise QueryError(f"No such model/language/tier combination found: {model!r}")
    encoding = query.get("encoding")
    if encoding is not None and encoding not in _LISTEN_ENCODINGS:
        raise QueryError(f"encoding: unknown variant {encoding!r}")
    if encoding in ("linear16", "linear32", "mulaw", "alaw") and "sample_rate" not in query:
        raise QueryError("sample_rate is required for raw audio")
    flags = {name: _flag(query, name) for name in _FLAGS}
    keyterms = tuple(query.getall("keyterm", []))
    _check_labels(query, model, keyterms)
    utterance_end_ms = _whole(query, "utterance_end_ms", None, lowest=0)
    return ListenQuery(
        model=model,
        encoding=encoding,
        sample_rate_hz=_whole(query, "sample_rate", 0, lowest=1) or 0,
        channels=_whole(query, "channels", 1, lowest=1) or 1,
        interim_results=flags["interim_results"],
        endpointing_ms=_endpointing(query),
        utterance_end_ms=utterance_end_ms,
        vad_events=flags["vad_events"],
        has_punctuation=flags["smart_format"] or flags["punctuate"],
        keyterms=keyterms,
    )


def parse_speak(query: MultiMapping[str]) -> SpeakQuery:
    """Check the query of `/v1/speak`.

    Raises:
        QueryError: the vendor would refuse it.
    """
    model = query.get("model", "aura-asteria-en")
    if not model.startswith("aura-"):
        raise QueryError(f"No such model {model!r}")
    encoding = query.get("encoding", "linear16")
    if encoding not in _SPEAK_RATES_HZ:
        raise QueryError(f"encoding: unsupported for streaming: {encoding!r}")
    if query.get("container", "none") != "none":
        raise QueryError("container: only none is supported for streaming")
    rate_hz = _whole(query, "sample_rate", _SPEAK_DEFAULT_RATE_HZ[encoding], lowest=1)
    if rate_hz is None or rate_hz not in _SPEAK_RATES_HZ[encoding]:
        raise QueryError(f"sample_rate: {rate_hz} is not supported for {encoding}")
    _flag(query, "mip_opt_out")
    try:
        speed = float(query.get("speed", "1.0"))
    except ValueError as exc:
        raise QueryError("speed: not a number") from exc
    if not 0.7 <= speed <= 1.5:
        raise QueryError("speed: must be between 0.7 and 1.5")
    return SpeakQuery(model=model, encoding=encoding, sample_rate_hz=rate_hz, speed=speed)


def _flag(query: MultiMapping[str], name: str) -> bool:
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise QueryError(f"{name}: provided string was not `true` or `false`")
    return value == "true"


def _whole(query: MultiMapping[str], name: str, default: int | None, *, lowest: int) -> int | None:
    value = query.get(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or int(value) < lowest:
        raise QueryError(f"{name}: invalid digit found in string")
    return int(value)


def _endpointing(query: MultiMapping[str]) -> int | None:
    value = query.get("endpointing", "10")
    if value == "false":
        return None
    return 10 if value == "true" else _whole(query, "endpointing", 10, lowest=0)


def _check_labels(query: MultiMapping[str], model: str, keyterms: tuple[str, ...]) -> None:
    is_nova_3 = model.startswith("nova-3")
    keywords = query.getall("keywords", [])
    if keyterms and not is_nova_3:
        raise QueryError("keyterm: only supported by Nova-3 models")
    if keywords and is_nova_3:
        raise QueryError("keywords: not supported by Nova-3 models, use keyterm")
    if len(keywords) > _MAX_KEYWORDS:
        raise QueryError(f"keywords: more than {_MAX_KEYWORDS}")
    if sum(len(term.split()) for term in keyterms) > _MAX_KEYTERM_WORDS:
        raise QueryError("Keyterm limit exceeded. The maximum number of tokens is 500.")
    if any(len(tag) > _MAX_TAG_CHARS for tag in query.getall("tag", [])):
        raise QueryError(f"tag: longer than {_MAX_TAG_CHARS} characters")
    if any(len(extra) > _MAX_EXTRA_CHARS for extra in query.getall("extra", [])):
        raise QueryError(f"extra: longer than {_MAX_EXTRA_CHARS} characters")
