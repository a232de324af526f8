"""Playout against a sample-exact model of Twilio's buffer, and its rules one by one."""

from __future__ import annotations

import re

import pytest
from hypothesis import settings

from tests.audio.phone import LEAD_BYTES, SILENCE, Phone, speech
from tests.audio.playout_machine import PlayoutAgainstTwilio, PlayoutOverALink
from voicecore.audio.mulaw import FRAME_BYTES
from voicecore.audio.playout import MARK_OVERDUE_S, Heard, Media, Playout, Span
from voicecore.errors import AudioFormatError


@pytest.fixture
def phone() -> Phone:
    """A call with no delay on the link, in its first reply (turn 3)."""
    phone = Phone()
    phone.begin(3)
    return phone


TestPlayoutAgainstTwilio = PlayoutAgainstTwilio.TestCase
TestPlayoutAgainstTwilio.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestPlayoutOverALink = PlayoutOverALink.TestCase
TestPlayoutOverALink.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


def test_the_first_pump_sends_the_lead_and_then_a_frame_each_20_ms(phone: Phone) -> None:
    phone.write(4000)
    assert not phone.playout.started
    assert phone.pump() == LEAD_BYTES
    assert phone.playout.started
    assert phone.playout.next_due_s(phone.now_s) == pytest.approx(0.02)
    phone.pass_samples(159)
    assert phone.pump() == 0
    phone.pass_samples(1)
    assert phone.pump() == FRAME_BYTES


def test_bundles_go_out_whole_and_the_last_one_as_long_as_it_is() -> None:
    phone = Phone(bundle_ms=40)
    phone.begin(0)
    phone.write(LEAD_BYTES + 5 * FRAME_BYTES)
    assert phone.pump() == LEAD_BYTES
    assert phone.playout.next_due_s(phone.now_s) == pytest.approx(0.04)
    phone.pass_samples(FRAME_BYTES)
    assert phone.pump() == 0
    phone.pass_samples(FRAME_BYTES)
    assert phone.pump() == 2 * FRAME_BYTES
    phone.pass_samples(2 * FRAME_BYTES)
    assert phone.pump() == 2 * FRAME_BYTES
    assert phone.playout.next_due_s(phone.now_s) == pytest.approx(phone.now_s + 0.02)
    phone.pass_samples(FRAME_BYTES)
    assert phone.pump() == FRAME_BYTES


def test_a_late_tick_catches_up_in_one_go(phone: Phone) -> None:
    phone.write(8000)
    phone.pump()
    phone.pass_samples(800)
    assert phone.pump() == 800
    phone.pass_samples(5000)
    assert phone.pump() == LEAD_BYTES


def test_silence_in_the_buffer_does_not_count_as_played(phone: Phone) -> None:
    phone.write(320)
    phone.run(4000)
    assert phone.playout.played_bytes(phone.now_s) == 320
    phone.write(3200)
    phone.pump()
    phone.pass_samples(100)
    assert phone.playout.played_bytes(phone.now_s) == 420


def test_a_remainder_waits_inside_a_segment(phone: Phone) -> None:
    phone.write(170)
    phone.run(2000)
    assert phone.truth == 160
    assert not phone.playout.is_drained(phone.now_s)
    assert phone.playout.next_due_s(phone.now_s) is None
    phone.write(150)
    phone.run(2000)
    assert phone.truth == 320
    assert phone.far.heard == [(0, position) for position in range(320)]


def test_a_finished_remainder_goes_out_padded_with_silence(phone: Phone) -> None:
    phone.write(10)
    phone.playout.finish(phone.generation)
    [media] = phone.playout.pump(0.0)
    assert isinstance(media, Media)
    assert media.payload == speech(0, 10) + SILENCE * 150


def test_the_remainder_of_a_segment_goes_out_when_the_buffer_is_dry_anyway(phone: Phone) -> None:
    phone.write(330)
    phone.end_segment(0)
    phone.pump()
    assert phone.playout.next_due_s(phone.now_s) == pytest.approx(0.04)
    phone.run(320)
    assert phone.heard == []
    phone.run(170)
    assert phone.heard == [Heard(3, 0)]
    assert phone.playout.is_drained(phone.now_s)


