"""From a segment's text to the caller's ear: speaker, playout and writer of one call.

A segment is one `Speak` of the reducer. Its audio is whatever the speaker delivers between two
flushes; cached clips take the same way without a speaker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voicecore.audio.mulaw import BYTES_PER_MS
from voicecore.audio.playout import Playout
from voicecore.audio.speech_map import sounding_spans
from voicecore.call.events import (
    Event,
    MarkEchoed,
    PlayoutCleared,
    PlayoutPaused,
    SegmentSynthesized,
    SpeakerFailed,
)
from voicecore.net.outbound import OutboundAudio
from voicecore.net.speak import DeepgramSpeaker

AHEAD_MAX_MS = 10_000
"""With more audio than this unheard, further segments wait: the playout's room is limited, and
what is made too early is wasted by an interruption."""

IN_MAKING_MAX = 4
"""Segments that the speaker works on at once; the same reasons."""


@dataclass(frozen=True, slots=True)
class SegmentToken:
    """Names one segment towards the speaker."""

    turn: int
    segment: int


class SpeechOutput:
    """Executes the speech commands of one call; answers come back through `emit`.

    `clips` maps a text to its ready µ-law audio: such a segment needs no speaker.
    """

    def __init__(
        self,
        *,
        playout: Playout,
        clips: Mapping[str, bytes],
        clock: Callable[[], float],
        emit: Callable[[Event], None],
        on_first_audio: Callable[[int], None],
    ) -> None:
        self._playout = playout
        self._clips = clips
        self._clock = clock
        self._emit = emit
        self._on_first_audio = on_first_audio
        self._speaker: DeepgramSpeaker[SegmentToken] | None = None
        self._outbound: OutboundAudio | None = None
        self._generation = 0
        self._held: deque[tuple[SegmentToken, str]] = deque()
        self._waiting: list[SegmentToken] = []
        self._clips_behind: dict[SegmentToken, bytes] = {}
        self._written_bytes = 0
        self._segment_audio: dict[SegmentToken, bytearray] = {}

    def attach_speaker(self, speaker: DeepgramSpeaker[SegmentToken]) -> None:
        """Give the client that synthesises; before the first `speak` of unknown text."""
        self._speaker = speaker

    def attach_outbound(self, outbound: OutboundAudio) -> None:
        """Give the writer of the media socket; before the first `speak`."""
        self._outbound = outbound

    def speak(self, turn: int, segment: int, text: str) -> None:
        """Queue one segment behind the others of its reply; a new turn drops the old one."""
        if self._playout.turn != turn:
            self._forget()
            self._written_bytes = 0
            self._generation = self._playout.begin(turn)
        self._held.append((SegmentToken(turn, segment), text))
        self._hand_over()

    def cancel(self, turn: int) -> None:
        """Drop what is not synthesised yet of `turn`."""
        unfinished = (*self._waiting, *(token for token, _ in self._held))
        if any(token.turn == turn for token in unfinished):
            self._forget()
            if self._speaker is not None:
                self._speaker.cancel()

    def progressed(self) -> None:
        """Take it that a frame went out: there may be room for segments that wait."""
        if self._held:
            self._hand_over()

    def pause(self, turn: int) -> None:
        """Silence the caller's ear at once and keep the unplayed audio."""
        if self._playout.turn != turn:
            return
        now_s = self._clock()
        played_bytes = self._playout.pause(now_s)
        self._writer.clear()
        self._emit(PlayoutPaused(now_s, turn, played_bytes // BYTES_PER_MS))

    def resume(self, turn: int) -> None:
        """Go on from the first unplayed sample."""
        if self._playout.turn == turn:
            self._playout.resume(self._clock())
            self._writer.wake()

    def clear(self, turn: int) -> None:
        """Silence the caller's ear at once and drop the audio of `turn`."""
        if self._playout.turn != turn:
            return
        now_s = self._clock()
        played_bytes = self._playout.clear(now_s)
        self._held.clear()
        self._writer.clear()
        self._emit(PlayoutCleared(now_s, turn, played_bytes // BYTES_PER_MS))

    def audio(self, audio: bytes, token: SegmentToken) -> None:
        """Take audio of a segment from the speaker; audio of a dropped segment is ignored."""
        if token in self._waiting:
            self._on_first_audio(token.turn)
            taken = self._playout.write(audio, self._generation)
            self._written_bytes += taken
            self._segment_audio.setdefault(token, bytearray()).extend(audio[:taken])
            self._writer.wake()

    def flushed(self, token: SegmentToken) -> None:
        """All audio of the segment has come."""
        if token in self._waiting:
            self._finish_segment(token)

    def failed(self, token: SegmentToken, reason: str) -> None:
        """The speaker gave up on a segment; what came of it stays."""
        if token not in self._waiting:
            return
        self._waiting.remove(token)
        self._segment_audio.pop(token, None)
        self._playout.end_segment(token.segment, self._generation)
        self._emit(SpeakerFailed(self._clock(), token.turn, token.segment, reason))
        self._after_segment(token.turn)

    def mark_echoed(self, name: str) -> None:
        """Take a mark that Twilio sent back."""
        now_s = self._clock()
        heard = self._playout.on_mark(name, now_s)
        if heard is not None:
            self._emit(MarkEchoed(now_s, heard.turn, heard.segment))
        self._writer.mark_echoed()

    @property
    def _writer(self) -> OutboundAudio:
        assert self._outbound is not None, "attach_outbound comes first"
        return self._outbound

    def _hand_over(self) -> None:
        """Give held segments to the speaker, or their clips to the playout, while there is room."""
        while self._held and len(self._waiting) < IN_MAKING_MAX and self._ahead_ms < AHEAD_MAX_MS:
            token, text = self._held.popleft()
            clip = self._clips.get(text)
            self._waiting.append(token)
            if clip is None:
                assert self._speaker is not None, "attach_speaker comes first"
                self._speaker.say(token, text)
            elif len(self._waiting) > 1:
                self._clips_behind[token] = clip
            else:
                self.audio(clip, token)
                self._finish_segment(token)

    @property
    def _ahead_ms(self) -> int:
        played_bytes = self._playout.played_bytes(self._clock())
        return (self._written_bytes - played_bytes) // BYTES_PER_MS

    def _forget(self) -> None:
        self._held.clear()
        self._waiting.clear()
        self._segment_audio.clear()
        self._clips_behind.clear()

    def _finish_segment(self, token: SegmentToken) -> None:
        self._waiting.remove(token)
        audio = self._segment_audio.pop(token, b"")
        span = self._playout.end_segment(token.segment, self._generation)
        if span is not None:
            self._emit(
                SegmentSynthesized(
                    self._clock(),
                    token.turn,
                    token.segment,
                    span.start_ms,
                    span.audio_ms,
                    sounding_spans(audio),
                )
            )
        self._after_segment(token.turn)

    def _after_segment(self, turn: int) -> None:
        """Let waiting clips follow; close the reply's audio when nothing else is on its way."""
        self._hand_over()
        if self._waiting and self._waiting[0] in self._clips_behind:
            token = self._waiting[0]
            self.audio(self._clips_behind.pop(token), token)
            self._finish_segment(token)
        elif not self._waiting and not self._held and self._playout.turn == turn:
            self._playout.finish(self._generation)
            self._writer.expect_drain(turn)
