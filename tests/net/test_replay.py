"""The replay buffer against a plain model of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.net.replay import ReplayBuffer


def test_audio_is_taken_once_until_it_is_rewound() -> None:
    buffer = ReplayBuffer(10)
    buffer.append(b"abcdef")
    assert (buffer.take(4), buffer.take(4), buffer.take(4)) == (b"abcd", b"ef", b"")
    buffer.cover(2)
    assert buffer.rewind() == 2
    assert buffer.take(100) == b"cdef"
    assert buffer.end == buffer.taken == 6


def test_what_was_not_taken_is_not_covered() -> None:
    buffer = ReplayBuffer(10)
    buffer.append(b"abcdef")
    buffer.take(3)
    buffer.cover(5)
    assert buffer.take(10) == b"def"
    assert buffer.lost_bytes == 0


def test_the_oldest_falls_out_and_is_counted_where_it_was_never_taken() -> None:
    buffer = ReplayBuffer(4)
    buffer.append(b"ab")
    buffer.take(1)
    buffer.append(b"cdefg")
    assert buffer.lost_bytes == 2
    assert (buffer.taken, buffer.end) == (3, 7)
    assert buffer.take(10) == b"defg"


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 30),
    st.lists(
        st.one_of(
            st.binary(max_size=12),
            st.integers(0, 12),
            st.tuples(st.integers(0, 80)),
            st.just("rewind"),
        ),
        max_size=25,
    ),
)
def test_it_agrees_with_a_model(capacity: int, actions: list[object]) -> None:
    buffer = ReplayBuffer(capacity)
    whole, start, taken = b"", 0, 0
    for action in actions:
        if isinstance(action, bytes):
            buffer.append(action)
            whole += action
            start = max(start, len(whole) - capacity)
            taken = max(taken, start)
        elif isinstance(action, int):
            assert buffer.take(action) == whole[taken : taken + action]
            taken = min(len(whole), taken + action)
        elif isinstance(action, tuple):
            buffer.cover(action[0])
            start = max(start, min(action[0], taken))
        else:
            assert buffer.rewind() == start
            taken = start
        assert (buffer.taken, buffer.end) == (taken, len(whole))
