"""Names, order and fate of marks."""

from __future__ import annotations

from voicecore.audio.marks import MarkBook


def test_a_segments_mark_is_due_when_its_audio_was_sent() -> None:
    book = MarkBook()
    book.begin(2, 0)
    book.end_segment(0, 500)
    assert book.is_waiting
    assert not book.is_due(499)
    assert book.take_due(499) == []
    assert book.ends_at(500)
    assert not book.ends_at(499)
    assert book.next_stop_bytes() == 500
    assert book.take_due(500) == ["2:0"]
    assert not book.is_waiting
    assert not book.ends_at(500)


def test_an_echo_counts_once() -> None:
    book = MarkBook()
    book.begin(2, 0)
    book.end_segment(0, 10)
    book.take_due(160)
    assert book.is_in_flight
    flight = book.take_echo("2:0")
    assert flight is not None
    assert (flight.turn, flight.segment, flight.end_bytes, flight.sent_bytes) == (2, 0, 10, 160)
    assert flight.ends_segment
    assert flight.proves_position
    assert book.take_echo("2:0") is None
    assert not book.is_in_flight


def test_position_marks_count_within_their_segment() -> None:
    book = MarkBook()
    book.begin(2, 0)
    assert book.next_stop_bytes() == 1600
    assert book.take_due(1600) == ["2:0.1"]
    assert book.take_due(3200) == ["2:0.2"]
    book.end_segment(0, 3300)
    book.end_segment(1, 3300)
    assert book.take_due(3360) == ["2:0", "2:1"]
    book.end_segment(7, 9000)
    assert book.take_due(4960) == ["2:7.1"]


def test_a_clear_sends_unplayed_marks_again_under_another_name_and_in_order() -> None:
    book = MarkBook()
    book.begin(2, 0)
    for segment, end in enumerate((100, 200, 300)):
        book.end_segment(segment, end)
    book.take_due(300)
    book.end_segment(3, 400)
    book.recall(150, 150)
    played = book.take_echo("2:0")
    assert played is not None
    assert not played.proves_position
    assert book.take_echo("2:1") is None
    assert book.take_due(400) == ["2:1~1", "2:2~1", "2:3~1"]
    book.recall(300, 300)
    assert book.take_echo("2:2~1") is not None
    assert book.take_due(400) == ["2:3~2"]


def test_a_clear_forgets_the_tail_of_an_older_reply() -> None:
    book = MarkBook()
    book.begin(2, 0)
    book.end_segment(0, 100)
    book.take_due(100)
    book.begin(2, 100)
    book.recall(50, 100)
    assert book.take_echo("2:0") is None
    assert not book.is_waiting


def test_a_turn_that_starts_over_has_names_of_its_own() -> None:
    book = MarkBook()
    names = []
    for turn in (2, 2, 1, 2, 3):
        book.begin(turn, 0)
        book.end_segment(0, 0)
        names += book.take_due(0)
    assert names == ["2:0", "2:0~1", "1:0~2", "2:0~3", "3:0"]


def test_marks_that_never_come_back_are_bounded() -> None:
    book = MarkBook()
    book.begin(0, 0)
    for segment in range(2000):
        book.end_segment(segment, 0)
    book.take_due(0)
    assert book.take_echo("0:0") is None
    assert sum(book.take_echo(f"0:{segment}") is not None for segment in range(2000)) == 512


def test_a_dropped_reply_has_no_marks_left() -> None:
    book = MarkBook()
    book.begin(0, 0)
    book.end_segment(0, 0)
    book.take_due(0)
    book.end_segment(1, 100)
    book.drop()
    assert not book.is_waiting
    assert not book.is_in_flight
    assert book.take_echo("0:0") is None
