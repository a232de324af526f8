"""The ring behaves as a bytes object that is cut at both ends."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from voicecore.audio.ring import ByteRing
from voicecore.errors import AudioFormatError


class RingAgainstBytes(RuleBasedStateMachine):
    @initialize(capacity=st.integers(1, 24))
    def start(self, capacity: int) -> None:
        self.ring = ByteRing(capacity)
        self.capacity = capacity
        self.model = b""
        self.dropped = 0

    @rule(data=st.binary(max_size=40), kind=st.sampled_from([bytes, bytearray, memoryview]))
    def write(self, data: bytes, kind: type) -> None:
        fits = self.capacity - len(self.model)
        assert self.ring.write(kind(data)) == min(fits, len(data))
        self.model += data[:fits]
        self.dropped += max(0, len(data) - fits)

    @rule(size=st.integers(0, 40))
    def read(self, size: int) -> None:
        assert self.ring.read(size) == self.model[:size]
        self.model = self.model[size:]

    @rule(size=st.integers(0, 40), offset=st.integers(0, 40))
    def peek(self, size: int, offset: int) -> None:
        assert self.ring.peek(size, offset) == self.model[offset : offset + size]

    @rule(size=st.integers(0, 40))
    def discard(self, size: int) -> None:
        assert self.ring.discard(size) == min(size, len(self.model))
        self.model = self.model[size:]

    @rule()
    def clear(self) -> None:
        self.ring.clear()
        self.model = b""

    @invariant()
    def same_content(self) -> None:
        assert len(self.ring) == len(self.model)
        assert self.ring.free_bytes == self.capacity - len(self.model)
        assert self.ring.peek(self.capacity) == self.model
        assert self.ring.dropped_bytes == self.dropped


TestRingAgainstBytes = RingAgainstBytes.TestCase
TestRingAgainstBytes.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)


def test_a_full_ring_refuses_the_newest_bytes_and_counts_them() -> None:
    ring = ByteRing(4)
    assert ring.write(b"abc") == 3
    assert ring.write(b"def") == 1
    assert ring.dropped_bytes == 2
    assert ring.read(9) == b"abcd"


def test_bytes_keep_their_order_across_the_end_of_the_buffer() -> None:
    ring = ByteRing(5)
    ring.write(b"abcd")
    ring.discard(3)
    ring.write(b"efgh")
    assert ring.peek(3, 1) == b"efg"
    assert ring.read(5) == b"defgh"
    assert ring.capacity_bytes == 5


def test_what_was_read_is_not_changed_by_later_writes() -> None:
    ring = ByteRing(4)
    ring.write(b"abcd")
    taken = ring.read(4)
    ring.write(b"wxyz")
    assert taken == b"abcd"


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_ring_without_room_is_refused(capacity: int) -> None:
    with pytest.raises(AudioFormatError, match="holds nothing"):
        ByteRing(capacity)


def test_negative_sizes_are_refused() -> None:
    ring = ByteRing(4)
    ring.write(b"ab")
    with pytest.raises(AudioFormatError):
        ring.peek(-1)
    with pytest.raises(AudioFormatError):
        ring.peek(1, -1)
    with pytest.raises(AudioFormatError):
        ring.discard(-1)
    with pytest.raises(AudioFormatError):
        ring.read(-1)
    assert ring.read(2) == b"ab"
