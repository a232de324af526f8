"""The scripted caller on a real line: ears, mouth and keys at the end of a telephone.

The steps and the patience are those of virtual time; what is new is that the caller knows only
what has sounded in the ear, and that speaking takes the time that speech takes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from bench.simulate.playout import HeardSegment
from bench.simulate.script import Step
from bench.simulate.virtual_caller import VirtualCaller
from voicecore.audio.mulaw import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ, decode, encode
from voicecore.sandbox.call_record import CallRecord, Manner
from voicecore.sandbox.caller import CallOverError, ScriptedCaller, Voice
from voicecore.sandbox.heard_truth import heard_speeches
from voicecore.sandbox.utterances import UtteranceBook
from voicecore.sandbox.voice import Speech

LISTENS_AFTER_MS = 1_000.0
"""So long the agent must have been silent before the caller believes that it is their turn."""
_KEY_GAP_S = 0.2
_LEAST_HEARD_MS = 300
_NOISE_SEED = 5
_NOISE_LOOP_FRAMES = 250
_FULL_SCALE = 32_768.0
_SHOUT_DB = -26.0


class Phone(ScriptedCaller):
    """A telephone in a place with a steady background noise; `background_db` is under 0, 0: none.

    The noise lies under everything that is said, so the speech that arrives is never the clean one.
    """

    def __init__(self, voice: Voice, book: UtteranceBook, *, background_db: int = 0) -> None:
        super().__init__(voice, book)
        self._book_of_noise = book
        self._noise = noise(_NOISE_LOOP_FRAMES, background_db) if background_db else b""
        self._frames = 0

    def put_down(self) -> None:
        """Put the receiver down at once; what was not said yet stays unsaid."""
        self._mouth.clear()
        self._connected().hang_up()

    def next_frame(self, at_s: float) -> bytes:
        """Return what is spoken in the frame that begins at `at_s`; called by the line."""
        is_silent = not self._mouth
        frame = super().next_frame(at_s)
        if not self._noise or not is_silent:
            return frame
        self._frames = (self._frames + 1) % _NOISE_LOOP_FRAMES
        begin = self._frames * FRAME_BYTES
        return self._noise[begin : begin + FRAME_BYTES]

    def _prepare(self, text: str) -> Speech:
        speech = super()._prepare(text)
        if not self._noise:
            return speech
        under = np.frombuffer(self._noise, dtype=np.uint8)
        tiled = np.resize(under, len(speech.audio)).tobytes()
        mixed = decode(speech.audio).astype(np.int32) + decode(tiled)
        audio = encode(np.clip(mixed, -32_768, 32_767).astype(np.int16))
        return self._book_of_noise.register(replace(speech, audio=audio))


class RealEar:
    """What came out of the receiver: `spoken` yields what the agent's voice was asked to say."""

    def __init__(
        self,
        phone: ScriptedCaller,
        clips: Sequence[Speech],
        spoken: Callable[[], Iterable[Speech]],
    ) -> None:
        self._phone = phone
        self._clips = clips
        self._spoken = spoken

    @property
    def stretch_at(self) -> float | None:
        """Since when the agent has been sounding, None while it is silent."""
        return self._phone.agent_since_s

    @property
    def silent_at(self) -> float | None:
        """When its last sound ended."""
        return self._phone.agent_until_s

    @property
    def heard(self) -> list[HeardSegment]:
        """What was said so far, found by its sound on the track."""
        return heard_segments(self._phone.record, self._clips, self._spoken())


