from __future__ import annotations

from bench.simulate.playout import MS_PER_CHARACTER, MS_PER_SEGMENT, VirtualPlayout

TEXT = "One two three four."
LENGTH_S = (MS_PER_SEGMENT + MS_PER_CHARACTER * len(TEXT)) / 1000


def test_segments_follow_one_another_and_end_with_a_mark() -> None:
    playout = VirtualPlayout()
    assert playout.add(1, 0, TEXT, 0.0) == (0, int(LENGTH_S * 1000), True)
    start_ms, _, first = playout.add(1, 1, TEXT, 0.1)
    assert (start_ms, first) == (int(LENGTH_S * 1000), False)
    assert round(playout.next_at(), 6) == round(LENGTH_S, 6)
    assert playout.tick(playout.next_at()) == (1, 0)
    assert playout.tick(playout.next_at()) == (1, 1)
    assert playout.stretch_at == 0.0
    assert playout.tick(playout.next_at()) == (1, None)
    assert playout.silent_at is not None
    assert playout.stretch_at is None
    assert [part.complete for part in playout.heard] == [True, True]


def test_a_pause_keeps_the_rest_and_a_resume_plays_it() -> None:
    playout = VirtualPlayout()
    playout.add(1, 0, TEXT, 0.0)
    assert playout.pause(1, 0.5) == 500
    assert playout.next_at() == float("inf")
    playout.resume(1, 5.0)
    assert round(playout.next_at(), 6) == round(5.0 + LENGTH_S - 0.5, 6)
    assert playout.pause(2, 5.0) is None


def test_what_is_cleared_was_heard_up_to_the_last_whole_word() -> None:
    playout = VirtualPlayout()
    playout.add(1, 0, TEXT, 0.0)
    assert playout.clear(LENGTH_S / 2, turn=1) is not None
    (part,) = playout.heard
    assert (part.text, part.complete) == ("One two", False)
    assert playout.clear(9.0) is None


def test_another_reply_takes_the_place_of_the_first() -> None:
    playout = VirtualPlayout()
    playout.add(1, 0, TEXT, 0.0)
    assert playout.add(2, 0, TEXT, 0.0)[2] is True
    assert playout.turn_of() == 2
    assert playout.heard == []
