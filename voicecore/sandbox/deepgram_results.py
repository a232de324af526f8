"""From heard blocks to the messages of `/v1/listen`: interims, finals, ends of speech.

Pure: blocks in, JSON objects out, time is the stream's own audio clock.

Source: Deepgram, Live Streaming Audio reference; Endpointing; Utterance End; Speech Started.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from voicecore.audio import mulaw
from voicecore.sandbox.deepgram_knobs import ListenKnobs
from voicecore.sandbox.deepgram_query import ListenQuery
from voicecore.sandbox.utterances import HeardBlock
from voicecore.sandbox.voice import SpokenWord

Message = dict[str, Any]

LEAST_ENDPOINTING_MS: Final = 100
"""A stop consonant holds the voice this long: shorter settings do not cut inside words."""
LEAST_UTTERANCE_END_MS: Final = 1_000
"""Shorter settings of `utterance_end_ms` give nothing."""

_VOICE_ONSET_MS = 60
_VOICE_HANGOVER_MS = 300
_PAUSE_FINAL_MS = 1_000
"""With endpointing off, words become final after this pause."""
_WORD_CONFIDENCE = 0.98


class Transcriber:
    """Builds the messages of one connection.

    Args:
        request_id: the connection's id, repeated in every result.
    """

    def __init__(self, query: ListenQuery, knobs: ListenKnobs, request_id: str) -> None:
        self.knobs = knobs
        self._query = query
        self._request_id = request_id
        self._model_uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, query.model))
        self._position_ms = 0
        self._segment_from_ms = 0
        self._words: list[SpokenWord] = []
        self._interim_words = 0
        self._voiced_ms = 0
        self._voice_end_ms = 0
        self._is_voice_open = False
        self._is_speech_open = False
        self._last_word_end_ms: int | None = None

    def take(self, block: HeardBlock) -> list[Message]:
        """Return what the vendor would send after these 20 ms."""
        before_ms, self._position_ms = self._position_ms, block.end_ms
        messages = self._take_voice(block)
        for word in block.words:
            self._words.append(word)
            self._is_speech_open = True
            self._last_word_end_ms = word.end_ms
            self._voice_end_ms = max(self._voice_end_ms, word.end_ms)
        messages += self._take_interim(before_ms, has_voice=block.is_voice)
        messages += self._take_final()
        messages += self._take_utterance_end()
        return messages

    def finalize(self) -> list[Message]:
        """Return the answer to `Finalize`: all that was heard, as final."""
        if not self.knobs.answers_finalize or self._position_ms == self._segment_from_ms:
            return []
        return [self._final(is_end_of_speech=True, from_finalize=True)]

    def close(self, sha256: str) -> list[Message]:
        """Return the last results and the Metadata that ends a stream.

        Args:
            sha256: digest of the audio that was received, in hex.
        """
        messages = []
        if self._words:
            messages.append(self._final(is_end_of_speech=True))
        messages.append(
            {
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": self._request_id,
                "sha256": sha256,
                "created": datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
                "duration": self._position_ms / 1000,
                "channels": self._query.channels,
            }
        )
        return messages

    def _take_voice(self, block: HeardBlock) -> list[Message]:
        if not block.is_voice:
            self._voiced_ms = 0
            if self._position_ms - self._voice_end_ms >= _VOICE_HANGOVER_MS:
                self._is_voice_open = False
            return []
        self._voiced_ms += mulaw.FRAME_MS
        if self._is_voice_open:
            self._voice_end_ms = block.end_ms
        elif self._voiced_ms >= _VOICE_ONSET_MS:
            self._is_voice_open = True
            self._is_speech_open = True
            self._voice_end_ms = block.end_ms
            if self._query.vad_events:
                return [speech_started(self._position_ms - self._voiced_ms)]
        return []

    def _take_interim(self, before_ms: int, *, has_voice: bool) -> list[Message]:
        every_ms = max(mulaw.FRAME_MS, self.knobs.interim_every_ms)
        is_due = before_ms // every_ms != self._position_ms // every_ms
        has_news = has_voice or len(self._words) != self._interim_words
        if not (self._query.interim_results and is_due and has_news and self._words):
            return []
        self._interim_words = len(self._words)
        return [self._result(is_final=False, is_end_of_speech=False)]

    def _take_final(self) -> list[Message]:
        silence_ms = self._position_ms - self._voice_end_ms
        endpointing_ms = self._query.endpointing_ms
        if self._is_speech_open and endpointing_ms is not None:
            if silence_ms >= max(endpointing_ms, LEAST_ENDPOINTING_MS):
                return [self._final(is_end_of_speech=not self.knobs.withholds_speech_final)]
        elif self._words and silence_ms >= _PAUSE_FINAL_MS:
            return [self._final(is_end_of_speech=False)]
        if self._position_ms - self._segment_from_ms >= self.knobs.segment_ms:
            return [self._final(is_end_of_speech=False, ends_speech=False)]
        return []

    def _take_utterance_end(self) -> list[Message]:
        limit_ms = self._query.utterance_end_ms
        last_ms = self._last_word_end_ms
        if limit_ms is None or last_ms is None or not self._query.interim_results:
            return []
        if limit_ms < LEAST_UTTERANCE_END_MS or self._position_ms - last_ms < limit_ms:
            return []
        self._last_word_end_ms = None
        return [{"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last_ms / 1000}]

    def _final(
        self, *, is_end_of_speech: bool, from_finalize: bool = False, ends_speech: bool = True
    ) -> Message:
        message = self._result(
            is_final=True, is_end_of_speech=is_end_of_speech, from_finalize=from_finalize
        )
        self._segment_from_ms = self._position_ms
        self._words = []
        self._interim_words = 0
        if ends_speech:
            self._is_speech_open = False
            self._is_voice_open = False
            self._voiced_ms = 0
        return message

    def _result(
        self, *, is_final: bool, is_end_of_speech: bool, from_finalize: bool = False
    ) -> Message:
        punctuated = self._query.has_punctuation
        words = [_word(word, is_punctuated=punctuated) for word in self._words]
        key = "punctuated_word" if punctuated else "word"
        alternative = {
            "transcript": " ".join(word[key] for word in words),
            "confidence": _WORD_CONFIDENCE if words else 0.0,
            "words": words,
        }
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": (self._position_ms - self._segment_from_ms) / 1000,
            "start": self._segment_from_ms / 1000,
            "is_final": is_final,
            "speech_final": is_end_of_speech,
            "channel": {"alternatives": [alternative]},
            "metadata": {
                "request_id": self._request_id,
                "model_info": {
                    "name": f"general-{self._query.model}",
                    "version": "2026-07-22.0",
                    "arch": "-".join(self._query.model.split("-")[:2]),
                },
                "model_uuid": self._model_uuid,
            },
            "from_finalize": from_finalize,
        }


def speech_started(at_ms: int) -> Message:
    """Return the message that voice began at this time of the stream."""
    return {"type": "SpeechStarted", "channel": [0, 1], "timestamp": at_ms / 1000}


def _word(word: SpokenWord, *, is_punctuated: bool) -> Message:
    bare = re.sub(r"^\W+|[^\w%]+$", "", word.text).lower()
    entry = {
        "word": bare or word.text,
        "start": word.start_ms / 1000,
        "end": word.end_ms / 1000,
        "confidence": _WORD_CONFIDENCE,
    }
    if is_punctuated:
        entry["punctuated_word"] = word.text
    return entry
