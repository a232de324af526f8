"""The segments of a reply on their way to the caller's ear."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicecore.call.heard import SpokenSegment
from voicecore.call.mark_queue import MarkQueue, SegmentState


def queue(*texts: str, held: bool = False) -> MarkQueue:
    marks = MarkQueue()
    for text in texts:
        marks = marks.added(text, tool_round=0, is_reply=True, held=held)
    return marks


def states(marks: MarkQueue) -> list[str]:
    return [segment.state.value for segment in marks.segments]


def test_segments_are_numbered_in_order():
    assert [segment.index for segment in queue("one", "two").segments] == [0, 1]


def test_a_held_segment_waits_for_its_release():
    marks = queue("one", held=True)
    assert not marks.is_audible
    assert not marks.is_settled
    assert states(marks.released()) == ["queued"]
    assert marks.released().is_audible


def test_a_mark_proves_the_audio_before_it():
    marks = queue("one", "two", "three").synthesized(0, 0, 900).synthesized(1, 900, 800).heard(1)
    assert states(marks) == ["heard", "heard", "queued"]
    assert marks.was_heard
    assert not marks.is_settled


def test_a_segment_without_audio_before_a_heard_one_was_passed_over():
    marks = queue("one", "two").synthesized(1, 0, 800).heard(1)
    assert states(marks) == ["failed", "heard"]
    assert states(marks.synthesized(0, 0, 500)) == ["failed", "heard"]


def test_a_failed_segment_stays_failed_and_a_heard_one_heard():
    marks = queue("one", "two").synthesized(0, 0, 900).heard(0).failed(0).failed(1).heard(1)
    assert states(marks) == ["heard", "failed"]
    assert marks.is_settled


def test_a_position_proves_the_segments_that_end_before_it():
    marks = queue("one", "two").synthesized(0, 0, 900).synthesized(1, 900, 800)
    assert states(marks.heard_up_to(1699)) == ["heard", "synthesized"]
    assert states(marks.heard_up_to(1700)) == ["heard", "heard"]


def test_drained_means_that_all_audio_so_far_was_heard():
    marks = queue("one", "two").synthesized(0, 0, 900).drained()
    assert states(marks) == ["heard", "queued"]
    assert marks.audio_left_ms == 0
    assert queue("one").synthesized(0, 0, 900).audio_left_ms == 900


def test_places_for_the_heard_text():
    marks = queue("one", "two", "three").synthesized(0, 0, 900)
    assert marks.spoken() == (
        SpokenSegment("one", 0, 900, False),
        SpokenSegment("two", 900, None, False),
        SpokenSegment("three", None, None, False),
    )


def test_a_passed_over_segment_has_no_place():
    marks = queue("one", "two").synthesized(1, 0, 800)
    assert marks.spoken()[0] == SpokenSegment("one", None, None, False)
    assert queue("one").failed(0).spoken()[0].start_ms is None


@given(st.lists(st.tuples(st.sampled_from("shdfpr"), st.integers(0, 3)), max_size=20))
def test_what_is_settled_never_changes(moves):
    marks = queue("a", "b", "c", "d", held=True)
    for move, index in moves:
        before = {segment.index: segment.state for segment in marks.segments if segment.is_settled}
        match move:
            case "s":
                marks = marks.synthesized(index, index * 100, 100)
            case "h":
                marks = marks.heard(index)
            case "d":
                marks = marks.drained()
            case "f":
                marks = marks.failed(index)
            case "p":
                marks = marks.heard_up_to(index * 100)
            case _:
                marks = marks.released()
        after = {segment.index: segment.state for segment in marks.segments}
        assert before.items() <= after.items()
        assert all(isinstance(state, SegmentState) for state in after.values())
