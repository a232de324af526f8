"""Where the time of an answer goes."""

from __future__ import annotations

from voicecore.net.turn_timing import TurnTiming, TurnTimings


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_an_answer_is_split_into_ours_and_theirs() -> None:
    clock = Clock()
    timings = TurnTimings(clock)
    clock.now_s = 100.002
    timings.asked(1, committed_at=100.0)
    clock.now_s = 100.402
    timings.first_text(1)
    clock.now_s = 100.403
    timings.spoke(1)
    clock.now_s = 100.603
    timings.first_audio(1)
    clock.now_s = 100.604
    assert timings.first_frame(1) == {
        "turn": 1,
        "commit_to_ask_ms": 2.0,
        "llm_first_text_ms": 400.0,
        "text_to_speak_ms": 1.0,
        "speech_first_byte_ms": 200.0,
        "byte_to_frame_ms": 1.0,
        "engine_ms": 4.0,
    }
    assert timings.engine_ms_max() == 4.0
    assert len(timings) == 1


def test_of_every_step_the_first_time_counts() -> None:
    clock = Clock()
    timings = TurnTimings(clock)
    for seconds in (0.0, 1.0, 2.0):
        clock.now_s = 100.0 + seconds
        timings.asked(1, committed_at=clock.now_s)
        timings.first_text(1)
        timings.spoke(1)
        timings.first_audio(1)
    facts = timings.first_frame(1)
    assert facts["byte_to_frame_ms"] == 2000.0 and facts["commit_to_ask_ms"] == 0.0


def test_what_did_not_happen_has_no_time() -> None:
    assert TurnTiming(0).engine_ms() is None
    assert TurnTiming(0, first_frame_at=1.0).engine_ms() is None
    assert TurnTiming(0, first_audio_at=1.0).facts()["byte_to_frame_ms"] is None
    assert TurnTimings(Clock()).engine_ms_max() is None


def test_a_step_back_counts_as_nothing() -> None:
    assert TurnTiming(0, first_audio_at=2.0, first_frame_at=1.0).engine_ms() == 0.0
