"""One caller on a Twilio media stream: speaks, interrupts, listens, and times what comes back.

The playout buffer is a single number, the moment at which it runs dry. A caller greets with
nothing, waits for the agent to finish, asks; every other answer it interrupts.
"""

from __future__ import annotations

import enum
import json
import random
from collections import deque
from collections.abc import Callable

from bench.load.speech import Utterance
from bench.load.tally import Tally
from bench.load.websocket import WebSocketClient, client_frame
from voicecore.audio.mulaw import FRAME_MS, SAMPLE_RATE_HZ

ANSWER_S = 6.0
"""An answer that takes longer is an error."""
MISSED_S = 1.5
UNDERRUN_S = (0.02, 0.6)
"""A shorter gap cannot be heard, a longer one is a pause of the agent's own."""
SPEAKING_LEFT_S = 0.1

_FRAME_S = FRAME_MS / 1000


class Phase(enum.Enum):
    """What the caller does."""

    GREETED = "waits for the first word"
    LISTENS = "listens"
    SPEAKS = "speaks"
    WAITS = "waits for the answer"
    GONE = "has hung up"


class Caller(WebSocketClient):
    """One call; `tick` every 20 ms."""

    def __init__(
        self,
        path: str,
        headers: dict[str, str],
        *,
        start: dict[str, object],
        utterances: tuple[Utterance, ...],
        noise: tuple[bytes, ...],
        tally: Callable[[], Tally],
        clock: Callable[[], float],
        seed: int,
        barges: bool = True,
    ) -> None:
        super().__init__(path, headers)
        self._start = start
        self._stream_sid = str(start["streamSid"])
        self._tail = f'"}},"streamSid":"{self._stream_sid}"}}'.encode()
        self._utterances = utterances
        self._noise = noise
        self._tally = tally
        self._clock = clock
        self._random = random.Random(seed)
        self._barges = barges
        self._words: tuple[bytes, ...] = ()
        self._at = 0
        self._sequence = 1
        self._chunk = 0
        self._sent_at = 0.0
        self._marks: deque[tuple[float, str]] = deque()
        self._dry_at = 0.0
        self._reply_s = 0.0
        self._earliest = 0.0
        self._onset: float | None = None
        self._cleared_at: float | None = None
        self._since = 0.0
        self._barge_at: float | None = None
        self._pause_s = 0.5
        self.replies = 0
        self.phase = Phase.GREETED

    @property
    def is_up(self) -> bool:
        """Whether the stream has begun and not ended."""
        return self._open and self.phase is not Phase.GONE

    # --- towards the agent ------------------------------------------------------------------

    def on_open(self, head: bytes) -> None:
        """Begin the stream."""
        self._since = self._clock()
        self.send(b'{"event":"connected","protocol":"Call","version":"1.0.0"}')
        self.send(json.dumps(self._start).encode())

    def tick(self) -> None:
        """Send the next frame and the marks that were played meanwhile."""
        if not self.is_up or self.transport is None:
            return
        now = self._clock()
        self._chunk += 1
        self._sequence += 1
        text = (
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d",'
            b'"timestamp":"%d","payload":"%b%b'
            % (
                self._sequence,
                self._chunk,
                self._chunk * FRAME_MS - FRAME_MS,
                self._next_payload(now),
                self._tail,
            )
        )
        self._sent_at = now
        self.transport.write(client_frame(text))
        self._tally().frames_out += 1
        while self._marks and self._marks[0][0] <= now:
            self._echo(self._marks.popleft()[1])

    def hang_up(self) -> None:
        """End the call as Twilio does."""
        if self.phase is not Phase.GONE:
            stop = {"accountSid": "AC0", "callSid": self._start["start"]["callSid"]}  # type: ignore[index]
            self.phase = Phase.GONE
            self._event(event="stop", stop=stop)
            self.close()

    def _event(self, **fields: object) -> None:
        self._sequence += 1
        fields |= {"sequenceNumber": str(self._sequence), "streamSid": self._stream_sid}
        self.send(json.dumps(fields).encode())

    def _echo(self, name: str) -> None:
        self._event(event="mark", mark={"name": name})

    def _next_payload(self, now: float) -> bytes:
        if self.phase is Phase.SPEAKS:
            frame = self._words[self._at]
            self._at += 1
            if self._at == len(self._words):
                self._turn_to(Phase.WAITS, now)
            return frame
        if self.phase is Phase.WAITS:
            self._check_clear(now)
            if now - self._since > ANSWER_S:
                self._tally().errors.append("no answer")
                self._dry_at = now
                self._turn_to(Phase.LISTENS, now)
        elif self.phase is Phase.GREETED and now - self._since > ANSWER_S:
            self._tally().errors.append("no greeting")
            self._turn_to(Phase.LISTENS, now)
        elif self.phase is Phase.LISTENS and self._is_my_turn(now):
            self._begin_to_speak(now)
        return self._noise[self._chunk % len(self._noise)]

    def _is_my_turn(self, now: float) -> bool:
        if self._barge_at is not None:
            return now >= self._barge_at
        return now >= max(self._dry_at, self._since) + self._pause_s

    def _begin_to_speak(self, now: float) -> None:
        self._words = self._random.choice(self._utterances).frames
        self._at = 0
        # The next tick sends the first frame, whose first sample was spoken when it begins.
        is_speaking = self._dry_at - now > SPEAKING_LEFT_S
        self._onset = now if is_speaking and self._barge_at is not None else None
        self._barge_at = None
        self._cleared_at = None
        self._turn_to(Phase.SPEAKS, now)

    def _check_clear(self, now: float) -> None:
        if self._onset is not None and now - self._onset > MISSED_S:
            self._onset = None
            self._tally().missed_clears += 1

    def _turn_to(self, phase: Phase, now: float) -> None:
        self.phase = phase
        self._since = now

    # --- from the agent -----------------------------------------------------------------------

    def on_message(self, opcode: int, payload: bytes) -> None:
        """Take one message; media without decoding it."""
        now = self._clock()
        self._tally().messages_in += 1
        found = payload.find(b'"payload"')
        if found >= 0:
            begin = payload.find(b'"', found + 9) + 1
            end = payload.find(b'"', begin)
            padding = payload.count(b"=", end - 2, end)
            self._media(((end - begin) * 3 // 4) - padding, now)
            return
        message = json.loads(payload)
        match message.get("event"):
            case "mark":
                self._marks.append((max(now, self._dry_at), message["mark"]["name"]))
            case "clear":
                self._clear(now)

    def on_closed(self) -> None:
        """Note an end that nobody asked for."""
        if self.phase is not Phase.GONE:
            self.phase = Phase.GONE
            self._tally().errors.append(self.refused or "the stream was closed")

    def _media(self, size: int, now: float) -> None:
        tally = self._tally()
        tally.frames_in += max(1, size // 160)
        if self.phase in (Phase.GREETED, Phase.WAITS):
            self._answered(tally, now)
        elif self.phase is Phase.LISTENS:
            gap_s = now - self._dry_at
            if UNDERRUN_S[0] < gap_s < UNDERRUN_S[1]:
                tally.underruns += 1
        elif self._cleared_at is not None:
            tally.stale_ms += size / SAMPLE_RATE_HZ * 1000
        self._reply_s += size / SAMPLE_RATE_HZ
        ahead = now - self._reply_s
        self._earliest = min(self._earliest, ahead)
        tally.lateness.append((ahead - self._earliest) * 1000)
        self._dry_at = max(self._dry_at, now) + size / SAMPLE_RATE_HZ

    def _answered(self, tally: Tally, now: float) -> None:
        """Take the first frame of a reply."""
        if self.phase is Phase.WAITS:
            tally.voice_to_voice.append((now - self._since) * 1000)
            tally.replies += 1
            self.replies += 1
        else:
            tally.greeting.append((now - self._since) * 1000)
        self._reply_s = 0.0
        self._earliest = now
        self._pause_s = self._random.uniform(0.3, 0.9)
        if self._barges and self.replies % 2:
            self._barge_at = now + self._random.uniform(1.0, 3.5)
        self._turn_to(Phase.LISTENS, now)

    def _clear(self, now: float) -> None:
        tally = self._tally()
        if self._onset is not None:
            tally.onset_to_clear.append((now - self._onset) * 1000)
            tally.frame_to_clear.append((now - self._sent_at) * 1000)
            self._onset = None
        self._cleared_at = now
        self._dry_at = now
        for _, name in self._marks:
            self._echo(name)
        self._marks.clear()
