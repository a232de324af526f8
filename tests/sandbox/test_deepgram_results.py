"""Which message comes after which 20 ms: interims, finals, ends of speech, on the audio clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from tests.sandbox.deepgram_rig import LISTEN, Message
from voicecore.sandbox.deepgram_knobs import ListenKnobs
from voicecore.sandbox.deepgram_query import parse_listen
from voicecore.sandbox.deepgram_results import LEAST_ENDPOINTING_MS, Transcriber
from voicecore.sandbox.utterances import HeardBlock
from voicecore.sandbox.voice import SpokenWord


def _transcriber(knobs: ListenKnobs | None = None, **changes: str) -> Transcriber:
    query = parse_listen(MultiDict({**LISTEN, **changes}))
    return Transcriber(query, knobs or ListenKnobs(), "request")


def _run(
    transcriber: Transcriber, *, until_ms: int, voice_ms: tuple[int, int], words: dict[str, int]
) -> list[tuple[int, Message]]:
    """Feed blocks; `words` maps each word to the time it ends, 200 ms after it starts."""
    out = []
    for end_ms in range(20, until_ms + 1, 20):
        said = tuple(
            SpokenWord(text, at_ms - 200, at_ms)
            for text, at_ms in words.items()
            if end_ms - 20 < at_ms <= end_ms
        )
        is_voice = voice_ms[0] < end_ms <= voice_ms[1]
        out += [(end_ms, m) for m in transcriber.take(HeardBlock(end_ms, is_voice, said))]
    return out


def _when(out: list[tuple[int, Message]], kind: str, **fields: object) -> list[int]:
    return [at for at, m in out if m["type"] == kind and all(m[k] == v for k, v in fields.items())]


def test_speech_is_final_when_the_silence_is_long_enough() -> None:
    out = _run(_transcriber(), until_ms=2_400, voice_ms=(200, 800), words={"Yes.": 780})
    assert _when(out, "SpeechStarted", timestamp=0.2) == [260]
    assert _when(out, "Results", is_final=True, speech_final=True) == [1_100]
    assert _when(out, "UtteranceEnd", last_word_end=0.78) == [1_780]
    assert _when(out, "Results", is_final=False) == [900]


@pytest.mark.parametrize("every_ms", [200, 1_000])
def test_interims_come_on_their_grid(every_ms: int) -> None:
    out = _run(
        _transcriber(ListenKnobs(interim_every_ms=every_ms)),
        until_ms=3_000,
        voice_ms=(0, 2_900),
        words={f"w{at}": at for at in range(220, 2_900, 220)},
    )
    interims = _when(out, "Results", is_final=False)
    assert interims
    assert all(at % every_ms == 0 for at in interims)


def test_a_short_endpointing_does_not_cut_inside_a_word() -> None:
    out = _run(
        _transcriber(endpointing="10"), until_ms=1_000, voice_ms=(0, 400), words={"Yes.": 400}
    )
    assert _when(out, "Results", speech_final=True) == [400 + LEAST_ENDPOINTING_MS]


def test_noise_that_goes_on_holds_the_final_back_but_not_the_utterance_end() -> None:
    out = _run(_transcriber(), until_ms=3_000, voice_ms=(0, 3_000), words={"Yes.": 600})
    assert _when(out, "Results", is_final=True) == []
    assert _when(out, "UtteranceEnd") == [1_600]


def test_a_click_is_no_speech() -> None:
    assert _run(_transcriber(), until_ms=1_000, voice_ms=(100, 140), words={}) == []


def test_an_utterance_end_below_a_second_never_comes() -> None:
    out = _run(
        _transcriber(utterance_end_ms="900"), until_ms=4_000, voice_ms=(0, 400), words={"Yes": 400}
    )
    assert _when(out, "UtteranceEnd") == []


@given(
    voice=st.lists(st.booleans(), min_size=50, max_size=400),
    words=st.sets(st.integers(12, 400), max_size=20),
    endpointing=st.sampled_from(["false", "10", "300", "1000"]),
)
@settings(max_examples=60, deadline=None)
def test_finals_tile_the_stream_and_hold_every_word_once(
    voice: list[bool], words: set[int], endpointing: str
) -> None:
    transcriber = _transcriber(endpointing=endpointing)
    messages: list[Message] = []
    expected = []
    for number, is_voice in enumerate(voice, start=1):
        said: tuple[SpokenWord, ...] = ()
        if number in words:
            said = (SpokenWord(f"w{number}", number * 20 - 100, number * 20),)
            expected.append(f"w{number}")
        messages += transcriber.take(HeardBlock(number * 20, is_voice, said))
    messages += transcriber.finalize()
    messages += transcriber.close("")
    finals = [m for m in messages if m["type"] == "Results" and m["is_final"]]
    heard = [w["word"] for m in finals for w in m["channel"]["alternatives"][0]["words"]]
    assert heard == expected
    at_s = 0.0
    for message in finals:
        assert message["start"] == pytest.approx(at_s)
        at_s += message["duration"]
    assert at_s == pytest.approx(len(voice) / 50)
    assert messages[-1]["type"] == "Metadata"
