"""The work of `bench.barge_in`, cut into jobs that know nothing of each other.

A job is one call in virtual time, named by what it does; its result is plain data, so that jobs
may run in processes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from bench.speech_lab import noise as noises
from bench.speech_lab.corpus import HELD_OUT, TUNE, Corpus
from bench.speech_lab.echo_path import EchoPath
from bench.speech_lab.sound import SPEECH_DB, Signal
from bench.speech_lab.talk import Outcome, Talk, Trial
from voicecore.audio.mulaw import SAMPLE_RATE_HZ
from voicecore.audio.silero import SileroPool

CORPORA = {corpus.name: corpus for corpus in (TUNE, HELD_OUT)}
TRIAL_S = 10.5
"""Time of a call that one trial needs, the agent's next sentence included."""
BACKCHANNEL_FASTER = 1.35
"""People say "uh-huh" faster than a sentence; espeak draws single words out."""
QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call: what the caller says over the agent, and what the line does to it.

    `speech` is a field of `Corpus`; without one the caller is silent for `minutes`.
    """

    corpus: str
    seed: int
    speech: str = ""
    trials: int = 0
    minutes: float = 0.0
    noise: str = QUIET
    snr_db: float = 0.0
    echo_ms: float | None = None
    erl_db: float = 0.0
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a job."""

    job: Job
    outcomes: list[Outcome] = field(default_factory=list)
    agent_s: float = 0.0
    false_starts: int = 0
    clears: int = 0
    frames: int = 0
    stale_frames: int = 0
    lost_bytes: int = 0
    doubled_bytes: int = 0


@cache
def _models() -> SileroPool:
    return SileroPool(1)


def run_job(job: Job) -> Result:
    """Play the call of a job."""
    corpus = CORPORA[job.corpus]
    seconds = job.minutes * 60 if job.minutes else job.trials * TRIAL_S + 3
    echo = None if job.echo_ms is None else EchoPath(job.echo_ms, job.erl_db, job.seed)
    talk = Talk(
        _bed(job, corpus, int(seconds * SAMPLE_RATE_HZ)),
        _trials(job, corpus),
        _models(),
        corpus,
        seed=job.seed,
        echo=echo,
        delay_s=job.delay_s,
    )
    talk.run()
    lost, doubled = _seams(talk)
    return Result(
        job=job,
        outcomes=talk.outcomes,
        agent_s=talk.agent_s,
        false_starts=talk.false_starts,
        clears=len(talk.line.ear.cleared_s),
        frames=len(talk.line.ear.heard),
        stale_frames=talk.line.stale_frames,
        lost_bytes=lost,
        doubled_bytes=doubled,
    )


def _bed(job: Job, corpus: Corpus, samples: int) -> Signal:
    seed = corpus.seed * 1000 + job.seed
    if job.noise == QUIET:
        return noises.white(samples, noises.LINE_NOISE_DB, seed)
    return noises.noise(job.noise, samples, SPEECH_DB - job.snr_db, seed, corpus)


def _trials(job: Job, corpus: Corpus) -> list[Trial]:
    if not job.speech:
        return []
    rng = np.random.default_rng([corpus.seed, job.seed, 5])
    texts: tuple[str, ...] = getattr(corpus, job.speech)
    faster = BACKCHANNEL_FASTER if job.speech == "backchannels" else 1.0
    return [
        Trial(
            job.speech,
            corpus.any_talker(rng).say(texts[int(rng.integers(len(texts)))], faster=faster),
        )
        for _ in range(job.trials)
    ]


def _seams(talk: Talk) -> tuple[int, int]:
    """Return the bytes that are missing, and that were played twice, where a reply went on."""
    lost = doubled = 0
    reached: dict[int, int] = {}
    for part in talk.line.ear.heard:
        gap = part.first_byte - reached.get(part.turn, 0)
        lost += max(0, gap)
        doubled += max(0, -gap)
        reached[part.turn] = part.first_byte + len(part.payload)
    return lost, doubled
