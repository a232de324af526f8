"""What a caller on a real line hears and says."""

from __future__ import annotations

import pytest

from bench.simulate.real_caller import Phone, heard_segments, noise
from voicecore.audio.mulaw import FRAME_BYTES, SAMPLE_RATE_HZ, SILENCE_BYTE
from voicecore.sandbox.call_record import CallRecord
from voicecore.sandbox.utterances import Recognizer, UtteranceBook
from voicecore.sandbox.voice import EspeakVoice, Speech

PAUSE = bytes((SILENCE_BYTE,)) * SAMPLE_RATE_HZ


@pytest.fixture(scope="module")
def voice() -> EspeakVoice:
    return EspeakVoice()


class Track(CallRecord):
    """A record of which only the heard track matters."""

    def __init__(self, track: bytes) -> None:
        super().__init__()
        self.track = track

    def heard(self) -> bytes:
        return self.track


class KeptBook(UtteranceBook):
    """A book that shows what was registered."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Speech] = []

    def register(self, speech: Speech) -> Speech:
        self.kept.append(speech)
        return super().register(speech)


def heard(track: bytes, clips: list[Speech], spoken: list[Speech]) -> list[tuple[float, str, bool]]:
    return [
        (part.at, part.text, part.complete) for part in heard_segments(Track(track), clips, spoken)
    ]


def test_ready_clips_are_heard_as_often_as_they_sound(voice: EspeakVoice) -> None:
    clip, said = voice.synthesize("Are you still there?"), voice.synthesize("Let me look.")
    track = clip.audio + PAUSE + said.audio + PAUSE + clip.audio
    texts = [text for _, text, _ in heard(track, [clip], [said])]
    assert texts == ["Are you still there?", "Let me look.", "Are you still there?"]


def test_of_two_with_the_same_beginning_the_one_that_sounded_is_heard(voice: EspeakVoice) -> None:
    short, long = (
        voice.synthesize("I can book it."),
        voice.synthesize("I can book it for you today."),
    )
    ((_, text, whole),) = heard(PAUSE + long.audio + PAUSE, [short, long], [])
    assert (text, whole) == ("I can book it for you today.", True)


def test_a_sentence_cut_off_is_heard_as_far_as_it_went(voice: EspeakVoice) -> None:
    said = voice.synthesize("One two three four five six seven.")
    cut = said.audio[: len(said.audio) // 2 // FRAME_BYTES * FRAME_BYTES]
    ((_, text, whole),) = heard(cut + PAUSE, [], [said])
    assert text.startswith("One two")
    assert not whole
    assert "seven" not in text


def test_words_over_a_background_noise_are_still_found(voice: EspeakVoice) -> None:
    book = KeptBook()
    phone = Phone(voice, book, background_db=-52)
    phone.rehearse("Thursday afternoon, please.")
    quiet = phone.next_frame(0.0)
    assert quiet.count(SILENCE_BYTE) < FRAME_BYTES // 2, "the pause is not silent either"
    clean = voice.synthesize("Thursday afternoon, please.").audio
    noisy = book.kept[-1].audio
    assert noisy != clean
    blocks = Recognizer(book).feed(quiet + noisy + quiet)
    words = [word.text for block in blocks for word in block.words]
    assert " ".join(words) == "Thursday afternoon, please."


def test_noise_is_the_same_each_time_and_as_loud_as_asked() -> None:
    assert noise(5, -30.0) == noise(5, -30.0)
    assert len(noise(5, -30.0)) == 5 * FRAME_BYTES
    assert noise(5, -30.0) != noise(5, -50.0)
