"""Twilio's playout buffer, sample by sample.

Source: Twilio, Media Streams - WebSocket messages: media, mark and clear sent to Twilio.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecore.sandbox.twilio_buffer import EchoedMark, GapCause, PlayoutModel

SILENCE = b"\xff"
A = b"\x01" * 160
B = b"\x02" * 160


def names(echoes: tuple[EchoedMark, ...]) -> list[str]:
    return [echo.name for echo in echoes]


def test_audio_starts_when_it_meets_an_empty_queue_and_plays_at_8000_bytes_a_second() -> None:
    model = PlayoutModel()
    model.feed(0.010, A)
    model.advance(0.020)
    assert model.timeline == SILENCE * 80 + A[:80]
    model.advance(0.050)
    assert model.timeline == SILENCE * 80 + A + SILENCE * 160


def test_audio_fed_ahead_of_time_plays_on_without_a_gap() -> None:
    model = PlayoutModel()
    model.feed(0.0, A)
    model.feed(0.001, B)
    model.advance(0.040)
    assert model.timeline == A + B
    assert model.gaps == []
    assert [(span.first, span.end, span.at_s) for span in model.played] == [(0, 320, 0.0)]


def test_a_mark_is_echoed_when_the_last_sample_before_it_has_played() -> None:
    model = PlayoutModel()
    model.feed(0.0, A)
    model.mark(0.0, "0:0.1")
    model.feed(0.0, B)
    model.mark(0.0, "0:0")
    assert model.next_deadline_s() == 0.0
    assert model.advance(0.019) == ()
    assert model.next_deadline_s() == 0.020
    echoes = model.advance(0.1)
    assert [(echo.name, echo.at_s, echo.cleared) for echo in echoes] == [
        ("0:0.1", 0.020, False),
        ("0:0", 0.040, False),
    ]
    assert model.next_deadline_s() is None


def test_a_mark_that_meets_an_empty_queue_is_echoed_at_once() -> None:
    model = PlayoutModel()
    model.mark(0.5, "x")
    assert [(echo.name, echo.at_s) for echo in model.advance(0.5)] == [("x", 0.5)]


def test_clear_drops_the_queue_and_echoes_every_pending_mark_in_order() -> None:
    model = PlayoutModel()
    model.feed(0.0, A)
    model.mark(0.0, "1:0")
    model.feed(0.0, B)
    model.mark(0.0, "1:1")
    model.clear(0.005)
    echoes = model.advance(0.040)
    assert [(echo.name, echo.at_s, echo.cleared) for echo in echoes] == [
        ("1:0", 0.005, True),
        ("1:1", 0.005, True),
    ]
    assert model.timeline == A[:40] + SILENCE * 280
    assert [(span.first, span.end) for span in model.played] == [(0, 40)]
    assert [(span.first, span.end) for span in model.cleared] == [(40, 320)]
    assert model.clears_s == [0.005]


def test_audio_after_a_clear_plays_at_once() -> None:
    model = PlayoutModel()
    model.feed(0.0, A)
    model.clear(0.010)
    model.feed(0.015, B)
    model.advance(0.035)
    assert model.timeline == A[:80] + SILENCE * 40 + B
    assert [(gap.start_s, gap.end_s, gap.cause) for gap in model.gaps] == [
        (0.010, 0.015, GapCause.CLEARED)
    ]
    assert model.underruns == []


def test_an_empty_queue_between_two_pieces_is_an_underrun() -> None:
    model = PlayoutModel()
    model.feed(0.0, A)
    model.feed(0.030, B)
    model.advance(0.1)
    assert [(gap.start_s, gap.end_s) for gap in model.underruns] == [(0.020, 0.030)]
    assert model.underruns[0].length_ms == pytest.approx(10)


def test_delays_move_the_arrival_and_the_echo() -> None:
    model = PlayoutModel(out_delay_s=0.030, in_delay_s=0.050)
    model.feed(0.0, A)
    model.mark(0.0, "m")
    assert model.next_deadline_s() == 0.030
    assert model.advance(0.049) == ()
    (echo,) = model.advance(0.060)
    assert echo.at_s == 0.050
    assert echo.delivered_at_s == pytest.approx(0.100)
    assert model.timeline[:240] == SILENCE * 240
    assert model.timeline[240:400] == A


def test_a_clear_under_way_takes_effect_only_when_it_arrives() -> None:
    model = PlayoutModel(out_delay_s=0.010)
    model.feed(0.0, A + B)
    model.clear(0.005)
    model.advance(0.060)
    assert model.timeline[80:120] == A[:40]
    assert set(model.timeline[120:]) == {0xFF}
    assert model.clears_s == [0.015]


def test_a_stream_that_starts_later_counts_from_its_own_start() -> None:
    model = PlayoutModel(start_s=2.0)
    model.feed(2.0, A)
    model.advance(2.020)
    assert model.start_sample == 16_000
    assert model.timeline == A
    assert model.now_sample == 16_160


def test_closing_discards_what_is_queued_or_under_way_and_echoes_nothing_of_it() -> None:
    model = PlayoutModel(out_delay_s=0.010)
    model.feed(0.0, A)
    model.mark(0.0, "never")
    model.feed(0.018, B)
    assert model.close(0.020) == ()
    assert [(span.first, span.end) for span in model.played] == [(0, 80)]
    assert [(span.first, span.end) for span in model.discarded] == [(80, 320)]
    assert model.next_deadline_s() is None


def test_audio_beyond_the_capacity_is_dropped() -> None:
    model = PlayoutModel(capacity_s=0.025)
    model.feed(0.0, A + B)
    model.mark(0.0, "end")
    (echo,) = model.advance(0.1)
    assert echo.at_s == 0.025
    assert [(span.first, span.end) for span in model.overflowed] == [(200, 320)]
    assert model.timeline[:200] == A + B[:40]


def test_time_must_not_run_backwards() -> None:
    model = PlayoutModel()
    model.advance(1.0)
    with pytest.raises(ValueError, match="backwards"):
        model.feed(0.9, A)
    with pytest.raises(ValueError, match="negative"):
        PlayoutModel(out_delay_s=-1)


def test_nothing_fed_is_nothing_queued() -> None:
    model = PlayoutModel()
    model.feed(0.0, b"")
    assert (model.fed_bytes, model.queued_bytes, model.next_deadline_s()) == (0, 0, None)


@dataclass
class NaiveBuffer:
    """The same buffer, one sample at a time and without any cleverness."""

    queue: list[int | str] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)
    echoes: list[tuple[str, int]] = field(default_factory=list)

    def flush_marks(self) -> None:
        while self.queue and isinstance(self.queue[0], str):
            self.echoes.append((str(self.queue.pop(0)), len(self.heard)))

    def play(self, samples: int) -> None:
        for _ in range(samples):
            self.heard.append(int(self.queue.pop(0)) if self.queue else 0xFF)
            self.flush_marks()

    def clear(self) -> None:
        self.queue = [item for item in self.queue if isinstance(item, str)]
        self.flush_marks()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(1, 300)),
        st.tuples(st.just("mark"), st.integers(0, 99)),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("pass"), st.integers(0, 400)),
    ),
    max_size=30,
)


@given(STEPS, st.integers(40, 997))
@settings(max_examples=60, deadline=None)
def test_any_sequence_plays_as_in_a_buffer_that_counts_samples(
    steps: list[tuple[str, int]], stride: int
) -> None:
    model, naive = PlayoutModel(), NaiveBuffer()
    now, fed, echoes = 0, bytearray(), list[tuple[str, int]]()
    for step, value in (*steps, ("pass", 9000)):
        at_s = now / 8000
        match step:
            case "feed":
                payload = bytes((len(fed) + offset) % 251 for offset in range(value))
                fed += payload
                model.feed(at_s, payload)
                naive.queue += payload
            case "mark":
                model.mark(at_s, str(value))
                naive.queue.append(str(value))
                naive.flush_marks()
            case "clear":
                model.clear(at_s)
                naive.clear()
            case _:
                naive.play(value)
                for part in range(now, now + value, stride):
                    echoes += [(e.name, round(e.at_s * 8000)) for e in model.advance(part / 8000)]
                now += value
                echoes += [(e.name, round(e.at_s * 8000)) for e in model.advance(now / 8000)]
    assert model.timeline == naive.heard
    assert echoes == naive.echoes
    fates = [*model.played, *model.cleared, *model.discarded]
    indices = sorted(index for span in fates for index in range(span.first, span.end))
    assert indices == list(range(len(fed)))
    for span in model.played:
        begins = round(span.at_s * 8000)
        assert model.timeline[begins : begins + span.size_bytes] == fed[span.first : span.end]