def test_audio_after_finish_is_played_behind_the_padding(phone: Phone) -> None:
    phone.write(10)
    phone.end_segment(0)
    phone.playout.finish(phone.generation)
    phone.pump()
    phone.write(330)
    phone.end_segment(1)
    phone.pass_samples(5)
    assert phone.playout.played_bytes(phone.now_s) == phone.truth == 5
    phone.pump()
    phone.pass_samples(75)
    assert phone.playout.played_bytes(phone.now_s) == phone.truth == 10
    phone.pass_samples(90)
    assert phone.playout.played_bytes(phone.now_s) == phone.truth == 20
    phone.playout.finish(phone.generation)
    phone.run(1000)
    assert phone.heard == [Heard(3, 0), Heard(3, 1)]
    assert phone.playout.played_bytes(phone.now_s) == phone.truth == 340


def test_spans_lie_one_behind_the_other_in_the_reply(phone: Phone) -> None:
    phone.write(803)
    assert phone.end_segment(0) == Span(0, 100)
    phone.write(1600)
    assert phone.end_segment(1) == Span(100, 200)
    assert phone.end_segment(2) == Span(300, 0)
    phone.begin(4)
    phone.write(80)
    assert phone.end_segment(0) == Span(0, 10)


def test_marks_stand_behind_their_segment_and_every_200_ms_inside_one(phone: Phone) -> None:
    phone.write(8 * 650)
    phone.end_segment(0)
    phone.write(8 * 230)
    phone.playout.finish(phone.generation)
    phone.run(16_000)
    assert phone.names == ["3:0.1", "3:0.2", "3:0.3", "3:0", "3:1.1"]
    assert phone.heard == [Heard(3, 0)]


def test_names_are_the_contracts_and_never_sent_twice() -> None:
    phone = Phone(delay=300)
    for turn in (0, 1, 1, 0):
        phone.begin(turn)
        phone.write(2000)
        phone.end_segment(0)
        phone.run(1000)
        phone.pause()
        phone.run(500)
        phone.playout.resume(phone.now_s)
        phone.run(5000)
    assert len(phone.names) == len(set(phone.names))
    for name in phone.names:
        assert re.fullmatch(r"[01]:0(\.\d+)?(~\d+)?", name)


def test_a_mark_echoed_because_of_a_pause_is_not_heard_and_the_second_echo_is() -> None:
    phone = Phone(delay=400)
    phone.begin(3)
    phone.write(1280)
    phone.end_segment(1)
    phone.run(900)
    phone.pause()
    phone.run(2000)
    assert phone.heard == []
    phone.playout.resume(phone.now_s)
    phone.run(4000)
    assert phone.heard == [Heard(3, 1)]
    assert phone.names == ["3:1", "3:1~1"]


def test_a_mark_played_before_the_pause_is_heard_though_its_echo_comes_after_it() -> None:
    phone = Phone(delay=400)
    phone.begin(3)
    phone.write(320)
    phone.end_segment(0)
    phone.write(1600)
    phone.run(500)
    phone.pause()
    assert phone.heard == []
    phone.run(1000)
    assert phone.heard == [Heard(3, 0)]


def test_a_position_mark_cleared_by_a_pause_is_forgotten(phone: Phone) -> None:
    phone.write(3200)
    phone.run(800)
    assert phone.names == ["3:0.1"]
    phone.pause()
    assert phone.playout.on_mark("3:0.1", phone.now_s) is None
    assert phone.playout.played_bytes(phone.now_s) == 800


def test_a_paused_reply_sends_nothing_and_goes_on_at_the_sample(phone: Phone) -> None:
    phone.write(4000)
    phone.run(1001)
    assert phone.pause() == 1001
    assert phone.playout.paused
    assert phone.playout.next_due_s(phone.now_s) is None
    assert phone.playout.played_bytes(phone.now_s + 9) == 1001
    phone.write(1000)
    phone.run(3000)
    assert phone.pump() == 0
    assert not phone.playout.is_drained(phone.now_s)
    assert phone.playout.pause(phone.now_s) == 1001
    phone.playout.resume(phone.now_s)
    assert not phone.playout.paused
    phone.playout.finish(phone.generation)
    phone.run(8000)
    assert phone.far.heard == [(0, position) for position in range(5000)]


