"""From media messages to the listener's audio and the voice's edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.sounds import Signal, frames, mixed, noise, speech
from voicecore.audio.inbound import IDLE_MS, InboundChain
from voicecore.audio.silero import SileroPool
from voicecore.audio.vad import VoiceEdge, VoiceStarted, VoiceStopped

SILENCE = b"\xff" * 160
START_S = 500.0


@pytest.fixture(scope="module")
def pool() -> SileroPool:
    """One real model."""
    return SileroPool(1)


def calling(seconds: float, *placed: tuple[float, Signal]) -> list[bytes]:
    """A caller's frames: a quiet line, and speech from the given seconds on."""
    return frames(mixed(noise(seconds, -60), *placed))


def arrive(
    chain: InboundChain, payloads: list[bytes], delays_s: dict[int, float] | None = None
) -> tuple[bytes, list[tuple[float, VoiceEdge]]]:
    """Push frames in order; `delays_s` says by frame number how late it and all behind it are."""
    audio, edges, now_s = b"", [], 0.0
    for number, payload in enumerate(payloads):
        late_s = (delays_s or {}).get(number, 0.0)
        now_s = max(now_s, START_S + 0.02 * (number + 1) + late_s)
        inbound = chain.push(number + 1, 20 * number, payload, now_s)
        audio += inbound.audio
        edges += [(now_s, edge) for edge in inbound.edges]
    return audio, edges


def test_the_listener_gets_the_callers_audio_unchanged(pool: SileroPool) -> None:
    payloads = calling(3, (1.0, speech()))
    chain = InboundChain(pool)
    audio, edges = arrive(chain, payloads)
    assert audio == b"".join(payloads)
    started_s, started = edges[0]
    assert isinstance(started, VoiceStarted)
    assert started.decided_ms == pytest.approx((started_s - START_S) * 1000)
    assert abs(started.onset_ms - 1000) < 100
    assert chain.clock_s(started.decided_ms) == pytest.approx(started_s)
    assert chain.detector.floor_db < -55


def test_a_gap_is_filled_and_reported() -> None:
    chain = InboundChain()
    chain.push(1, 0, SILENCE, START_S)
    inbound = chain.push(4, 60, b"\x10" * 160, START_S + 0.06)
    assert inbound.audio == b"\xff" * 320 + b"\x10" * 160
    assert inbound.filled_ms == 40
    assert chain.jitter.filled_ms == 40


def test_a_duplicate_gives_nothing() -> None:
    chain = InboundChain()
    chain.push(1, 0, SILENCE, START_S)
    inbound = chain.push(1, 0, SILENCE, START_S)
    assert (inbound.audio, inbound.edges, inbound.filled_ms) == (b"", (), 0)