class RealCall:
    """A call as its scripted caller sees it; `fate` is what happens that is not their doing."""

    def __init__(
        self,
        phone: Phone,
        ear: RealEar,
        *,
        fate: Callable[[Step], Awaitable[None]],
        last_code: Callable[[], str],
    ) -> None:
        self.playout = ear
        self._phone = phone
        self._fate = fate
        self._last_code = last_code
        self._waiting: list[Awaitable[None]] = []
        self._keys: list[tuple[float, str]] = []

    async def run(self, caller: VirtualCaller, limit_s: float) -> None:
        """Let `caller` act whenever it is time, until the call is over or has lasted `limit_s`."""
        phone = self._phone
        await phone.wait(0)
        try:
            while not phone.is_over and self.now < limit_s:
                self._press_due()
                # Asked first: "now" is an answer, and time goes on while it is given.
                due_at = caller.due_at(self)
                if due_at <= self.now:
                    caller.act(self)
                waiting, self._waiting = self._waiting, []
                for work in waiting:
                    await work
                await phone.tick()
            if not phone.is_over:
                self.hang_up()
        except CallOverError:
            return

    @property
    def now(self) -> float:
        """Seconds since the call was answered."""
        return self._phone.now_s

    @property
    def listens(self) -> bool:
        """Whether the agent has been silent long enough."""
        silent_at = self.playout.silent_at
        if self.playout.stretch_at is not None or silent_at is None:
            return False
        return (self.now - silent_at) * 1000 >= LISTENS_AFTER_MS

    def utter(self, text: str, length_s: float) -> float:
        """Say something from now on, without text only a noise; returns how long it takes."""
        if not text:
            frames = int(length_s * 1000) // FRAME_MS
            self._phone.begin_sound(noise(frames, _SHOUT_DB))
            return length_s
        is_cutting_in = self.playout.stretch_at is not None
        utterance = self._phone.begin(text, Manner.INTERRUPT if is_cutting_in else Manner.SAY)
        return utterance.end_s - self.now

    def press(self, digits: str) -> float:
        """Press keys, five a second."""
        begin = self.now
        self._keys += [(begin + _KEY_GAP_S * at, digit) for at, digit in enumerate(digits)]
        return _KEY_GAP_S * len(digits)

    def hang_up(self) -> None:
        """Put the receiver down."""
        self._phone.put_down()

    def fate(self, step: Step) -> None:
        """Let something happen that is not the caller's doing."""
        self._waiting.append(self._fate(step))

    def last_code(self) -> str:
        """The digits of the last text message."""
        return self._last_code()

    def _press_due(self) -> None:
        while self._keys and self._keys[0][0] <= self.now:
            self._phone.press_now(self._keys.pop(0)[1])


def heard_segments(
    record: CallRecord, clips: Sequence[Speech], spoken: Iterable[Speech]
) -> list[HeardSegment]:
    """Return what sounded, in order: of `spoken` each piece once, of the ready `clips` any number.

    Where two fit the same stretch of sound, as two sentences with the same beginning do, the longer
    one was it.
    """
    track = record.heard()
    found = [
        (speech.start_s, speech.end_s, " ".join(speech.words), speech.complete)
        for speech in heard_speeches(spoken, track)
    ]
    for clip in clips:
        begin = 0
        while places := heard_speeches((clip,), track[begin:]):
            (place,) = places
            offset_s = begin / SAMPLE_RATE_HZ
            if place.played_ms >= _LEAST_HEARD_MS:
                found.append(
                    (
                        place.start_s + offset_s,
                        place.end_s + offset_s,
                        " ".join(place.words),
                        place.complete,
                    )
                )
            begin += int(place.start_s * SAMPLE_RATE_HZ) + FRAME_BYTES
    segments: list[HeardSegment] = []
    until_s = 0.0
    for start_s, end_s, text, complete in sorted(found, key=lambda row: (row[0], -row[1])):
        if text and start_s >= until_s - FRAME_MS / 1000:
            segments.append(HeardSegment(0, start_s, text, complete))
            until_s = end_s
    return segments


def noise(frames: int, level_db: float) -> bytes:
    """Return so many frames of noise of that level, always the same, as µ-law."""
    random = np.random.default_rng(_NOISE_SEED)
    scale = _FULL_SCALE * 10 ** (level_db / 20)
    samples = random.normal(0.0, scale, frames * FRAME_BYTES)
    return encode(np.clip(samples, -32_768, 32_767).astype(np.int16))
