"""A playout and its far end on one clock, for the tests of playout."""

from __future__ import annotations

from tests.audio.twilio_buffer import Audio, TwilioBuffer
from voicecore.audio.mulaw import FRAME_BYTES
from voicecore.audio.playout import Heard, Mark, Playout, Span

SILENCE = b"\xff"
LEAD_BYTES = 1280


def speech(reply: int, size: int, start: int = 0) -> bytes:
    """Audio that names its own position and holds no silence byte."""
    return bytes((reply * 37 + position) % 251 for position in range(start, start + size))


class Phone:
    """A playout and its far end on one clock of samples."""

    def __init__(self, delay: int = 0, **kwargs: int) -> None:
        self.playout = Playout(**kwargs)
        self.far = TwilioBuffer(delay)
        self.reply = -1
        self.written = 0
        self.next_sent = 0
        self.generation = 0
        self.heard: list[Heard] = []
        self.names: list[str] = []
        self.ends: dict[Heard, tuple[int, int]] = {}

    @property
    def now_s(self) -> float:
        return self.far.now / 8000

    @property
    def truth(self) -> int:
        return self.far.heard_until.get(self.reply, 0)

    def begin(self, turn: int) -> None:
        self.reply += 1
        self.written = self.next_sent = 0
        self.generation = self.playout.begin(turn)

    def write(self, size: int) -> int:
        audio = speech(self.reply, size, self.written)
        taken = self.playout.write(audio, self.generation)
        self.written += taken
        return taken

    def end_segment(self, segment: int) -> Span | None:
        turn = self.playout.turn
        if turn is not None:
            self.ends[Heard(turn, segment)] = (self.reply, self.written)
        return self.playout.end_segment(segment, self.generation)

    def pump(self) -> int:
        """Pump once; return the bytes sent. Each byte is checked to be the next of the reply."""
        size = 0
        for item in self.playout.pump(self.now_s):
            assert item.generation == self.generation
            if isinstance(item, Mark):
                self.names.append(item.name)
                self.far.send(mark=item.name)
                continue
            assert len(item.payload) % FRAME_BYTES == 0
            size += len(item.payload)
            self.far.send(audio=self.label(item.payload))
        self.deliver(self.far.take_echoes())
        return size

    def label(self, payload: bytes) -> Audio:
        audio = payload.rstrip(SILENCE)
        assert audio == speech(self.reply, len(audio), self.next_sent)
        labels: Audio = [(self.reply, self.next_sent + offset) for offset in range(len(audio))]
        self.next_sent += len(audio)
        return labels + [None] * (len(payload) - len(audio))

    def deliver(self, names: list[str]) -> None:
        for name in names:
            heard = self.playout.on_mark(name, self.now_s)
            if heard is not None:
                reply, end = self.ends[heard]
                assert self.far.heard_until.get(reply, 0) >= end, "a claim to be heard is true"
                self.heard.append(heard)

    def pass_samples(self, samples: int) -> None:
        for _ in range(samples):
            self.deliver(self.far.advance())

    def run(self, samples: int) -> None:
        """Let time pass and pump whenever it is due."""
        end = self.far.now + samples
        while self.far.now < end:
            due_s = self.playout.next_due_s(self.now_s)
            if due_s is not None and due_s <= self.now_s + 1e-5:
                self.pump()
                due_s = self.playout.next_due_s(self.now_s)
                assert due_s is None or due_s > self.now_s
            self.pass_samples(1)

    def pause(self) -> int:
        played = self.playout.pause(self.now_s)
        self.far.send()
        self.next_sent = played
        self.deliver(self.far.take_echoes())
        return played

    def clear(self) -> int:
        played = self.playout.clear(self.now_s)
        self.far.send()
        self.deliver(self.far.take_echoes())
        return played
