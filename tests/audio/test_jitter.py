"""Sequence and gap repair: order, gaps, duplicates, reordering, and values nobody should send."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from voicecore.audio.jitter import HOLD_MS, MAX_FILL_MS, JitterBuffer

FRAME = 160


def sound(first: int, size: int = FRAME) -> bytes:
    """Samples that name their media position; never silence."""
    return bytes(position % 251 for position in range(first, first + size))


def frame(number: int) -> tuple[int, int, bytes]:
    """Chunk, timestamp and payload of the frame with this number, from 1."""
    return number, 20 * (number - 1), sound(FRAME * (number - 1))


def push(buffer: JitterBuffer, *numbers: int, now_ms: float = 0.0) -> bytes:
    return b"".join(buffer.push(*frame(number), now_ms) for number in numbers)


def observed_reordering() -> JitterBuffer:
    """A buffer that has seen frame 3 before frame 2; frame 4 is next."""
    buffer = JitterBuffer()
    push(buffer, 1, 3, 2)
    return buffer


def test_frames_in_order_are_released_at_once() -> None:
    buffer = JitterBuffer()
    assert [push(buffer, number) for number in (1, 2, 3)] == [frame(n)[2] for n in (1, 2, 3)]
    assert (buffer.received, buffer.filled_ms, buffer.media_ms, buffer.offset_ms) == (3, 0, 60, 0)
    assert buffer.expires_at_ms is None


def test_a_gap_in_time_is_filled_with_silence() -> None:
    buffer = JitterBuffer()
    push(buffer, 1)
    assert push(buffer, 4) == b"\xff" * 320 + frame(4)[2]
    assert buffer.filled_ms == 40


def test_a_gap_without_a_gap_in_chunks_is_filled_all_the_same() -> None:
    buffer = JitterBuffer()
    push(buffer, 1)
    assert buffer.push(2, 60, b"a" * 160, 0) == b"\xff" * 320 + b"a" * 160


def test_uneven_timestamps_are_no_gaps() -> None:
    buffer = JitterBuffer()
    for chunk, timestamp_ms in enumerate((5, 27, 40, 69, 85, 104), start=1):
        assert buffer.push(chunk, timestamp_ms, b"a" * 160, 0) == b"a" * 160
    assert buffer.filled_ms == 0


def test_a_stream_that_starts_late_is_not_filled_from_zero() -> None:
    buffer = JitterBuffer()
    assert buffer.push(9, 5000, b"a" * 160, 0) == b"a" * 160
    assert buffer.offset_ms == 5000
    assert buffer.media_ms == 5020


def test_a_long_gap_is_filled_up_to_the_cap_and_the_rest_is_counted() -> None:
    buffer = JitterBuffer()
    push(buffer, 1)
    out = buffer.push(2, 7020, b"a" * 160, 0)
    assert len(out) == MAX_FILL_MS * 8 + 160
    assert buffer.offset_ms == 7000 - MAX_FILL_MS
    assert buffer.media_ms == 7040


def test_payloads_of_any_size_stay_in_step() -> None:
    buffer = JitterBuffer()
    position, out = 0, b""
    for chunk, size in enumerate((33, 1, 700, 160, 0, 8), start=1):
        out += buffer.push(chunk, position // 8, sound(position, size), 0)
        position += size
    assert out == sound(0, position)


def test_duplicates_are_dropped() -> None:
    buffer = JitterBuffer()
    push(buffer, 1, 2)
    assert push(buffer, 2, 1) == b""
    assert (buffer.duplicate, buffer.late) == (2, 0)


def test_a_frame_whose_place_was_filled_is_dropped_as_late() -> None:
    buffer = JitterBuffer()
    push(buffer, 1, 3)
    assert push(buffer, 2, 2) == b""
    assert (buffer.late, buffer.reordered, buffer.duplicate) == (1, 1, 1)


def test_after_reordering_an_early_frame_waits_for_the_missing_one() -> None:
    buffer = observed_reordering()
    assert push(buffer, 5, now_ms=100) == b""
    assert buffer.expires_at_ms == 100 + HOLD_MS
    assert push(buffer, 5) == b""
    assert push(buffer, 4, now_ms=110) == frame(4)[2] + frame(5)[2]
    assert buffer.expires_at_ms is None
    assert (buffer.reordered, buffer.duplicate, buffer.late) == (2, 1, 1)


def test_a_held_frame_is_released_when_its_time_is_up() -> None:
    buffer = observed_reordering()
    push(buffer, 5, now_ms=100)
    assert buffer.expire(100 + HOLD_MS - 1) == b""
    assert buffer.expire(100 + HOLD_MS) == b"\xff" * FRAME + frame(5)[2]
    assert buffer.expire(1e9) == b""
    assert push(buffer, 4) == b""
    assert buffer.late == 2


def test_a_held_frame_is_released_when_a_later_one_shows_that_time_is_up() -> None:
    buffer = observed_reordering()
    push(buffer, 5, now_ms=100)
    assert (
        push(buffer, 7, now_ms=150) == b"\xff" * FRAME + frame(5)[2] + b"\xff" * FRAME + frame(7)[2]
    )


def test_no_more_than_the_hold_is_ever_kept_back() -> None:
    buffer = observed_reordering()
    assert push(buffer, 5, 6) == b""
    assert push(buffer, 7) == b"\xff" * FRAME + sound(4 * FRAME, 3 * FRAME)
    many = observed_reordering()
    outs = [many.push(5 + i, 80, b"a", 0) for i in range(9)]
    assert sum(map(len, outs)) == FRAME + 9


def test_holding_ends_when_frames_have_been_in_order_for_long() -> None:
    buffer = observed_reordering()
    for number in range(4, 504):
        push(buffer, number)
    assert push(buffer, 505) != b""


def test_an_absurd_timestamp_moves_nothing() -> None:
    buffer = JitterBuffer()
    push(buffer, 1)
    for chunk, absurd in ((2, 10**400), (4, -(10**400)), (6, 10**9)):
        assert buffer.push(chunk, absurd, b"a" * 160, 0) == b"a" * 160
        assert push(buffer, chunk + 1) == frame(chunk + 1)[2]
    assert (buffer.filled_ms, buffer.offset_ms) == (0, 0)


def test_a_clock_that_jumps_and_stays_there_is_followed() -> None:
    buffer = JitterBuffer()
    push(buffer, 1)
    for chunk in range(2, 6):
        buffer.push(chunk, 10**9 + 20 * chunk, b"a" * 160, 0)
    assert buffer.media_ms == 10**9 + 120
    assert buffer.filled_ms == MAX_FILL_MS
    for chunk in range(6, 12):
        buffer.push(chunk, 20 * chunk, b"a" * 160, 0)
    assert buffer.media_ms == 240
    assert buffer.filled_ms == MAX_FILL_MS


def test_an_absurd_chunk_costs_one_frame() -> None:
    buffer = JitterBuffer()
    push(buffer, 1)
    assert buffer.push(2**63, 20, b"a" * 160, 0) == b""
    assert buffer.push(-(2**63), 20, b"a" * 160, 0) == b""
    assert push(buffer, 2) == frame(2)[2]
    assert buffer.stray == 2


def test_a_count_that_wraps_is_followed_after_three_frames() -> None:
    buffer = JitterBuffer()
    buffer.push(2**32 - 1, 0, b"a" * 160, 0)
    outs = [buffer.push(chunk, 20 + 20 * chunk, b"b" * 160, 0) for chunk in range(4)]
    assert outs[:2] == [b"", b""]
    assert outs[2] == b"\xff" * 320 + b"b" * 160
    assert outs[3] == b"b" * 160


def test_a_new_count_releases_what_was_held() -> None:
    buffer = observed_reordering()
    push(buffer, 5)
    outs = [buffer.push(9000 + n, 100 + 20 * n, b"b" * 160, 0) for n in range(3)]
    assert outs[2] == b"\xff" * FRAME + frame(5)[2] + b"\xff" * 320 + b"b" * 160


ANY_INT = st.one_of(st.integers(-3, 12), st.integers(-(2**70), 2**70))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            # A number close ahead of the sane stream is rightly believed, up to 256 frames.
            ANY_INT.filter(lambda chunk: not 1000 < chunk < 1300),
            ANY_INT,
            st.binary(max_size=200),
            st.floats(-1e6, 1e6),
        )
    )
)
def test_no_values_break_it_and_a_sane_stream_gets_through_afterwards(
    frames: list[tuple[int, int, bytes, float]],
) -> None:
    buffer = JitterBuffer()
    for chunk, timestamp_ms, payload, now_ms in frames:
        out = buffer.push(chunk, timestamp_ms, payload, now_ms)
        assert len(out) <= 10 * (200 + MAX_FILL_MS * 8)
    out = b""
    for number in range(1, 12):
        out += push(buffer, 1000 + number, now_ms=2e6 + 20 * number)
    out += buffer.expire(3e6)
    assert out.endswith(sound(FRAME * 1003, FRAME * 8))
    assert buffer.media_ms == 20 * 1011


class JitterAgainstTheSource(RuleBasedStateMachine):
    """A sender that loses, repeats and swaps frames of odd sizes on a true clock.

    Every released sample must be the source's sample of that media time, or silence; a frame that
    arrives before a later one was released must be there whole.
    """

    @initialize()
    def start(self) -> None:
        self.buffer = JitterBuffer()
        self.chunk = 1
        self.position = 0
        self.now_ms = 0.0
        self.out = b""
        self.waiting: list[tuple[int, int, int]] = []
        self.sent: list[tuple[int, int, int]] = []
        self.whole: list[tuple[int, int]] = []
        self.arrive(self.make(160))

    def make(self, size: int) -> tuple[int, int, int]:
        made = (self.chunk, self.position, size)
        self.chunk += 1
        self.position += size
        return made

    def arrive(self, made: tuple[int, int, int]) -> None:
        chunk, position, size = made
        in_order = all(chunk > other for other, _, _ in self.sent)
        out = self.buffer.push(chunk, position // 8, sound(position, size), self.now_ms)
        self.out += out
        if in_order and out and not self.buffer.expires_at_ms:
            assert out.endswith(sound(position, size))
        if in_order:
            self.whole.append((position, size))
        self.sent.append(made)

    @rule(size=st.sampled_from([160, 160, 80, 8, 320]))
    def send(self, size: int) -> None:
        self.arrive(self.make(size))

    @rule(count=st.integers(1, 5))
    def lose(self, count: int) -> None:
        for _ in range(count):
            self.make(160)

    @rule(count=st.integers(1, 3))
    def swap(self, count: int) -> None:
        late = self.make(160)
        for _ in range(count):
            self.arrive(self.make(160))
        self.arrive(late)

    @rule(back=st.integers(1, 4))
    def repeat(self, back: int) -> None:
        if len(self.sent) >= back:
            before = self.buffer.duplicate + self.buffer.late
            self.out += self.buffer.push(
                self.sent[-back][0],
                self.sent[-back][1] // 8,
                sound(*self.sent[-back][1:]),
                self.now_ms,
            )
            assert self.buffer.duplicate + self.buffer.late >= before

    @rule(passed_ms=st.integers(0, 60))
    def wait(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.out += self.buffer.expire(self.now_ms)
        due = self.buffer.expires_at_ms
        assert due is None or due > self.now_ms

    @invariant()
    def media_time_counts_the_samples(self) -> None:
        assert self.buffer.media_ms * 8 == len(self.out)
        assert self.buffer.offset_ms == 0

    def teardown(self) -> None:
        if not hasattr(self, "out"):
            return
        self.now_ms += HOLD_MS
        self.out += self.buffer.expire(self.now_ms)
        source = sound(0, len(self.out))
        wrong = [at for at, sample in enumerate(self.out) if sample not in (source[at], 0xFF)]
        assert wrong == []
        for position, size in self.whole:
            assert self.out[position : position + size] == sound(position, size)
        assert self.out.count(0xFF) == self.buffer.filled_ms * 8


TestJitterAgainstTheSource = JitterAgainstTheSource.TestCase
TestJitterAgainstTheSource.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None
)


def test_only_the_newest_missing_frames_are_remembered() -> None:
    buffer = JitterBuffer()
    push(buffer, 1, 101, 201)
    assert push(buffer, 100, 137, 200) == b""
    assert (buffer.late, buffer.duplicate) == (2, 1)
