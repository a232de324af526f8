"""Playout against a sample-exact model of Twilio's buffer, and its rules one by one."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.audio.twilio_buffer import Audio, TwilioBuffer
from voicecore.audio.mulaw import FRAME_BYTES
from voicecore.audio.playout import MARK_OVERDUE_S, Heard, Mark, Media, Playout, Span
from voicecore.errors import AudioFormatError

SILENCE = b"\xff"
LEAD_BYTES = 1280


def speech(reply: int, size: int, start: int = 0) -> bytes:
    """Audio that names its own position and holds no silence byte."""
    return bytes((reply * 37 + position) % 251 for position in range(start, start + size))


class Phone:
    """A playout and its far end on one clock of samples."""

    def __init__(self, delay: int = 0, **kwargs: int) -> None:
        self.playout = Playout(**kwargs)
        self.far = TwilioBuffer(delay)
        self.reply = -1
        self.written = 0
        self.next_sent = 0
        self.generation = 0
        self.heard: list[Heard] = []
        self.names: list[str] = []
        self.ends: dict[Heard, tuple[int, int]] = {}

    @property
    def now_s(self) -> float:
        return self.far.now / 8000

    @property
    def truth(self) -> int:
        return self.far.heard_until.get(self.reply, 0)

    def begin(self, turn: int) -> None:
        self.reply += 1
        self.written = self.next_sent = 0
        self.generation = self.playout.begin(turn)

    def write(self, size: int) -> int:
        audio = speech(self.reply, size, self.written)
        taken = self.playout.write(audio, self.generation)
        self.written += taken
        return taken

    def end_segment(self, segment: int) -> Span | None:
        turn = self.playout.turn
        if turn is not None:
            self.ends[Heard(turn, segment)] = (self.reply, self.written)
        return self.playout.end_segment(segment, self.generation)

    def pump(self) -> int:
        """Pump once; return the bytes sent. Each byte is checked to be the next of the reply."""
        size = 0
        for item in self.playout.pump(self.now_s):
            assert item.generation == self.generation
            if isinstance(item, Mark):
                self.names.append(item.name)
                self.far.send(mark=item.name)
                continue
            assert len(item.payload) % FRAME_BYTES == 0
            size += len(item.payload)
            self.far.send(audio=self.label(item.payload))
        self.deliver(self.far.take_echoes())
        return size

    def label(self, payload: bytes) -> Audio:
        audio = payload.rstrip(SILENCE)
        assert audio == speech(self.reply, len(audio), self.next_sent)
        labels: Audio = [(self.reply, self.next_sent + offset) for offset in range(len(audio))]
        self.next_sent += len(audio)
        return labels + [None] * (len(payload) - len(audio))

    def deliver(self, names: list[str]) -> None:
        for name in names:
            heard = self.playout.on_mark(name, self.now_s)
            if heard is not None:
                reply, end = self.ends[heard]
                assert self.far.heard_until.get(reply, 0) >= end, "a claim to be heard is true"
                self.heard.append(heard)

    def pass_samples(self, samples: int) -> None:
        for _ in range(samples):
            self.deliver(self.far.advance())

    def run(self, samples: int) -> None:
        """Let time pass and pump whenever it is due."""
        end = self.far.now + samples
        while self.far.now < end:
            due_s = self.playout.next_due_s(self.now_s)
            if due_s is not None and due_s <= self.now_s + 1e-5:
                self.pump()
                due_s = self.playout.next_due_s(self.now_s)
                assert due_s is None or due_s > self.now_s
            self.pass_samples(1)

    def pause(self) -> int:
        played = self.playout.pause(self.now_s)
        self.far.send()
        self.next_sent = played
        self.deliver(self.far.take_echoes())
        return played

    def clear(self) -> int:
        played = self.playout.clear(self.now_s)
        self.far.send()
        self.deliver(self.far.take_echoes())
        return played


class PlayoutAgainstTwilio(RuleBasedStateMachine):
    """Random speech, ticks, pauses and clears; the far end says what is true."""

    delays = st.just(0)

    @initialize(data=st.data())
    def call(self, data: st.DataObject) -> None:
        self.phone = Phone(data.draw(self.delays))
        self.delay = self.phone.far.delay
        self.turn = 0
        self.segment = 0
        self.open = False
        self.past: list[tuple[int, int]] = []
        self.least = 0
        self.begin()

    @rule()
    def begin(self) -> None:
        self.turn += 1
        self.phone.begin(self.turn)
        self.segment = 0
        self.open = True
        self.least = 0
        self.past = [(self.phone.far.now, 0)]
        self.phone.pump()

    @precondition(lambda self: self.open)
    @rule(size=st.integers(0, 900), more=st.booleans())
    def write(self, size: int, more: bool) -> None:
        assert self.phone.write(size * 4 if more else size) == (size * 4 if more else size)
        self.phone.pump()

    @precondition(lambda self: self.open)
    @rule()
    def end_segment(self) -> None:
        self.phone.end_segment(self.segment)
        self.segment += 1
        self.phone.pump()

    @precondition(lambda self: self.open)
    @rule()
    def finish(self) -> None:
        self.phone.playout.finish(self.phone.generation)

    @rule(samples=st.integers(0, 2500))
    def on_time(self, samples: int) -> None:
        self.phone.run(samples)
        self.check_position()

    @rule(samples=st.integers(0, 600))
    def late(self, samples: int) -> None:
        self.phone.pass_samples(samples)
        self.check_position()
        self.phone.pump()

    @precondition(lambda self: self.open and not self.phone.playout.paused)
    @rule(samples=st.integers(0, 1500))
    def pause(self, samples: int) -> None:
        played = self.phone.pause()
        self.phone.run(self.delay)
        assert 0 <= self.phone.truth - played <= 2 * self.delay
        self.phone.run(samples)
        self.least = played
        self.past = [(self.phone.far.now, played)]

    @rule()
    def resume(self) -> None:
        self.phone.playout.resume(self.phone.now_s)
        self.phone.pump()

    @precondition(lambda self: self.open)
    @rule(samples=st.integers(0, 1500))
    def clear(self, samples: int) -> None:
        played = self.phone.clear()
        heard = len(self.phone.heard)
        self.phone.run(self.delay)
        assert 0 <= self.phone.truth - played <= 2 * self.delay
        assert self.phone.playout.write(b"a", self.phone.playout.generation) == 0
        self.phone.run(samples)
        assert self.phone.pump() == 0
        assert len(self.phone.heard) == heard
        assert self.phone.playout.played_bytes(self.phone.now_s) == played
        self.open = False

    def check_position(self) -> None:
        phone = self.phone
        if not self.open or phone.playout.paused:
            return
        played = phone.playout.played_bytes(phone.now_s)
        assert self.least <= played <= phone.next_sent
        if self.delay == 0:
            assert played == phone.truth
        known = [truth for at, truth in self.past if at <= phone.far.now - self.delay]
        assert played >= (known[-1] if known else 0)
        self.past.append((phone.far.now, phone.truth))
        self.least = played

    def teardown(self) -> None:
        if not hasattr(self, "phone"):
            return
        phone = self.phone
        assert phone.far.most_queued_bytes <= LEAD_BYTES
        if self.open:
            self.play_out()

    def play_out(self) -> None:
        phone = self.phone
        phone.playout.resume(phone.now_s)
        phone.playout.finish(phone.generation)
        phone.run(phone.written + 2 * self.delay + 1600)
        assert phone.playout.is_drained(phone.now_s)
        assert phone.playout.next_due_s(phone.now_s) is None
        assert phone.playout.played_bytes(phone.now_s) == phone.written
        times = Counter(position for reply, position in phone.far.heard if reply == phone.reply)
        assert set(times) == set(range(phone.written))
        if self.delay == 0:
            assert set(times.values()) <= {1}
        mine = [heard.segment for heard in phone.heard if heard.turn == self.turn]
        assert mine == list(range(self.segment))


class PlayoutOverALink(PlayoutAgainstTwilio):
    delays = st.integers(1, 640)


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


@pytest.mark.parametrize("lead_ms, capacity_ms", [(19, 1000), (0, 1000), (200, 100)])
def test_a_lead_that_cannot_work_is_refused(lead_ms: int, capacity_ms: int) -> None:
    with pytest.raises(AudioFormatError, match="lead"):
        Playout(lead_ms=lead_ms, capacity_ms=capacity_ms)
