"""What the listener tells and what the line brings, as events of the call."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import structlog

from voicecore.audio.inbound import InboundChain
from voicecore.audio.mulaw import SILENCE_BYTE
from voicecore.call.events import (
    DigitPressed,
    Event,
    FinalWords,
    InterimWords,
    ListenerLost,
    ListenerRestored,
    MediaGap,
    SpeechStarted,
    SpeechStopped,
    UtteranceEnded,
)
from voicecore.net.caller_input import CallerInput
from voicecore.net.listener_state import ListenerPhase, ListenerState
from voicecore.sandbox.voice import EspeakVoice
from voicecore.wire import deepgram_listen

SID = "MZ" + "1" * 32
VOICE = EspeakVoice().synthesize("Hello, I would like to book an oil change, please.").audio


class Listener:
    def __init__(self) -> None:
        self.audio = b""
        self.voices: list[bool] = []

    def send(self, audio: bytes) -> None:
        self.audio += audio

    def voice(self, active: bool) -> None:
        self.voices.append(active)


class Speech:
    def __init__(self) -> None:
        self.marks: list[str] = []

    def mark_echoed(self, name: str) -> None:
        self.marks.append(name)


class Side:
    """The caller's side of a call on a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.events: list[Event] = []
        self.recorded = b""
        self.listener: Any = Listener()
        self.speech: Any = Speech()
        self.input = CallerInput(
            InboundChain(None),
            call_sid="CA1",
            clock=lambda: self.now_s,
            emit=self.events.append,
            on_audio=self._record,
        )
        self.input.attach(self.listener, self.speech)
        self.input._stream_sid = SID
        self.chunk = 0

    def _record(self, at: float, audio: bytes) -> None:
        self.recorded += audio

    def frame(self, payload: bytes, *, skip: int = 0) -> None:
        self.chunk += 1 + skip
        media = {
            "track": "inbound",
            "chunk": str(self.chunk),
            "timestamp": str((self.chunk - 1) * 20),
            "payload": base64.b64encode(payload).decode(),
        }
        self.now_s = self.chunk * 0.02
        self.take("media", media=media)

    def take(self, event: str, **fields: Any) -> bool:
        message = {"event": event, "sequenceNumber": "1", "streamSid": SID} | fields
        return self.input._take(json.dumps(message))

    def speak(self, audio: bytes) -> None:
        for start in range(0, len(audio) - 159, 160):
            self.frame(audio[start : start + 160])

    def of(self, *kinds: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kinds)]


def results(text: str, *, final: bool, **fields: Any) -> deepgram_listen.Results:
    message = {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": 1.0,
        "start": 2.0,
        "is_final": final,
        "speech_final": fields.get("speech_final", False),
        "from_finalize": fields.get("from_finalize", False),
        "channel": {"alternatives": [{"transcript": text, "confidence": 1.0, "words": []}]},
        "metadata": {
            "request_id": "r",
            "model_uuid": "m",
            "model_info": {"name": "nova", "version": "1", "arch": "nova-3"},
        },
    }
    parsed = deepgram_listen.parse(json.dumps(message))
    assert isinstance(parsed, deepgram_listen.Results)
    return parsed


def test_audio_goes_to_the_listener_and_to_the_record_and_voice_becomes_edges() -> None:
    side = Side()
    silence = bytes([SILENCE_BYTE]) * 160
    side.speak(silence * 10 + VOICE + silence * 40)
    assert side.listener.audio == side.recorded
    assert len(side.recorded) == side.chunk * 160
    starts, stops = side.of(SpeechStarted), side.of(SpeechStopped)
    assert len(starts) == len(stops) >= 1
    assert side.listener.voices == [True, False] * len(starts)
    first = starts[0]
    assert isinstance(first, SpeechStarted) and 0.15 < first.onset_at <= first.at


def test_lost_frames_are_told_and_filled() -> None:
    side = Side()
    silence = bytes([SILENCE_BYTE]) * 160
    side.speak(silence * 5)
    side.frame(silence, skip=3)
    side.speak(silence * 20)
    gaps = side.of(MediaGap)
    assert sum(gap.missing_ms for gap in gaps if isinstance(gap, MediaGap)) == 60
    assert len(side.recorded) == side.chunk * 160


def test_a_voice_is_closed_when_nothing_comes_any_more() -> None:
    side = Side()
    side.speak(VOICE[:4000])
    assert len(side.of(SpeechStarted)) == 1 and not side.of(SpeechStopped)
    side.input.tick()
    assert not side.of(SpeechStopped)
    side.now_s += 0.5
    side.input.tick()
    side.input.tick()
    assert len(side.of(SpeechStopped)) == 1 and side.listener.voices == [True, False]


def test_keys_marks_and_stop() -> None:
    side = Side()
    assert not side.take("dtmf", dtmf={"digit": "5"})
    assert not side.take("mark", mark={"name": "0:0"})
    assert side.take("stop", stop={"accountSid": "AC1", "callSid": "CA1"})
    assert [event.digit for event in side.of(DigitPressed)] == ["5"]  # type: ignore[union-attr]
    assert side.speech.marks == ["0:0"]


def test_words_become_events() -> None:
    side = Side()
    side.input.heard(results("book", final=False))
    side.input.heard(results("", final=False))
    side.input.heard(results("", final=True, from_finalize=True))
    side.input.heard(results("book it", final=True, speech_final=True))
    side.input.heard(deepgram_listen.UtteranceEnd(3.0))
    side.input.heard(deepgram_listen.SpeechStarted(1.0))
    assert side.events == [
        InterimWords(0.0, "book", 2.0),
        FinalWords(0.0, "", 2.0, False, True),
        FinalWords(0.0, "book it", 2.0, True, False),
        UtteranceEnded(0.0),
    ]


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        (ListenerPhase.OPEN, None),
        (ListenerPhase.LOST, ListenerLost(0.0, "why", fatal=False)),
        (ListenerPhase.RESTORED, ListenerRestored(0.0)),
        (ListenerPhase.FATAL, ListenerLost(0.0, "why", fatal=True)),
    ],
)
def test_the_listeners_connection_becomes_events(phase: ListenerPhase, event: Event | None) -> None:
    side = Side()
    side.input.listener_changed(ListenerState(phase, "why"))
    assert side.events == ([] if event is None else [event])


def test_each_kind_of_bad_message_is_logged_once() -> None:
    side = Side()
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            side.input._take("garbage")
            side.take("nonsense")
    assert side.input.rejected_messages == 6
    assert len(logs) == 2


def test_what_the_agent_says_is_known_to_the_voice_detector() -> None:
    side = Side()
    side.input.agent_audio(VOICE[:1600])
    side.input.playout_cleared()
    side.input.close()