def test_a_clear_drops_everything_and_tells_what_was_heard(phone: Phone) -> None:
    phone.write(4000)
    phone.end_segment(0)
    phone.run(600)
    before = phone.playout.generation
    assert phone.clear() == 600
    assert phone.playout.generation == before + 1
    assert phone.playout.turn is None
    assert phone.playout.is_drained(phone.now_s)
    assert phone.playout.next_due_s(phone.now_s) is None
    assert phone.playout.pause(phone.now_s) == 600
    phone.run(3000)
    assert phone.heard == []
    assert phone.truth == 600
    assert phone.clear() == 600


def test_a_stale_generation_is_refused_everywhere(phone: Phone) -> None:
    stale = phone.generation
    phone.begin(4)
    assert phone.playout.write(b"late", stale) == 0
    assert phone.playout.end_segment(0, stale) is None
    phone.playout.finish(stale)
    phone.write(10)
    assert phone.pump() == 0


def test_nothing_can_be_written_before_the_first_reply() -> None:
    playout = Playout()
    assert playout.turn is None
    assert playout.write(b"a" * 160, playout.generation) == 0
    assert playout.pump(1.0) == []
    assert playout.played_bytes(1.0) == 0
    assert playout.clear(1.0) == 0


def test_a_new_reply_follows_the_tail_of_the_old_one(phone: Phone) -> None:
    phone.write(640)
    phone.end_segment(0)
    phone.pump()
    phone.begin(4)
    assert phone.playout.turn == 4
    phone.write(320)
    phone.end_segment(0)
    phone.pump()
    phone.pass_samples(640)
    assert phone.playout.played_bytes(phone.now_s) == 0
    assert phone.heard == [Heard(3, 0)]
    phone.pass_samples(10)
    assert phone.playout.played_bytes(phone.now_s) == 10


def test_a_pause_during_the_old_tail_keeps_the_new_reply_whole(phone: Phone) -> None:
    phone.write(640)
    phone.end_segment(0)
    phone.pump()
    phone.begin(4)
    phone.write(320)
    phone.end_segment(0)
    phone.pump()
    phone.pass_samples(100)
    assert phone.pause() == 0
    phone.playout.resume(phone.now_s)
    phone.run(1000)
    assert phone.heard == [Heard(4, 0)]
    assert phone.truth == 320


def test_a_full_playout_takes_what_fits() -> None:
    phone = Phone(lead_ms=40, capacity_ms=100)
    phone.begin(0)
    assert phone.write(1000) == 800
    assert phone.write(10) == 0
    assert phone.playout.dropped_bytes == 210
    phone.run(400)
    phone.pump()
    assert phone.write(1000) == 400


def test_marks_that_never_come_back_are_overdue_after_half_a_second(phone: Phone) -> None:
    phone.write(160)
    phone.end_segment(0)
    phone.playout.pump(0.0)
    assert phone.playout.next_due_s(0.0) == pytest.approx(0.02)
    assert phone.playout.next_due_s(0.02) == pytest.approx(0.02 + MARK_OVERDUE_S)
    assert not phone.playout.is_drained(0.01)
    assert not phone.playout.is_drained(0.3)
    assert phone.playout.is_drained(0.02 + MARK_OVERDUE_S)
    assert phone.playout.next_due_s(0.02 + MARK_OVERDUE_S) is None


def test_an_empty_segment_is_heard_at_once(phone: Phone) -> None:
    phone.end_segment(0)
    assert phone.playout.next_due_s(phone.now_s) == phone.now_s
    assert not phone.playout.is_drained(phone.now_s)
    phone.pump()
    assert phone.heard == [Heard(3, 0)]
    assert phone.playout.is_drained(phone.now_s)


@pytest.mark.parametrize("name", ["", "3:9", "9:0", "3:0~4", "hold", "3:0.1"])
def test_an_unknown_mark_means_nothing(phone: Phone, name: str) -> None:
    phone.write(1280)
    phone.end_segment(0)
    phone.pump()
    assert phone.playout.on_mark(name, phone.now_s) is None


@pytest.mark.parametrize(
    "bundle_ms, lead_ms, capacity_ms",
    [(20, 19, 1000), (20, 0, 1000), (20, 200, 100), (19, 160, 1000), (180, 160, 1000)],
)
def test_a_lead_that_cannot_work_is_refused(bundle_ms: int, lead_ms: int, capacity_ms: int) -> None:
    with pytest.raises(AudioFormatError, match="lead"):
        Playout(bundle_ms=bundle_ms, lead_ms=lead_ms, capacity_ms=capacity_ms)
