"""The person on the phone: speaks, waits, interrupts, in real time, by what they hear.

A script is a coroutine that calls the verbs of a `ScriptedCaller` in turn. The caller knows only
what has sounded in their ear so far; the ground truth lies in the call's record.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from voicecore.audio.mulaw import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ, SILENCE_BYTE
from voicecore.sandbox.activity import has_sound, sound_edges
from voicecore.sandbox.call_record import CallRecord, Manner, Utterance
from voicecore.sandbox.twilio_line import Line
from voicecore.sandbox.utterances import UtteranceBook
from voicecore.sandbox.voice import Speech

KEYS = frozenset("0123456789*#")
ANSWER_S = 10.0
"""How long a verb waits for a call that has not been answered."""
HEARING_GAP_MS = 200.0
"""Quiet up to this long does not end what the caller takes for one stretch of speech."""

_SILENT_FRAME = bytes((SILENCE_BYTE,)) * FRAME_BYTES


class Voice(Protocol):
    """Speaks a text; `EspeakVoice` does."""

    def synthesize(self, text: str, *, voice: str = ...) -> Speech:
        """Return the speech: whole frames of µ-law."""
        ...


class CallOverError(Exception):
    """The line is dead: the script cannot go on."""


class ScriptedCaller:
    """One person with one voice, on one call.

    Every verb raises `CallOverError` once the call has ended, and those with `timeout_s` raise
    `TimeoutError` with what the caller was waiting for. Times are those of the call's clock.
    """

    def __init__(self, voice: Voice, book: UtteranceBook, *, voice_name: str = "en-us") -> None:
        self._voice = voice
        self._book = book
        self._voice_name = voice_name
        self._line: Line | None = None
        self._mouth: deque[bytes] = deque()
        self._tick = asyncio.Event()
        self._next_s = 0.0
        self._heard_bytes = 0
        self._heard_sound_ms = 0.0
        self._begun_s: float | None = None
        self._sound_until_s: float | None = None

    @property
    def record(self) -> CallRecord:
        """The ground truth of the call: a peek that no caller has."""
        return self._connected().record

    @property
    def now_s(self) -> float:
        """The call's clock."""
        return self._connected().now_s()

    @property
    def is_hearing_agent(self) -> bool:
        """Whether the agent speaks: something sounded within the last 200 ms."""
        return self._quiet_ms() <= HEARING_GAP_MS

    @property
    def agent_since_s(self) -> float | None:
        """Since when the agent has been speaking; None while it is silent."""
        return self._begun_s if self.is_hearing_agent else None

    @property
    def agent_until_s(self) -> float | None:
        """When the agent's last sound so far ended; None before the first."""
        return self._sound_until_s

    @property
    def is_over(self) -> bool:
        """Whether the line is dead."""
        return self._line is not None and self._line.over

    def rehearse(self, *texts: str) -> None:
        """Synthesise texts ahead of the call, so that speaking them costs no time during it."""
        for text in texts:
            self._prepare(text)

    async def hears_agent(self, timeout_s: float) -> float:
        """Wait until the agent is heard, or return at once while it is; return since when."""
        await self._until(lambda: self.is_hearing_agent, timeout_s, "the agent to be heard")
        assert self._begun_s is not None
        return self._begun_s

    async def agent_done(self, quiet_ms: float = 600, timeout_s: float = 30) -> float:
        """Wait until the agent has been heard and then been silent for `quiet_ms`.

        Return when its last sound ended. An agent that has just fallen silent counts, one that
        has not spoken since the caller's last utterance does not: its answer is still to come.
        """
        spoken = self.record.utterances
        after_s = spoken[-1].end_s if spoken and spoken[-1].manner is not Manner.BACKCHANNEL else -1

        def is_done() -> bool:
            until_s = self._sound_until_s
            return until_s is not None and until_s > after_s and self._quiet_ms() >= quiet_ms

        await self._until(is_done, timeout_s, f"{quiet_ms:.0f} ms of silence after the agent")
        assert self._sound_until_s is not None
        return self._sound_until_s

    async def heard_ms(self, duration_ms: float, timeout_s: float = 30) -> None:
        """Wait until the agent has been heard speaking for `duration_ms` in one stretch."""

        def is_long_enough() -> bool:
            return self.is_hearing_agent and self._stretch_ms() >= duration_ms

        await self._until(is_long_enough, timeout_s, f"{duration_ms:.0f} ms of the agent's speech")

    async def say(self, text: str) -> Utterance:
        """Say `text`, from the next frame on; return when the last frame has been spoken."""
        return await self._speak(self._prepare(text), Manner.SAY)

    async def interrupt(
        self, text: str, *, after_ms: float = 0, timeout_s: float = 30
    ) -> Utterance:
        """Speak into the agent's speech, once it has gone on for `after_ms`."""
        return await self._speak_into(text, Manner.INTERRUPT, after_ms, timeout_s)

    async def backchannel(
        self, text: str = "uh-huh", *, after_ms: float = 0, timeout_s: float = 30
    ) -> Utterance:
        """Show that one is listening, while the agent speaks, as `interrupt` does."""
        return await self._speak_into(text, Manner.BACKCHANNEL, after_ms, timeout_s)

    def begin(self, text: str, manner: Manner = Manner.SAY) -> Utterance:
        """Begin to say `text` from the next frame on, without waiting for its end."""
        return self._begin(self._prepare(text), manner)

    def begin_sound(self, audio: bytes) -> None:
        """Begin to let µ-law be heard that is no speech: whole frames, not registered."""
        if len(audio) % FRAME_BYTES:
            raise ValueError(f"{len(audio)} bytes are not whole frames")
        self._fill_mouth(audio)

    def press_now(self, digit: str) -> None:
        """Press one key at this moment."""
        self._connected().press(digit)

    async def tick(self) -> None:
        """Wait for the next frame of the call, or its end; at once where it is over."""
        if not self.is_over:
            await self._tick.wait()

    async def make_sound(self, audio: bytes) -> None:
        """Let µ-law that is no speech (a cough, noise) be heard: whole frames, not registered."""
        if len(audio) % FRAME_BYTES:
            raise ValueError(f"{len(audio)} bytes are not whole frames")
        await self._until(lambda: not self._mouth, ANSWER_S, "the line")
        self._fill_mouth(audio)
        await self._until(lambda: not self._mouth, _length_s(audio) + ANSWER_S, "its own sound")

    async def press(self, digits: str, *, gap_ms: float = 100) -> None:
        """Press keys, one after the other."""
        if not digits or not KEYS.issuperset(digits):
            raise ValueError(f"no such key in {digits!r}")
        for digit in digits:
            await self.wait(gap_ms)
            self._connected().press(digit)

    async def wait(self, duration_ms: float) -> None:
        """Do nothing for a while."""
        await self._until(lambda: True, ANSWER_S, "an answer")
        until_s = self.now_s + duration_ms / 1000
        await self._until(
            lambda: self.now_s >= until_s, duration_ms / 1000 + ANSWER_S, "time to pass"
        )

    async def hang_up(self) -> None:
        """Put the receiver down; what was not said yet stays unsaid."""
        self._mouth.clear()
        self._connected().hang_up()

    def connect(self, line: Line) -> None:
        """Take the line; called by the sandbox.

        Raises:
            ValueError: this caller is on a call already.
        """
        if self._line is not None:
            raise ValueError("a caller makes one call")
        self._line = line

    def next_frame(self, at_s: float) -> bytes:
        """Return what is spoken in the frame that begins at `at_s`; called by the line."""
        self._next_s = at_s + FRAME_MS / 1000
        return self._mouth.popleft() if self._mouth else _SILENT_FRAME

    def on_tick(self) -> None:
        """Listen to what has sounded since the last tick; called by the line."""
        self._listen()
        self._tick.set()
        self._tick = asyncio.Event()

    def _connected(self) -> Line:
        if self._line is None:
            raise CallOverError("the caller has no line yet")
        return self._line

    def _listen(self) -> None:
        """Take in the new part of the heard track, frame by frame."""
        for audio, at_s in self._new_sound():
            edges = sound_edges(audio)
            if edges is None:
                continue
            start_s = at_s + edges[0] / SAMPLE_RATE_HZ
            last_s = self._sound_until_s
            if last_s is None or (start_s - last_s) * 1000 > HEARING_GAP_MS:
                self._begun_s = start_s
            self._sound_until_s = at_s + edges[1] / SAMPLE_RATE_HZ

    def _new_sound(self) -> list[tuple[bytes, float]]:
        playouts = self._connected().record.playouts
        if not playouts:
            return []
        playout = playouts[-1]
        from_byte = max(0, self._heard_bytes - playout.start_sample)
        fresh = bytes(playout.timeline[from_byte:])
        first = playout.start_sample + from_byte
        self._heard_bytes = first + len(fresh)
        return [
            (fresh[offset : offset + FRAME_BYTES], (first + offset) / SAMPLE_RATE_HZ)
            for offset in range(0, len(fresh), FRAME_BYTES)
        ]

    def _quiet_ms(self) -> float:
        """Return for how long nothing has sounded, as far as the caller has listened."""
        if self._sound_until_s is None:
            return float("inf")
        return (self._heard_until_s() - self._sound_until_s) * 1000

    def _heard_until_s(self) -> float:
        return max(self._next_s - FRAME_MS / 1000, self._heard_bytes / SAMPLE_RATE_HZ)

    def _stretch_ms(self) -> float:
        if self._begun_s is None or self._sound_until_s is None:
            return 0.0
        return (self._sound_until_s - self._begun_s) * 1000

    def _prepare(self, text: str) -> Speech:
        speech = self._voice.synthesize(text, voice=self._voice_name)
        if len(speech.audio) % FRAME_BYTES or not has_sound(speech.audio):
            raise ValueError(f"{text!r} does not give whole frames with sound in them")
        self._book.register(speech)
        return speech

    async def _speak_into(
        self, text: str, manner: Manner, after_ms: float, timeout_s: float
    ) -> Utterance:
        speech = self._prepare(text)
        await self.heard_ms(after_ms, timeout_s)
        return await self._speak(speech, manner)

    async def _speak(self, speech: Speech, manner: Manner) -> Utterance:
        await self._until(lambda: not self._mouth, ANSWER_S, "the end of what is being said")
        utterance = self._begin(speech, manner)
        spoken_s = utterance.start_s + _length_s(speech.audio)
        await self._until(
            lambda: self._heard_until_s() >= spoken_s, spoken_s + ANSWER_S, "its own voice"
        )
        return utterance

    def _begin(self, speech: Speech, manner: Manner) -> Utterance:
        edges = sound_edges(speech.audio)
        assert edges is not None
        utterance = Utterance(
            text=speech.text,
            manner=manner,
            start_s=self._next_s,
            onset_s=self._next_s + edges[0] / SAMPLE_RATE_HZ,
            end_s=self._next_s + edges[1] / SAMPLE_RATE_HZ,
        )
        self.record.utterances.append(utterance)
        self._fill_mouth(speech.audio)
        return utterance

    def _fill_mouth(self, audio: bytes) -> None:
        self._mouth.extend(
            audio[offset : offset + FRAME_BYTES] for offset in range(0, len(audio), FRAME_BYTES)
        )

    async def _until(self, is_so: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait for a tick at which `is_so`; the first one is now, if the call is answered."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (self._line is not None and self._line.answered and is_so()):
                    if self._line is not None and self._line.over:
                        raise CallOverError(f"the call ended while the caller waited for {what}")
                    await self._tick.wait()
        except TimeoutError as error:
            raise TimeoutError(f"waited {timeout_s:.1f} s in vain for {what}") from error
        if self._line is not None and self._line.over:
            raise CallOverError("the call is over")


def _length_s(audio: bytes) -> float:
    return len(audio) / SAMPLE_RATE_HZ
