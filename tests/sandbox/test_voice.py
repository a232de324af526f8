"""The offline voice: format, level, determinism, and words that stand where they sound."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from voicecore.audio import mulaw
from voicecore.sandbox.voice import EspeakVoice, Speech

SENTENCES = (
    "Hi, this is Maria Lopez. I'd like to book an oil change, please.",
    "Thursday, November 26th at 2:00 p.m. Shall I book it?",
    "My number is 555-0142 and the car is a 2019 Toyota Camry.",
    "Yes.",
)


def _level_dbov(audio: bytes) -> float:
    samples = mulaw.decode(audio).astype(np.float64)
    return float(20 * np.log10(np.sqrt(np.mean(samples**2)) / 32_768 + 1e-9))


def _span(speech: Speech, start_ms: int, end_ms: int) -> bytes:
    return speech.audio[start_ms * mulaw.BYTES_PER_MS : end_ms * mulaw.BYTES_PER_MS]


@pytest.mark.parametrize("text", SENTENCES)
def test_speech_is_whole_frames_at_conversation_level(text: str) -> None:
    speech = EspeakVoice().synthesize(text)
    assert speech.text == text
    assert len(speech.audio) % mulaw.FRAME_BYTES == 0
    assert speech.duration_ms == len(speech.audio) // 8
    assert -24 < _level_dbov(speech.audio) < -17


@pytest.mark.parametrize("text", SENTENCES)
def test_every_written_word_has_its_span_in_order(text: str) -> None:
    speech = EspeakVoice().synthesize(text)
    assert [word.text for word in speech.words] == text.split()
    last_ms = 0
    for word in speech.words:
        assert last_ms <= word.start_ms < word.end_ms <= speech.duration_ms
        last_ms = word.end_ms


@pytest.mark.parametrize("text", SENTENCES)
def test_words_sound_and_pauses_between_them_are_silent(text: str) -> None:
    speech = EspeakVoice().synthesize(text)
    quiet_until_ms = 0
    for word in speech.words:
        assert _level_dbov(_span(speech, word.start_ms, word.end_ms)) > -38
        if word.start_ms - quiet_until_ms >= 20:
            assert _level_dbov(_span(speech, quiet_until_ms + 5, word.start_ms - 5)) < -45
        quiet_until_ms = word.end_ms
    assert speech.words[0].start_ms <= 40
    assert speech.duration_ms - speech.words[-1].end_ms <= 40


def test_a_pause_after_a_sentence_belongs_to_no_word() -> None:
    words = EspeakVoice().synthesize("Book it. Thanks.").words
    assert words[2].start_ms - words[1].end_ms > 100


def test_the_same_sentence_is_the_same_bytes_whatever_was_said_before() -> None:
    first = EspeakVoice().synthesize(SENTENCES[0])
    other = EspeakVoice()
    other.synthesize("She sells six sea shells.", voice="en-us+f2", rate_wpm=230, pitch=80)
    assert other.synthesize(SENTENCES[0]) == first


def test_voices_differ_in_sound_and_not_in_words() -> None:
    voice = EspeakVoice()
    spoken = [
        voice.synthesize("Good morning", voice=name)
        for name in ("en-us", "en-gb", "en-us+f2", "en-us+m3", "en-gb+f4")
    ]
    assert len({speech.audio for speech in spoken}) == len(spoken)
    assert {tuple(word.text for word in speech.words) for speech in spoken} == {("Good", "morning")}


@pytest.mark.parametrize("name", ["nowhere", "en-us+nobody", ""])
def test_an_unknown_voice_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no voice"):
        EspeakVoice().synthesize("Hello", voice=name)


def test_a_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        EspeakVoice().synthesize("Hello", rate_wpm=10)


@pytest.mark.parametrize("text", ["", "  ", "...", "– –", "\0"])
def test_nothing_to_say_is_empty_audio(text: str) -> None:
    assert EspeakVoice().synthesize(text) == Speech(text, b"", ())


def test_words_that_the_voice_merges_keep_spans_of_their_own() -> None:
    words = EspeakVoice().synthesize("It is the end of the day – of the café").words
    assert [word.text for word in words] == (
        ["It", "is", "the", "end", "of", "the", "day", "of", "the", "café"]
    )
    assert all(word.end_ms - word.start_ms >= 20 for word in words)


def test_a_faster_rate_is_shorter() -> None:
    voice = EspeakVoice()
    text = SENTENCES[0]
    assert voice.synthesize(text, rate_wpm=300).duration_ms < (
        0.75 * voice.synthesize(text, rate_wpm=150).duration_ms
    )


def test_threads_may_speak_at_once() -> None:
    voice = EspeakVoice()
    expected = voice.synthesize("Number 3 please").audio
    heard: list[bytes] = []

    def speak() -> None:
        heard.append(EspeakVoice().synthesize("Number 3 please").audio)

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert heard == [expected] * 8


def test_the_oldest_sentence_leaves_a_full_cache() -> None:
    voice = EspeakVoice(cache_size=1)
    first = voice.synthesize("One")
    assert voice.synthesize("One") is first
    voice.synthesize("Two")
    again = voice.synthesize("One")
    assert again == first
    assert again is not first


def test_a_pause_after_a_comma_belongs_to_no_word() -> None:
    speech = EspeakVoice().synthesize("Thursday, thanks; no, wait! Stop.")
    gaps_ms = [after.start_ms - before.end_ms for before, after in itertools.pairwise(speech.words)]
    assert all(gap_ms >= 100 for gap_ms in gaps_ms)
