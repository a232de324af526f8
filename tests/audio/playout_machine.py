"""Random use of a playout, held against what its far end really played."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.audio.phone import LEAD_BYTES, Phone


class PlayoutAgainstTwilio(RuleBasedStateMachine):
    """Random speech, ticks, pauses and clears; the far end says what is true."""

    delays = st.just(0)

    @initialize(data=st.data(), bundle_ms=st.sampled_from((20, 40, 160)))
    def call(self, data: st.DataObject, bundle_ms: int) -> None:
        self.phone = Phone(data.draw(self.delays), bundle_ms=bundle_ms)
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
