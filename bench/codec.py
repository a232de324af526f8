"""What every step of the media plane costs for one frame, in microseconds.

Fifty frames a second go each way for every call, so that a microsecond here is 0.05 ms of CPU for
each second of a call. Each step runs alone, in one thread, in batches; a batch gives one value.

Run as `python -m bench.codec [--quick] [--json PATH] [--plot PATH]`; a full run takes 30 seconds, a
quick one five.
"""

from __future__ import annotations

import base64
import gc
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from bench import results, svg
from bench.load.speech import agent_audio, utterances
from bench.load.websocket import client_frame, server_frame
from bench.results import Figure, Run, figure
from voicecore.audio import mulaw
from voicecore.audio.echo import EchoGuard
from voicecore.audio.inbound import InboundChain
from voicecore.audio.jitter import JitterBuffer
from voicecore.audio.mulaw import FRAME_BYTES, FRAME_MS
from voicecore.audio.noise_floor import NoiseFloor
from voicecore.audio.playout import Playout
from voicecore.audio.ring import ByteRing
from voicecore.audio.silero import WINDOW_SAMPLES, SileroModel, SileroPool
from voicecore.wire import twilio_media

BATCH = 100
STREAM_SID = "MZ" + "1" * 32
NOTES = (
    "One value is the mean of a batch of 100 frames; p99 and max show what else the machine did.",
    "Silero is asked for 32 ms at a time and only while the energy gate is open.",
    "The inbound chain is given on a quiet line, and with a caller whose voice wakes the model.",
)

Step = Callable[[], object]


def main(
    json: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a plot as SVG.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Five seconds.")] = False,
    seed: Annotated[int, typer.Option(help="Of the line's noise.")] = 1,
) -> None:
    """Measure, print, and write what was asked for."""
    run = Run(bench="codec", seed=seed, quick=quick)
    figures = [_measured(name, step, 0.3 if quick else 2.0) for name, step in steps(seed).items()]
    results.show("media plane, one frame", figures, notes=NOTES)
    if json is not None:
        results.write(json, run, figures, notes=NOTES)
    if plot is not None:
        _draw(figures, plot)


def steps(seed: int) -> dict[str, Step]:
    """Return each step of the media plane under its name, ready to be called over and over."""
    voice = _frames(agent_audio(10.0))
    noise = np.random.default_rng(seed).normal(0, 16, 10 * mulaw.SAMPLE_RATE_HZ)
    quiet = _frames(mulaw.encode(noise.astype(np.int16)))
    talk = [base64.b64decode(frame) for frame in utterances(seed)[0].frames]
    media = [_media_text(n, frame) for n, frame in enumerate(voice)]
    message = twilio_media.media(STREAM_SID, voice[0] + voice[1])
    pcm = mulaw.decode(voice[0])
    sent = media[0].encode()
    return {
        "parse Twilio's media": _over(media, twilio_media.parse),
        "decode base64": _over([base64.b64encode(frame) for frame in voice], base64.b64decode),
        "jitter buffer": _jitter(voice),
        "noise floor": _over(np.linspace(-70, -20, 97).tolist(), NoiseFloor().add),
        "µ-law to linear": lambda: mulaw.decode(voice[0]),
        "linear to µ-law": lambda: mulaw.encode(pcm),
        "inbound chain, quiet line": _inbound(quiet),
        "inbound chain, caller speaking": _inbound(talk + quiet[:25]),
        "inbound chain, quiet line, agent speaking": _inbound(quiet, agent=voice),
        "Silero, one window of 32 ms": _silero(voice),
        "echo guard, note what was sent": _echo(voice),
        "ring, write and read": _ring(voice),
        "playout, one frame out": _playout(FRAME_MS),
        "playout, 40 ms out": _playout(40),
        "write a media message, 40 ms": lambda: twilio_media.media(STREAM_SID, voice[0] + voice[1]),
        "write a mark": lambda: twilio_media.mark(STREAM_SID, "3:1.2"),
        "frame a WebSocket message": lambda: server_frame(message.encode()),
        "the loopback caller's own frame": lambda: client_frame(sent),
    }


