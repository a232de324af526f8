"""The rules of speaking without a socket: order, flush budget, fence, second tries."""

from __future__ import annotations

from collections import deque

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.net.speech_queue import SpeechQueue, SpeechTimings

TIMINGS = SpeechTimings()


def queue(timings: SpeechTimings = TIMINGS) -> SpeechQueue[int]:
    return SpeechQueue(timings)


def said(messages: list[str]) -> list[str]:
    """Texts as they are, control messages as their type."""
    fields = [orjson.loads(message) for message in messages]
    return [field.get("text", field["type"]) for field in fields]


def test_each_segment_has_its_own_flush() -> None:
    speech = queue()
    speech.add(1, " One. ")
    speech.add(2, "Two.")
    assert said(speech.outgoing(0.0)) == ["One.", "Flush", "Two.", "Flush"]
    assert speech.outgoing(0.0) == []
    assert speech.audio(100, 0.1) == 1
    assert speech.flushed(0.2) == (1,)
    assert speech.audio(100, 0.3) == 2
    assert speech.flushed(0.4) == (2,)
    assert speech.is_idle
    assert speech.audio(100, 0.5) is None
    assert speech.flushed(0.6) == ()


def test_a_long_text_goes_in_pieces_under_one_flush() -> None:
    speech = queue()
    speech.add(1, "word " * 900)
    messages = said(speech.outgoing(0.0))
    assert messages[-1] == "Flush"
    assert "".join(messages[:-1]) == ("word " * 900).strip()
    assert max(map(len, messages)) <= 2000


def test_a_text_without_anything_to_say_is_finished_in_its_turn() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.add(2, " \ud800 ")
    speech.add(3, "Three.")
    assert said(speech.outgoing(0.0)) == ["One.", "Flush", "Three.", "Flush"]
    assert speech.finished() == ()
    assert speech.flushed(0.1) == (1,)
    assert speech.finished() == (2,)
    assert speech.flushed(0.2) == (3,)


def test_a_reply_is_not_sent_whole() -> None:
    speech = queue()
    for token in range(10):
        speech.add(token, f"Sentence {token}.")
    assert len(speech.outgoing(0.0)) == 2 * TIMINGS.groups_in_flight_max
    assert speech.flushed(0.1) == (0,)
    assert len(speech.outgoing(0.1)) == 2


def test_the_last_flushes_are_shared() -> None:
    """Deepgram: 20 flushes a minute, then the flush is not processed."""
    speech = queue()
    flushes = 0
    finished: list[int] = []
    for token in range(60):
        speech.add(token, f"Sentence {token}.")
    for step in range(200):
        messages = said(speech.outgoing(step * 0.1))
        flushes += messages.count("Flush")
        finished.extend(speech.flushed(step * 0.1))
    assert finished == list(range(60))
    assert flushes <= 20


def test_joined_segments_are_kept_apart_by_a_space_and_finish_together() -> None:
    speech = queue(SpeechTimings(flushes_max=2, flushes_reserved=2))
    speech.add(1, "One.")
    assert said(speech.outgoing(0.0)) == ["One.", "Flush"]
    speech.add(2, "Two.")
    speech.add(3, "")
    speech.add(4, "Four.")
    assert speech.outgoing(0.1) == []
    speech.flushed(0.2)
    assert said(speech.outgoing(0.2)) == ["Two. Four.", "Flush"]
    assert speech.audio(9, 0.3) == 2
    assert speech.flushed(0.4) == (2, 3, 4)


def test_joined_text_fits_one_message() -> None:
    speech = queue(SpeechTimings(flushes_max=20, flushes_reserved=20))
    for token in range(5):
        speech.add(token, "x" * 900)
    assert [len(text) for text in said(speech.outgoing(0.0))] == [1801, 5]


