"""The bench of turn-taking: a call in virtual time, and what is counted of it."""

from __future__ import annotations

import pytest

from bench.barge_in import jobs
from bench.barge_in_figures import figures_of_runs
from bench.barge_in_work import Job, run_job


@pytest.fixture(scope="module")
def played():
    """Two short calls: the caller interrupts; the caller only says "uh-huh"."""
    return [
        run_job(Job(corpus="tune", seed=1, speech="interruptions", trials=2)),
        run_job(Job(corpus="tune", seed=2, speech="backchannels", trials=2)),
    ]


def test_an_interruption_is_cut_and_nothing_is_lost_or_doubled(played):
    call, _ = played
    assert len(call.outcomes) == 2
    for outcome in call.outcomes:
        assert outcome.clear_s is not None and outcome.interrupt_s is not None
        assert 0 < outcome.clear_s - outcome.onset_s < 0.4
        assert outcome.words_kept is not None
    assert call.lost_bytes == call.doubled_bytes == call.stale_frames == 0


def test_a_backchannel_is_gone_on_from(played):
    _, call = played
    assert [outcome.interrupt_s for outcome in call.outcomes] == [None, None]
    assert call.false_starts == 0


def test_figures_stand_beside_their_counters(played):
    figures = {figure.name: figure for figure in figures_of_runs(played)}
    kept = figures["backchannels after which the agent keeps the floor"]
    assert (kept.value, kept.met) == (100, True)
    assert "recalled 100" in kept.counter
    assert figures["words heard that the history lost"].n == 2


def test_no_two_calls_of_the_bench_share_a_seed():
    for quick in (True, False):
        seeds = [job.seed for job in jobs("held-out", quick=quick)]
        assert len(set(seeds)) == len(seeds)


@pytest.mark.slow
def test_the_detector_holds_what_it_promises_on_voices_it_was_not_tuned_on():
    calls = [
        run_job(
            Job(
                corpus="held-out",
                seed=5,
                speech="interruptions",
                trials=20,
                noise="pink",
                snr_db=20,
            )
        ),
        run_job(Job(corpus="held-out", seed=6, minutes=3, echo_ms=200, erl_db=20)),
        run_job(Job(corpus="held-out", seed=7, minutes=3, noise="babble", snr_db=20)),
    ]
    delays = sorted((o.clear_s or 9.0) - o.onset_s for o in calls[0].outcomes)
    assert delays[10] < 0.08 and delays[-1] < 0.25
    assert calls[1].false_starts == calls[2].false_starts == 0