def test_a_frame_that_waited_comes_with_the_next_message() -> None:
    chain = InboundChain()
    for chunk in (1, 3, 2):
        chain.push(chunk, 20 * (chunk - 1), SILENCE, START_S)
    assert chain.push(5, 80, b"\x10" * 160, START_S + 0.1).audio == b""
    late = chain.push(5, 80, b"\x10" * 160, START_S + 0.2).audio
    assert late == b"\xff" * 160 + b"\x10" * 160


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([1, 33, 80, 159, 160, 161, 400, 1600]), min_size=40, max_size=60))
def test_edges_do_not_depend_on_how_the_audio_is_cut(sizes: list[int]) -> None:
    audio = b"".join(calling(2.0, (0.8, speech(2))))
    whole = InboundChain()
    expected = [
        edge
        for _, edge in arrive(whole, [audio[i : i + 160] for i in range(0, len(audio), 160)])[1]
    ]
    chain = InboundChain()
    at, found, heard = 0, [], b""
    for chunk, size in enumerate(sizes, start=1):
        piece = audio[at : at + size]
        # Twilio cuts at whole milliseconds; odd sizes are up to 1 ms off.
        inbound = chain.push(chunk, at // 8, piece, START_S + (at + len(piece)) / 8000)
        found += inbound.edges
        heard += inbound.audio
        at += len(piece)
    assert heard == audio[:at]
    assert found == expected[: len(found)]
    assert len(found) >= sum(
        e.decided_ms <= (at - 160) / 8 for e in expected if isinstance(e, VoiceStarted)
    )


def test_an_onset_in_a_stale_burst_starts_no_voice(pool: SileroPool) -> None:
    word = speech(0)[:2400]
    payloads = calling(4, (1.5, word))
    _, edges = arrive(InboundChain(pool), payloads, {65: 1.5})
    assert edges == []
    _, edges = arrive(InboundChain(pool), payloads)
    assert [type(edge) for _, edge in edges] == [VoiceStarted, VoiceStopped]


def test_a_voice_that_goes_on_after_a_stall_starts_when_it_is_fresh(pool: SileroPool) -> None:
    payloads = calling(5, (1.5, np.tile(speech(1)[:6000], 3)))
    _, edges = arrive(InboundChain(pool), payloads, {70: 1.0})
    started_s, started = edges[0]
    assert isinstance(started, VoiceStarted)
    assert abs(started.onset_ms - 1500) < 100
    # The stall ends 1 s late, at 2.42 s; what is 200 ms old at that moment was said at 2.22 s.
    assert started_s - START_S == pytest.approx(2.42, abs=0.05)
    assert 2180 <= started.decided_ms <= 2280
    assert isinstance(edges[-1][1], VoiceStopped)
    assert len(edges) % 2 == 0


def test_a_slow_drift_of_clocks_makes_nothing_stale() -> None:
    chain = InboundChain()
    payloads = calling(2, (1.5, noise(0.5, -20)))
    edges: list[VoiceEdge] = []
    for number in range(50 * 60 * 5):
        payload = payloads[number % len(payloads)]
        now_s = START_S + 0.02 * (number + 1) * 1.0016
        edges += chain.push(number + 1, 20 * number, payload, now_s).edges
        if number == 600:
            edges.clear()
    assert sum(isinstance(edge, VoiceStarted) for edge in edges) > 130


def test_a_voice_is_closed_when_media_stops(pool: SileroPool) -> None:
    chain = InboundChain(pool)
    assert chain.idle(START_S) == ()
    arrive(chain, calling(1.4, (1.0, speech())))
    assert chain.detector.is_voiced
    last_s = START_S + 1.4
    assert chain.idle(last_s + IDLE_MS / 1000 - 0.05) == ()
    [stopped] = chain.idle(last_s + IDLE_MS / 1000)
    assert isinstance(stopped, VoiceStopped)
    assert chain.idle(last_s + 9) == ()
    assert pool.take() is not None


def test_closing_a_withheld_voice_tells_nobody() -> None:
    chain = InboundChain()
    payloads = calling(2.4, (1.5, noise(0.9, -20)))
    _, edges = arrive(chain, payloads[:100], {60: 2.0})
    assert edges == []
    assert chain.detector.is_voiced
    assert chain.close() == ()
    assert chain.close() == ()


def test_our_own_voice_coming_back_starts_nothing(pool: SileroPool) -> None:
    sent = mixed(noise(6, -90), *((0.1 + 1.5 * n, speech(n, "en-us+f2", -20)) for n in range(4)))
    back = mixed(noise(7, -62), (0.2, sent * 10 ** (-24 / 20)))

    def run(*, told: bool) -> list[VoiceEdge]:
        chain, edges = InboundChain(SileroPool(1)), []
        for number, (payload, echo) in enumerate(zip(frames(sent), frames(back), strict=False)):
            now_s = START_S + 0.02 * number
            if told:
                chain.heard_from_us(payload, now_s)
            edges += chain.push(number + 1, 20 * number, echo, now_s).edges
        chain.cleared(START_S + 6)
        return edges

    assert run(told=False) != []
    assert run(told=True) == []


ANY_INT = st.one_of(st.integers(-3, 40), st.integers(-(2**65), 2**65))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(ANY_INT, ANY_INT, st.binary(max_size=400), st.floats(0, 50)), max_size=20)
)
def test_no_message_breaks_it(messages: list[tuple[int, int, bytes, float]]) -> None:
    chain = InboundChain()
    started = stopped = 0
    now_s = START_S
    for chunk, timestamp_ms, payload, passed_s in messages:
        now_s += passed_s
        edges = chain.idle(now_s) + chain.push(chunk, timestamp_ms, payload, now_s).edges
        started += sum(isinstance(edge, VoiceStarted) for edge in edges)
        stopped += sum(isinstance(edge, VoiceStopped) for edge in edges)
        assert 0 <= started - stopped <= 1
    assert started - stopped == len(chain.close())