def _measured(name: str, step: Step, seconds: float) -> Figure:
    for _ in range(BATCH):
        step()
    values = []
    gc.collect()
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        for _ in range(BATCH):
            step()
        values.append((time.perf_counter() - began) / BATCH * 1e6)
    return figure(name, "µs", values)


def _over(inputs: Sequence[object], call: Callable[..., object]) -> Step:
    endless = itertools.cycle(inputs)
    return lambda: call(next(endless))


def _frames(audio: bytes) -> list[bytes]:
    whole = len(audio) // FRAME_BYTES * FRAME_BYTES
    return [audio[start : start + FRAME_BYTES] for start in range(0, whole, FRAME_BYTES)]


def _media_text(number: int, frame: bytes) -> str:
    payload = base64.b64encode(frame).decode()
    return (
        f'{{"event":"media","sequenceNumber":"{number + 2}","media":{{"track":"inbound",'
        f'"chunk":"{number + 1}","timestamp":"{number * FRAME_MS}","payload":"{payload}"}},'
        f'"streamSid":"{STREAM_SID}"}}'
    )


def _jitter(frames: list[bytes]) -> Step:
    buffer, number, endless = JitterBuffer(), itertools.count(), itertools.cycle(frames)

    def step() -> None:
        n = next(number)
        buffer.push(n + 1, n * FRAME_MS, next(endless), n * FRAME_MS)

    return step


def _inbound(frames: list[bytes], agent: list[bytes] | None = None) -> Step:
    chain = InboundChain(SileroPool(1))
    number, endless = itertools.count(), itertools.cycle(frames)
    speaking = itertools.cycle(agent or [b""])

    def step() -> None:
        n = next(number)
        now_s = n * FRAME_MS / 1000
        if agent is not None:
            chain.heard_from_us(next(speaking), now_s)
        chain.push(n + 1, n * FRAME_MS, next(endless), now_s)

    return step


def _silero(frames: list[bytes]) -> Step:
    model = SileroModel()
    linear = mulaw.decode(b"".join(frames))
    samples: NDArray[np.float32] = np.divide(linear, 32768, dtype=np.float32)
    windows = itertools.cycle(
        [samples[n : n + WINDOW_SAMPLES] for n in range(0, 30 * WINDOW_SAMPLES, WINDOW_SAMPLES)]
    )
    return lambda: model.probability(next(windows))


def _echo(frames: list[bytes]) -> Step:
    guard, number, endless = EchoGuard(), itertools.count(), itertools.cycle(frames)
    return lambda: guard.sent(next(endless), next(number) * FRAME_MS / 1000)


def _ring(frames: list[bytes]) -> Step:
    ring, endless = ByteRing(60_000), itertools.cycle(frames)

    def step() -> None:
        ring.write(next(endless))
        ring.read(FRAME_BYTES)

    return step


def _playout(bundle_ms: int) -> Step:
    """One bundle written, pumped and its marks echoed, on a clock that moves with it."""
    playout = Playout(bundle_ms=bundle_ms)
    generation = playout.begin(0)
    audio = bytes(bundle_ms * mulaw.BYTES_PER_MS)
    number = itertools.count()
    playout.write(audio * (160 // bundle_ms), generation)

    def step() -> None:
        now_s = next(number) * bundle_ms / 1000
        playout.write(audio, generation)
        for item in playout.pump(now_s):
            if not hasattr(item, "payload"):
                playout.on_mark(item.name, now_s)

    return step


def _draw(figures: list[Figure], path: Path) -> None:
    svg.bars(
        path,
        "Media plane: one frame",
        unit="µs",
        rows=[(item.name, item.p50 or 0.0) for item in figures],
    )


if __name__ == "__main__":
    typer.run(main)
