"""Deepgram streaming speech-to-text, `/v1/listen`: query, control messages, answers.

Source: Deepgram, AsyncAPI specification of the listen WebSocket. Audio is binary and needs no
codec, but a frame of zero length ends the stream and must never be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from voicecore.errors import DeepgramProtocolError, LocalError
from voicecore.wire.json_object import JsonObject

KEEP_ALIVE = '{"type":"KeepAlive"}'
FINALIZE = '{"type":"Finalize"}'
CLOSE_STREAM = '{"type":"CloseStream"}'

UTTERANCE_END_MS_MIN = 1000
"""Below this Deepgram never sends UtteranceEnd."""
TAG_CHARS_MAX = 128
KEYTERM_WORDS_MAX = 500
"""Deepgram allows 500 tokens over all keyterms; words are the floor of tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """How Deepgram listens; the audio is always mono µ-law at 8 kHz.

    `endpointing_ms`: silence before `speech_final` (None: off). `utterance_end_ms`: gap between
    words before `UtteranceEnd`, at least 1,000 (None: off), needs interim results. `keyterms`:
    words to favour, Nova-3 only. `tags`: labels for the usage page.

    Raises:
        LocalError: a value that Deepgram would refuse or silently ignore.
    """

    model: str = "nova-3"
    language: str = "en"
    interim_results: bool = True
    endpointing_ms: int | None = 300
    utterance_end_ms: int | None = 1000
    vad_events: bool = False
    smart_format: bool = False
    punctuate: bool = True
    numerals: bool = False
    keyterms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.endpointing_ms is not None and self.endpointing_ms < 0:
            raise LocalError("endpointing is negative")
        if self.utterance_end_ms is not None:
            if self.utterance_end_ms < UTTERANCE_END_MS_MIN:
                raise LocalError("utterance_end is below 1000 ms")
            if not self.interim_results:
                raise LocalError("utterance_end needs interim results")
        if self.keyterms and not self.model.startswith("nova-3"):
            raise LocalError("keyterms need a Nova-3 model")
        if sum(len(term.split()) for term in self.keyterms) > KEYTERM_WORDS_MAX:
            raise LocalError("there are too many keyterms")
        if any(len(tag) > TAG_CHARS_MAX for tag in self.tags):
            raise LocalError("a tag is too long")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word; `start_s` and `end_s` on the stream's audio clock.

    `text` is the bare word, `punctuated` the same with capitals and punctuation where asked for.
    """

    text: str
    punctuated: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was heard between `start_s` and `start_s + duration_s`; `transcript` may be empty.

    Not `is_final`: a guess that the next message for this stretch replaces. `speech_final`: the
    speaker paused. `from_finalize`: the answer to `Finalize`.
    """

    channel: int
    start_s: float
    duration_s: float
    is_final: bool
    speech_final: bool
    from_finalize: bool
    transcript: str
    confidence: float
    words: tuple[Word, ...]

    @property
    def end_s(self) -> float:
        """Where the stretch ends on the stream's audio clock."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Deepgram's VAD fired at `timestamp_s`; noise fires it too."""

    timestamp_s: float


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """The words are over; `last_word_end_s` may be -1 or stale."""

    last_word_end_s: float


@dataclass(frozen=True, slots=True)
class Metadata:
    """The summary that follows `CloseStream`."""

    request_id: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """Deepgram did not understand something that we sent."""

    variant: str
    description: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed message of a type that is not known here."""

    type: str


ListenMessage = Results | SpeechStarted | UtteranceEnd | Metadata | ErrorMessage | Unknown


def listen_query(options: ListenOptions) -> list[tuple[str, str]]:
    """Return the query of the upgrade as name-value pairs, keyterms and tags repeated."""
    endpointing = "false" if options.endpointing_ms is None else str(options.endpointing_ms)
    pairs = [
        ("model", options.model),
        ("language", options.language),
        ("encoding", "mulaw"),
        ("sample_rate", "8000"),
        ("channels", "1"),
        ("interim_results", _boolean(options.interim_results)),
        ("endpointing", endpointing),
        ("vad_events", _boolean(options.vad_events)),
        ("smart_format", _boolean(options.smart_format)),
        ("punctuate", _boolean(options.punctuate)),
        ("numerals", _boolean(options.numerals)),
    ]
    if options.utterance_end_ms is not None:
        pairs.append(("utterance_end_ms", str(options.utterance_end_ms)))
    pairs.extend(("keyterm", term) for term in options.keyterms)
    pairs.extend(("tag", tag) for tag in options.tags)
    return pairs


def listen_url(base_url: str, options: ListenOptions) -> str:
    """Return the address of the upgrade; spaces become %20, as Deepgram asks for keyterms."""
    joint = "&" if "?" in base_url else "?"
    return base_url + joint + urlencode(listen_query(options), quote_via=quote)


def parse(text: str) -> ListenMessage:
    """Read one text message from Deepgram.

    Raises:
        DeepgramProtocolError: not a JSON object, or a field missing or of the wrong type.
    """
    message = JsonObject.parse(text, DeepgramProtocolError)
    kind = message.string("type")
    reader = _READERS.get(kind)
    return Unknown(kind) if reader is None else reader(message)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _results(message: JsonObject) -> Results:
    alternatives = message.object("channel").objects("alternatives")
    transcript, confidence = "", 0.0
    words: tuple[Word, ...] = ()
    if alternatives:
        best = alternatives[0]
        transcript = best.string("transcript")
        confidence = best.number("confidence")
        words = tuple(_word(word) for word in best.objects("words"))
    return Results(
        channel=_channel(message.integers("channel_index")),
        start_s=message.number("start"),
        duration_s=message.number("duration"),
        is_final=message.flag("is_final"),
        speech_final=message.flag("speech_final"),
        from_finalize=message.flag("from_finalize"),
        transcript=transcript,
        confidence=confidence,
        words=words,
    )


def _channel(index_and_count: tuple[int, ...]) -> int:
    return index_and_count[0] if index_and_count else 0


def _word(word: JsonObject) -> Word:
    text = word.string("word")
    return Word(
        text=text,
        punctuated=word.optional_string("punctuated_word") or text,
        start_s=word.number("start"),
        end_s=word.number("end"),
        confidence=word.number("confidence"),
    )


def _speech_started(message: JsonObject) -> SpeechStarted:
    return SpeechStarted(message.number("timestamp"))


def _utterance_end(message: JsonObject) -> UtteranceEnd:
    return UtteranceEnd(message.number("last_word_end"))


def _metadata(message: JsonObject) -> Metadata:
    return Metadata(message.string("request_id"), message.number("duration"))


def _error(message: JsonObject) -> ErrorMessage:
    return ErrorMessage(message.optional_string("variant"), message.optional_string("description"))


_READERS: dict[str, Callable[[JsonObject], ListenMessage]] = {
    "Results": _results,
    "SpeechStarted": _speech_started,
    "UtteranceEnd": _utterance_end,
    "Metadata": _metadata,
    "Error": _error,
}
