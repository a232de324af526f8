"""From segments of text to audio in the playout, with a speaker that does as it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.net.rig import Model, running
from tests.net.test_session import ask, texts_heard
from voicecore.audio.playout import Playout
from voicecore.call.events import Event, SegmentSynthesized, SpeakerFailed
from voicecore.net.speech_output import IN_MAKING_MAX, SegmentToken, SpeechOutput
from voicecore.sandbox.openai_reply import Reply

CLIP = b"\x11" * 800


@dataclass
class Speaker:
    """Takes segments and gives nothing back by itself."""

    said: list[SegmentToken] = field(default_factory=list)
    cancelled: int = 0

    def say(self, token: SegmentToken, text: str) -> None:
        self.said.append(token)

    def cancel(self) -> None:
        self.cancelled += 1


@dataclass
class Writer:
    """What the speech tells the writer of the socket."""

    woken: int = 0
    clears: int = 0
    drains: list[int] = field(default_factory=list)

    def wake(self) -> None:
        self.woken += 1

    def clear(self) -> None:
        self.clears += 1

    def expect_drain(self, turn: int) -> None:
        self.drains.append(turn)


class Desk:
    """A speech output without sockets; `now_s` is its clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.playout = Playout()
        self.events: list[Event] = []
        self.speaker: Any = Speaker()
        self.writer: Any = Writer()
        self.first_audio: list[int] = []
        self.speech = SpeechOutput(
            playout=self.playout,
            clips={"clip": CLIP},
            clock=lambda: self.now_s,
            emit=self.events.append,
            on_first_audio=self.first_audio.append,
        )
        self.speech.attach_speaker(self.speaker)
        self.speech.attach_outbound(self.writer)

    def finish(self, segment: int, audio_bytes: int, turn: int = 0) -> None:
        """Let the speaker deliver a whole segment."""
        token = SegmentToken(turn, segment)
        self.speech.audio(b"\x22" * audio_bytes, token)
        self.speech.flushed(token)

    def spans(self) -> list[tuple[int, int, int]]:
        made = [event for event in self.events if isinstance(event, SegmentSynthesized)]
        return [(event.segment, event.start_ms, event.audio_ms) for event in made]


def test_a_clip_needs_no_speaker() -> None:
    desk = Desk()
    desk.speech.speak(0, 0, "clip")
    assert desk.spans() == [(0, 0, 100)]
    assert desk.writer.drains == [0] and desk.speaker.said == [] and desk.first_audio == [0]


def test_a_clip_waits_for_the_speech_before_it_and_wakes_the_writer() -> None:
    desk = Desk()
    for segment, text in enumerate(("words", "clip", "words", "clip", "clip")):
        desk.speech.speak(0, segment, text)
    assert desk.spans() == []
    desk.finish(0, 1600)
    assert desk.spans() == [(0, 0, 200), (1, 200, 100)]
    woken = desk.writer.woken
    assert woken >= 2 and desk.writer.drains == []
    desk.finish(2, 80)
    assert desk.spans()[2:] == [(2, 300, 10), (3, 310, 100), (4, 410, 100)]
    assert desk.writer.drains == [0]


def test_a_segment_that_fails_keeps_what_came_and_lets_the_next_follow() -> None:
    desk = Desk()
    desk.speech.speak(0, 0, "words")
    desk.speech.speak(0, 1, "clip")
    desk.speech.audio(b"\x22" * 160, SegmentToken(0, 0))
    desk.speech.failed(SegmentToken(0, 0), "stalled")
    failed = [event for event in desk.events if isinstance(event, SpeakerFailed)]
    assert [(event.segment, event.reason) for event in failed] == [(0, "stalled")]
    assert desk.spans() == [(1, 20, 100)]
    assert desk.writer.drains == [0]


def test_news_of_segments_that_nobody_waits_for_is_ignored() -> None:
    desk = Desk()
    desk.speech.speak(0, 0, "words")
    desk.speech.clear(0)
    desk.speech.cancel(0)
    assert desk.speaker.cancelled == 1
    events = list(desk.events)
    desk.speech.audio(b"\x22" * 160, SegmentToken(0, 0))
    desk.speech.flushed(SegmentToken(0, 0))
    desk.speech.failed(SegmentToken(0, 0), "late")
    assert desk.events == events and desk.writer.drains == []
    desk.speech.cancel(0)
    assert desk.speaker.cancelled == 1


def test_a_new_reply_drops_the_old_one() -> None:
    desk = Desk()
    desk.speech.speak(0, 0, "words")
    desk.speech.speak(0, 1, "clip")
    desk.speech.speak(1, 0, "clip")
    desk.finish(0, 1600, turn=0)
    assert [(event.turn, event.segment) for event in desk.events] == [(1, 0)]  # type: ignore[union-attr]


def test_without_a_speaker_nothing_can_be_cancelled() -> None:
    desk = Desk()
    desk.speech._speaker = None
    desk.speech._waiting.append(SegmentToken(0, 0))
    desk.speech.cancel(0)
    assert desk.speech._waiting == []


def test_a_long_reply_is_made_no_further_ahead_than_the_playout_can_hold() -> None:
    desk = Desk()
    for segment in range(40):
        desk.speech.speak(0, segment, f"sentence {segment}")
    made = 0
    assert len(desk.speaker.said) == IN_MAKING_MAX
    while made < 40:
        # Five seconds of audio each, made at once; the caller hears them in real time.
        assert len(desk.speaker.said) - made <= IN_MAKING_MAX
        if made < len(desk.speaker.said):
            desk.finish(made, 40_000)
            made += 1
        else:
            desk.now_s += 1.0
            for _ in desk.playout.pump(desk.now_s):
                desk.speech.progressed()
        if desk.playout.next_due_s(desk.now_s) is not None:
            desk.playout.pump(desk.now_s)
    assert desk.playout.dropped_bytes == 0
    assert [span[0] for span in desk.spans()] == list(range(40))
    assert desk.writer.drains == [0]


def test_what_is_held_back_is_dropped_with_the_reply() -> None:
    desk = Desk()
    for segment in range(IN_MAKING_MAX + 3):
        desk.speech.speak(0, segment, "words")
    desk.speech.clear(0)
    desk.speech.cancel(0)
    desk.speech.progressed()
    assert len(desk.speaker.said) == IN_MAKING_MAX
    desk.speech.speak(1, 0, "words")
    assert desk.speaker.said[-1] == SegmentToken(1, 0)


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_every_sentence_of_a_very_long_answer_is_heard(redis_url: str) -> None:
    """Eighty seconds of speech, synthesised as fast as it can be: more than the playout holds."""
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    text = " ".join(f"This is sentence number {number} of a story." for number in numbers * 3)
    async with running(redis_url, Model(Reply(text))) as rig:
        rig.deepgram.speak.knobs.speed = 0.0
        caller = rig.caller()
        call = await rig.ring(caller)
        await ask(caller)
        await asyncio.sleep(62)
        await caller.agent_done(quiet_ms=1500, timeout_s=50)
        heard = " ".join(texts_heard(rig, call)[1:])
        assert heard == text
        await caller.hang_up()
        await rig.over(call)