def test_flushes_come_back_after_a_minute_and_waiting_is_overdue_until_then() -> None:
    speech = queue(SpeechTimings(flushes_max=1, flushes_reserved=0))
    speech.add(1, "One.")
    speech.outgoing(0.0)
    speech.flushed(0.1)
    speech.add(2, "Two.")
    assert speech.outgoing(0.2) == []
    assert speech.overdue(0.2) == "flush budget used up"
    assert speech.overdue(60.8) is None
    assert said(speech.outgoing(61.0)) == ["Two.", "Flush"]


def test_a_new_connection_has_a_new_budget() -> None:
    speech = queue(SpeechTimings(flushes_max=1, flushes_reserved=0))
    speech.add(1, "One.")
    speech.outgoing(0.0)
    speech.flushed(0.1)
    speech.add(2, "Two.")
    assert speech.connection_lost() == ()
    assert said(speech.outgoing(0.2)) == ["Two.", "Flush"]


def test_clearing_drops_audio_until_cleared() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.add(2, "Two.")
    speech.outgoing(0.0)
    speech.clear(0.1)
    speech.add(3, "Three.")
    assert said(speech.outgoing(0.1)) == ["Clear", "Three.", "Flush"]
    assert speech.audio(100, 0.2) is None
    assert speech.flushed(0.2) == ()
    assert not speech.is_idle
    speech.cleared(0.3)
    assert speech.audio(100, 0.4) == 3
    assert speech.flushed(0.5) == (3,)
    assert speech.is_idle


def test_a_flush_of_the_dropped_reply_ends_nothing_new() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.outgoing(0.0)
    speech.clear(0.1)
    speech.add(2, "Two.")
    speech.outgoing(0.1)
    speech.cleared(0.2)
    assert speech.flushed(0.3) == ()
    assert speech.audio(100, 0.4) == 2
    assert speech.flushed(0.5) == (2,)


def test_clearing_when_nothing_is_on_its_way_sends_nothing() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.clear(0.0)
    assert speech.outgoing(0.0) == []
    assert speech.is_idle
    speech.cleared(0.1)
    assert speech.is_idle


def test_every_clear_is_waited_for() -> None:
    speech = queue()
    for token in (1, 2):
        speech.add(token, "Text.")
        speech.outgoing(0.0)
        speech.clear(0.0)
    speech.add(3, "Three.")
    speech.outgoing(0.0)
    speech.cleared(0.1)
    assert speech.audio(100, 0.1) is None
    speech.cleared(0.2)
    assert speech.audio(100, 0.2) == 3


def test_deadlines() -> None:
    speech = queue()
    assert speech.overdue(100.0) is None
    speech.add(1, "One.")
    speech.outgoing(0.0)
    assert speech.overdue(1.4) is None
    assert speech.overdue(1.5) == "no audio"
    speech.audio(100, 1.4)
    assert speech.overdue(4.3) is None
    assert speech.overdue(4.4) == "audio stalled"
    speech.clear(5.0)
    assert speech.overdue(5.3) is None
    assert speech.overdue(5.4) == "clear was not answered"
    speech.cleared(5.4)
    assert speech.overdue(100.0) is None


def test_waiting_behind_another_segment_is_not_overdue() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.add(2, "Two.")
    speech.outgoing(0.0)
    speech.audio(100, 1.0)
    speech.flushed(2.0)
    assert speech.overdue(3.4) is None
    assert speech.overdue(3.5) == "no audio"


def test_a_lost_segment_is_said_again_once() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.add(2, "Two.")
    speech.outgoing(0.0)
    assert speech.connection_lost() == ()
    assert said(speech.outgoing(0.1)) == ["One.", "Flush", "Two.", "Flush"]
    assert speech.connection_lost() == (1,)
    assert said(speech.outgoing(0.2)) == ["Two.", "Flush"]


def test_a_segment_with_audio_is_not_said_again() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.add(2, "Two.")
    speech.outgoing(0.0)
    speech.audio(100, 0.1)
    assert speech.connection_lost() == (1,)
    assert said(speech.outgoing(0.2)) == ["Two.", "Flush"]


