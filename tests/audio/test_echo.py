"""The agent's own voice comes back, and is told from the caller's."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from tests.audio.sounds import Signal, frames, mixed, noise, speech
from voicecore.audio.echo import ABOVE_ECHO_DB, PRIOR_GAIN_DB, EchoGuard

QUIET_DB = -90.0


def agent(seconds: float) -> Signal:
    """The agent talks with pauses, at -20 dBov."""
    signal = np.zeros(int(seconds * 8000))
    at, sentence = 0, 0
    while at < len(signal):
        spoken = speech(sentence, "en-us+f2", -20.0)
        signal = mixed(signal, (at / 8000, spoken))
        at += len(spoken) + 2400
        sentence += 1
    return signal


def frame_db(frame: Signal) -> float:
    return max(QUIET_DB, 10 * math.log10(float(np.mean(frame**2)) + 1e-12))


def play(guard: EchoGuard, sent: Signal, received: Signal, start_s: float = 100.0) -> list[float]:
    """Send and receive in step, 160 ms ahead; return how far each audible frame exceeds its
    threshold (inaudible ones: not at all)."""
    excess: list[float] = []
    payloads = frames(sent)
    upcoming = iter(payloads)
    for _ in range(8):
        guard.sent(next(upcoming), start_s)
    for number, frame in enumerate(received[: len(payloads) * 160].reshape(-1, 160)):
        now_s = start_s + 0.02 * (number + 1)
        guard.sent(next(upcoming, b""), now_s)
        level_db = frame_db(frame)
        above_db = level_db - guard.threshold_db(now_s)
        excess.append(above_db if level_db > -50 else -math.inf)
        guard.learn(level_db, now_s)
    return excess


def returning(sent: Signal, delay_ms: int, loss_db: float) -> Signal:
    """What comes back over the line: later, weaker, with the line's noise."""
    echo = np.concatenate([np.zeros(delay_ms * 8), sent])[: len(sent)]
    return echo * 10 ** (-loss_db / 20) + noise(len(sent) / 8000, -62)


def test_before_anything_was_sent_there_is_no_echo() -> None:
    guard = EchoGuard()
    assert guard.threshold_db(5.0) == QUIET_DB
    guard.learn(-30.0, 5.0)
    assert guard.correlation() == 0.0


@pytest.mark.parametrize("delay_ms", [60, 200, 400, 640])
@pytest.mark.parametrize("loss_db", [20, 30])
def test_an_echo_stays_below_its_threshold(delay_ms: int, loss_db: float) -> None:
    sent = agent(12)
    guard = EchoGuard()
    excess = play(guard, sent, returning(sent, delay_ms, loss_db))
    assert guard.correlation() > 0.6
    through = [above > 0 for above in excess[100:]]
    assert not any(first and second for first, second in pairwise(through))


def test_without_an_echo_nothing_is_raised_once_that_is_known() -> None:
    sent = agent(4)
    guard = EchoGuard()
    play(guard, sent, noise(4, -60))
    assert abs(guard.correlation()) < 0.6
    assert guard.threshold_db(104.0) == QUIET_DB + ABOVE_ECHO_DB


def test_a_caller_over_the_echo_is_above_the_threshold() -> None:
    sent = agent(8)
    guard = EchoGuard()
    received = mixed(returning(sent, 200, 25), (6.0, speech(2)))
    excess = play(guard, sent, received)
    assert sum(above > 0 for above in excess[300:340]) > 15


def test_a_known_echo_stays_known_while_the_caller_talks_over_it() -> None:
    sent = agent(12)
    guard = EchoGuard()
    talk = [(4.0 + 0.9 * n, speech(n)[:4000]) for n in range(6)]
    excess = play(guard, sent, mixed(returning(sent, 200, 20), *talk))
    assert sum(above > 0 for above in excess[480:]) < 3


def test_an_echo_that_has_gone_is_forgotten() -> None:
    sent = agent(16)
    guard = EchoGuard()
    received = returning(sent, 200, 20)
    received[4 * 8000 :] = noise(len(received) / 8000 - 4, -60)
    play(guard, sent, received)
    assert guard.threshold_db(116.0) == QUIET_DB + ABOVE_ECHO_DB


def test_an_echo_that_became_louder_is_learnt_anew() -> None:
    sent = agent(26)
    guard = EchoGuard()
    received = returning(sent, 200, 40)
    received[4 * 8000 :] = returning(sent, 200, 20)[4 * 8000 :]
    excess = play(guard, sent, received)
    assert sum(above > 0 for above in excess[-200:]) < 5


def test_until_it_is_known_a_poor_echo_path_is_assumed() -> None:
    guard = EchoGuard()
    [payload] = frames(noise(0.02, -20))
    guard.sent(payload, 10.0)
    expected = -20 + PRIOR_GAIN_DB + ABOVE_ECHO_DB
    assert guard.threshold_db(10.1) == pytest.approx(expected, abs=1)
    assert guard.threshold_db(10.0 + 0.9) == QUIET_DB


def test_a_quiet_agent_has_no_echo() -> None:
    guard = EchoGuard()
    guard.sent(b"\xff" * 1600, 10.0)
    assert guard.threshold_db(10.1) == QUIET_DB


def test_after_a_clear_nothing_more_is_expected() -> None:
    guard = EchoGuard()
    guard.sent(b"".join(frames(noise(0.4, -20))), 10.0)
    guard.cleared(9.99)
    assert guard.threshold_db(10.3) == QUIET_DB
    guard.cleared(50.0)
    assert guard.threshold_db(50.0) == QUIET_DB


def test_a_clear_keeps_what_was_already_heard() -> None:
    guard = EchoGuard()
    guard.sent(b"".join(frames(noise(0.4, -20))), 10.0)
    guard.cleared(10.1)
    assert guard.threshold_db(10.3) > QUIET_DB
    assert guard.threshold_db(10.95) == QUIET_DB


def test_any_amount_of_audio_at_any_time_is_bounded() -> None:
    guard = EchoGuard()
    guard.sent(b"\x00" * 8000 * 60, 1.0)
    guard.sent(b"", 5.0)
    guard.sent(b"\x00", 1e9)
    assert guard.threshold_db(1e9) > QUIET_DB
    assert guard.threshold_db(0.0) >= QUIET_DB


def test_an_echo_without_loud_speech_raises_nothing() -> None:
    guard = EchoGuard()
    for number in range(200):
        now_s = 10 + 0.02 * number
        level = -50.0 if number % 20 < 10 else -44.0
        [payload] = frames(noise(0.02, level, number))
        guard.sent(payload, now_s)
        guard.learn(level - 5, now_s)
    assert guard.correlation() > 0.6
    assert guard.threshold_db(14.0) == QUIET_DB + ABOVE_ECHO_DB
