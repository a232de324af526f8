"""Words are placed between the pauses of the audio."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecore.audio.speech_map import sounding_spans
from voicecore.call.heard import SpokenSegment, heard_text
from voicecore.call.word_times import word_ends_ms
from voicecore.sandbox.voice import EspeakVoice

VOICE = EspeakVoice()
SENTENCES = (
    "Our shop is open Monday through Friday from seven thirty until six, and on Saturday too.",
    "I have Thursday at two p.m., Friday at nine thirty, and Friday at one fifteen.",
    "I found your account, Maria. Is this about your Toyota Camry?",
)


def test_a_pause_is_the_end_of_the_word_before_the_comma():
    ends = word_ends_ms("Well, the car is ready now.", 3000, ((0, 400), (800, 3000)))
    assert ends[0] == pytest.approx(400, abs=1)
    assert all(end > 800 for end in ends[1:])
    assert ends[-1] == pytest.approx(3000)


def test_without_pauses_time_is_shared_out():
    ends = word_ends_ms("the appointment is booked", 2000, ())
    assert ends[0] < 500 < ends[1] < 1500
    assert ends[-1] == pytest.approx(2000)
    assert word_ends_ms("", 500, ()) == ()


def test_money_and_numbers_take_their_time():
    plain, dear = (word_ends_ms(f"costs {price} now", 2000, ()) for price in ("it", "$49.95"))
    assert dear[1] - dear[0] > 2 * (plain[1] - plain[0])


@pytest.mark.parametrize("voice", ["en-us+f2", "en-gb+m4"])
@pytest.mark.parametrize("text", SENTENCES)
def test_the_estimate_is_close_to_the_truth(text: str, voice: str):
    speech = VOICE.synthesize(text, voice=voice, rate_wpm=160)
    ends = word_ends_ms(text, speech.duration_ms, sounding_spans(speech.audio))
    errors = sorted(abs(end - word.end_ms) for end, word in zip(ends, speech.words, strict=True))
    assert errors[len(errors) // 2] < 120
    assert errors[-1] < 450


@pytest.mark.parametrize("text", SENTENCES)
def test_fewer_words_are_lost_than_without_the_pauses(text: str):
    speech = VOICE.synthesize(text, voice="en-us+m2", rate_wpm=170)
    sounds = sounding_spans(speech.audio)
    lost = []
    for known in (sounds, ()):
        part = SpokenSegment(text, 0, speech.duration_ms, False, known)
        kept = [len(heard_text([part], at).text.split()) for at in range(0, speech.duration_ms, 40)]
        truth = [
            sum(word.end_ms <= at for word in speech.words)
            for at in range(0, speech.duration_ms, 40)
        ]
        lost.append(sum(true - count for true, count in zip(truth, kept, strict=True)))
    assert lost[0] < lost[1]


@given(
    st.text("aeiou xyz,.19$", max_size=40),
    st.lists(st.integers(10, 900), min_size=0, max_size=12),
)
def test_ends_are_in_order_and_inside_the_audio(text: str, steps: list[int]):
    edges = [sum(steps[: n + 1]) for n in range(len(steps) // 2 * 2)]
    spans = tuple(zip(edges[::2], edges[1::2], strict=True))
    audio_ms = edges[-1] if edges else 700
    ends = word_ends_ms(text, audio_ms, spans)
    assert len(ends) == len(text.split())
    assert list(ends) == sorted(ends)
    assert all(0 < end <= audio_ms + 1e-6 for end in ends)
