"""Recognising utterances by content: any chunking, any alignment, no tolerance inside a word."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicecore.audio import mulaw
from voicecore.sandbox.utterances import HISTORY_MS, HeardBlock, Recognizer, UtteranceBook
from voicecore.sandbox.voice import EspeakVoice, Speech, SpokenWord

FRAME = mulaw.FRAME_BYTES
SILENCE = b"\xff"
VOICE = EspeakVoice()
BOOKING = VOICE.synthesize("Hi, this is Maria Lopez. I'd like to book an oil change, please.")
YES = VOICE.synthesize("Yes, please.")
TIME = VOICE.synthesize("Thursday, November 26th at 2:00 p.m.")
STRANGER = VOICE.synthesize("Nobody registered this sentence.", voice="en-gb+m3")
NOISE = bytes(random.Random(7).choices(range(256), k=FRAME * 40))


def _book(*speeches: Speech) -> UtteranceBook:
    book = UtteranceBook()
    for speech in speeches:
        book.register(speech)
    return book


BOOK = _book(BOOKING, YES, TIME)


def _blocks(stream: bytes, book: UtteranceBook = BOOK) -> list[HeardBlock]:
    recognizer = Recognizer(book)
    return recognizer.feed(stream + SILENCE * (-len(stream) % FRAME))


def _words(stream: bytes, book: UtteranceBook = BOOK) -> list[SpokenWord]:
    return [word for block in _blocks(stream, book) for word in block.words]


def _texts(stream: bytes) -> list[str]:
    return [word.text for word in _words(stream)]


def _frames(speech: Speech) -> list[bytes]:
    return [speech.audio[at : at + FRAME] for at in range(0, len(speech.audio), FRAME)]


def _words_outside(speech: Speech, begin_ms: int, end_ms: int) -> list[str]:
    """The words that a defect in [begin, end) leaves whole."""
    return [w.text for w in speech.words if w.end_ms <= begin_ms or w.start_ms >= end_ms]


@given(
    lead=st.integers(0, 700),
    cuts=st.lists(st.integers(1, 999), min_size=1, max_size=12),
)
@settings(max_examples=40, deadline=None)
def test_any_chunking_and_alignment_finds_every_word_where_it_is(
    lead: int, cuts: list[int]
) -> None:
    stream = SILENCE * lead + BOOKING.audio + SILENCE * 500 + YES.audio + SILENCE * FRAME
    whole = _blocks(stream[: len(stream) // FRAME * FRAME])
    recognizer = Recognizer(BOOK)
    chunked: list[HeardBlock] = []
    at, turn = 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        chunked += recognizer.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert chunked == whole
    words = [word for block in chunked for word in block.words]
    assert [word.text for word in words] == [w.text for w in (*BOOKING.words, *YES.words)]
    for heard, said in zip(words, BOOKING.words, strict=False):
        assert abs(heard.start_ms - said.start_ms - lead / 8) <= 1
        assert abs(heard.end_ms - said.end_ms - lead / 8) <= 1


def test_words_come_out_while_the_caller_still_speaks() -> None:
    for block in _blocks(BOOKING.audio):
        for word in block.words:
            assert block.end_ms - word.end_ms < 40


@given(lost=st.integers(0, len(BOOKING.audio) // FRAME - 1), filled=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_lost_frame_loses_its_words_and_no_others(lost: int, filled: bool) -> None:
    frames = _frames(BOOKING)
    silent_anyway = frames[lost] == SILENCE * FRAME
    frames[lost] = SILENCE * FRAME if filled else b""
    expected = _words_outside(BOOKING, lost * 20, lost * 20 + 20)
    heard = _texts(b"".join(frames))
    assert heard == expected or (silent_anyway and filled)


@given(at=st.integers(0, len(BOOKING.audio) // FRAME - 2))
@settings(max_examples=40, deadline=None)
def test_a_doubled_or_swapped_frame_adds_no_word(at: int) -> None:
    frames = _frames(BOOKING)
    texts = [word.text for word in BOOKING.words]
    doubled = _texts(b"".join([*frames[: at + 1], *frames[at:]]))
    swapped = _texts(b"".join([*frames[:at], frames[at + 1], frames[at], *frames[at + 2 :]]))
    for heard in (doubled, swapped):
        remaining = iter(texts)
        assert all(word in remaining for word in heard)


def test_a_doubled_frame_inside_a_word_loses_that_word_only() -> None:
    frames = _frames(BOOKING)
    maria = next(word for word in BOOKING.words if word.text == "Maria")
    inside = (maria.start_ms + maria.end_ms) // 40
    expected = [word.text for word in BOOKING.words if word.text != "Maria"]
    assert _texts(b"".join([*frames[: inside + 1], *frames[inside:]])) == expected
    swapped = [*frames[:inside], frames[inside + 1], frames[inside], *frames[inside + 2 :]]
    assert "Maria" not in _texts(b"".join(swapped))


def test_one_wrong_byte_inside_a_word_loses_that_word_only() -> None:
    lopez = next(word for word in BOOKING.words if word.text == "Lopez.")
    damaged = bytearray(BOOKING.audio)
    damaged[(lopez.start_ms + lopez.end_ms) * 4] ^= 0x55
    expected = [word.text for word in BOOKING.words if word.text != "Lopez."]
    assert _texts(bytes(damaged)) == expected


def test_a_stream_that_starts_mid_word_has_the_words_after_it() -> None:
    third = BOOKING.words[2]
    begin = (third.start_ms + third.end_ms) // 2 * 8 + 3
    assert _texts(BOOKING.audio[begin:]) == [word.text for word in BOOKING.words[3:]]


def test_damage_in_a_pause_loses_nothing() -> None:
    before = next(word for word in BOOKING.words if word.text == "Lopez.")
    after = BOOKING.words[BOOKING.words.index(before) + 1]
    middle = (before.end_ms + after.start_ms) // 2 * 8
    texts = [word.text for word in BOOKING.words]
    assert after.start_ms - before.end_ms > 60
    shorter = BOOKING.audio[: middle - 160] + BOOKING.audio[middle:]
    longer = BOOKING.audio[:middle] + SILENCE * 333 + BOOKING.audio[middle:]
    assert _texts(shorter) == texts
    assert _texts(longer) == texts


def test_an_utterance_said_twice_is_heard_twice() -> None:
    assert _texts(YES.audio + YES.audio + SILENCE * 801 + YES.audio) == ["Yes,", "please."] * 3


def test_the_second_of_two_utterances_talked_into_each_other_is_heard() -> None:
    cut = BOOKING.words[3].end_ms * 8
    heard = _texts(BOOKING.audio[:cut] + TIME.audio)
    assert heard == [w.text for w in (*BOOKING.words[:4], *TIME.words)]


@pytest.mark.parametrize("sound", [NOISE, STRANGER.audio], ids=["noise", "stranger"])
def test_unknown_sound_is_voice_without_words(sound: bytes) -> None:
    blocks = _blocks(sound)
    assert not [block for block in blocks if block.words]
    assert sum(block.is_voice for block in blocks) > len(blocks) / 3


def test_silence_is_neither_voice_nor_words() -> None:
    assert _blocks(SILENCE * FRAME * 5) == [HeardBlock(20 * n, False, ()) for n in range(1, 6)]


def test_a_known_utterance_between_noise_is_found() -> None:
    assert _texts(NOISE + TIME.audio + NOISE) == [word.text for word in TIME.words]


def test_the_same_audio_is_registered_once() -> None:
    book = _book(YES, YES)
    assert len(book) == 1
    assert book.register(BOOKING) is BOOKING
    assert len(book) == 2


def test_an_utterance_registered_while_listening_is_found() -> None:
    book = UtteranceBook()
    recognizer = Recognizer(book)
    assert not any(block.words for block in recognizer.feed(YES.audio))
    book.register(YES)
    heard = [word.text for block in recognizer.feed(YES.audio) for word in block.words]
    assert heard == ["Yes,", "please."]


def test_a_voice_that_differs_is_not_the_utterance() -> None:
    assert _texts(VOICE.synthesize("Yes, please.", voice="en-us+f2").audio) == []


def test_a_word_longer_than_the_history_still_counts_when_followed_from_its_start() -> None:
    length = (HISTORY_MS + 1_000) * 8
    audio = bytes(random.Random(3).choices(range(256), k=length))
    book = _book(Speech("hum", audio, (SpokenWord("hum", 0, length // 8),)))
    assert [word.text for word in _words(audio, book)] == ["hum"]


@given(st.binary(max_size=2_000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_taken(stream: bytes) -> None:
    recognizer = Recognizer(BOOK)
    blocks = recognizer.feed(stream)
    assert len(blocks) == len(stream) // FRAME
    assert recognizer.position_ms == len(blocks) * 20
