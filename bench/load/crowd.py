"""Many callers on one clock: each sends a frame every 20 ms, spread evenly over the 20 ms."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.load.caller import Caller, Phase
from bench.load.speech import line_noise, utterances
from bench.load.tally import Tally

SLOTS = 20
SLOT_S = 0.001
CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Line:
    """Where one call's media stream is to go."""

    host: str
    port: int
    path: str
    call_sid: str
    headers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


Dial = Callable[[str], Awaitable[Line]]
"""Announces a call by its CallSid and returns its line."""


class Crowd:
    """Callers that come and go; use as `async with Crowd(dial, seed=…)`."""

    def __init__(self, dial: Dial, *, seed: int, barges: bool = True) -> None:
        self._dial = dial
        self._seed = seed
        self._barges = barges
        self._callers: list[Caller] = []
        self._slots: list[list[Caller]] = [[] for _ in range(SLOTS)]
        self._utterances = utterances(seed)
        self._noise = line_noise(seed)
        self._opened = 0
        self._slot = 0
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self.tally = Tally()

    async def __aenter__(self) -> Crowd:
        """Start the clock."""
        self._due = time.monotonic()
        self._tick()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang everybody up."""
        await self.resize(0)
        if self._handle is not None:
            self._handle.cancel()

    def __len__(self) -> int:
        return len(self._callers)

    async def resize(self, size: int, *, every_s: float = 0.08) -> None:
        """Let callers ring or hang up, one after the other, until there are `size`."""
        while len(self._callers) > size:
            caller = self._callers.pop()
            self._slots[len(self._callers) % SLOTS].remove(caller)
            caller.hang_up()
            await asyncio.sleep(every_s / 3)
        loop = asyncio.get_running_loop()
        while len(self._callers) < size:
            next_at = loop.time() + every_s
            await self._ring()
            await asyncio.sleep(max(0.0, next_at - loop.time()))

    def new_window(self) -> Tally:
        """Begin a new tally; return the one that ends."""
        done, self.tally = self.tally, Tally()
        return done

    async def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        self._opened += 1
        line = await self._dial(f"CA{self._opened:08x}{secrets.token_hex(12)}")
        caller = Caller(
            line.path,
            line.headers,
            start=_start(line),
            utterances=self._utterances,
            noise=self._noise,
            tally=lambda: self.tally,
            clock=time.monotonic,
            seed=self._seed * 1_000_003 + self._opened,
            barges=self._barges,
        )
        async with asyncio.timeout(CONNECT_S):
            await loop.create_connection(lambda: caller, line.host, line.port)
        self._slots[len(self._callers) % SLOTS].append(caller)
        self._callers.append(caller)

    def gone(self) -> int:
        """How many calls have ended without being asked to."""
        return sum(caller.phase is Phase.GONE for caller in self._callers)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        late_s = time.monotonic() - self._due
        self.tally.load_lateness.append(late_s * 1000)
        for caller in self._slots[self._slot]:
            caller.tick()
        self._slot = (self._slot + 1) % SLOTS
        self._due += SLOT_S
        # uvloop counts whole milliseconds: a delay, not a time, so that it does not round twice.
        self._handle = loop.call_later(max(0.0, self._due - time.monotonic()), self._tick)


def _start(line: Line) -> dict[str, object]:
    stream_sid = f"MZ{secrets.token_hex(16)}"
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": stream_sid,
        "start": {
            "accountSid": "AC" + "0" * 32,
            "streamSid": stream_sid,
            "callSid": line.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": line.parameters,
        },
    }