def test_of_a_joined_group_with_audio_all_fails() -> None:
    speech = queue(SpeechTimings(flushes_max=20, flushes_reserved=20))
    speech.add(1, "One.")
    speech.add(2, "Two.")
    speech.outgoing(0.0)
    speech.audio(100, 0.1)
    assert speech.connection_lost() == (1, 2)


def test_a_loss_behind_the_fence_is_not_the_new_segments_fault() -> None:
    speech = queue()
    speech.add(1, "One.")
    speech.outgoing(0.0)
    speech.clear(0.1)
    speech.add(2, "Two.")
    speech.outgoing(0.1)
    for _ in range(TIMINGS.tries_max):
        assert speech.connection_lost() == ()
        assert said(speech.outgoing(0.2)) == ["Two.", "Flush"]
    assert speech.connection_lost() == (2,)


def test_giving_up_names_everything_unfinished_in_order() -> None:
    speech = queue(SpeechTimings(groups_in_flight_max=2))
    for token in range(4):
        speech.add(token, "Text.")
    speech.outgoing(0.0)
    assert speech.give_up() == (0, 1, 2, 3)
    assert speech.is_idle


def test_a_pause_for_a_new_connection_starts_nothing() -> None:
    speech = queue()
    speech.add(1, "One.")
    assert speech.outgoing(0.0, may_start=False) == []
    assert said(speech.outgoing(0.0)) == ["One.", "Flush"]


class Deepgram:
    """A model of the other side: answers in order, may still answer flushes that were cleared."""

    def __init__(self, answers_cleared_flushes: bool) -> None:
        self.answers_cleared_flushes = answers_cleared_flushes
        self.replies: deque[tuple[str, str]] = deque()
        self.text = ""

    def take(self, messages: list[str]) -> None:
        for message in messages:
            fields = orjson.loads(message)
            if fields["type"] == "Speak":
                self.text += fields["text"]
            elif fields["type"] == "Flush":
                self.replies.append(("audio", self.text))
                self.replies.append(("flushed", ""))
                self.text = ""
            else:
                stale = [reply for reply in self.replies if reply[0] != "audio"]
                self.replies.clear()
                if self.answers_cleared_flushes:
                    self.replies.extend(stale)
                self.replies.append(("cleared", ""))
                self.text = ""


@settings(max_examples=150, deadline=None)
@given(
    st.booleans(),
    st.lists(st.sampled_from(["say", "answer", "answer", "clear", "lose"]), max_size=60),
    st.integers(3, 20),
)
def test_tokens_finish_in_order_and_audio_is_never_somebody_elses(
    answers_cleared_flushes: bool, actions: list[str], flushes_max: int
) -> None:
    """Whatever happens, each token ends once at most, in order, and hears only its own words."""
    speech = queue(SpeechTimings(flushes_max=flushes_max, flushes_reserved=2))
    peer = Deepgram(answers_cleared_flushes)
    ended: list[int] = []
    dropped_below = 0
    token = 0
    for step, action in enumerate(actions):
        now_s = step * 0.01
        if action == "say":
            speech.add(token, f"<{token}>")
            token += 1
        elif action == "clear":
            speech.clear(now_s)
            dropped_below = token
        elif action == "lose":
            ended.extend(speech.connection_lost())
            peer = Deepgram(answers_cleared_flushes)
        elif peer.replies:
            kind, text = peer.replies.popleft()
            if kind == "audio":
                owner = speech.audio(len(text), now_s)
                assert owner is None or (f"<{owner}>" in text and owner >= dropped_below)
            elif kind == "flushed":
                ended.extend(speech.flushed(now_s))
            else:
                speech.cleared(now_s)
        peer.take(speech.outgoing(now_s))
        ended.extend(speech.finished())
    assert ended == sorted(set(ended))
