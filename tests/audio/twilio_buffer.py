"""A sample-exact model of the far end: Twilio's buffer, the caller's ear and the link to both.

Times are whole samples. A message takes `delay` samples each way and keeps its order.

Source: Twilio, Media Streams - WebSocket messages (media, mark, clear sent to Twilio).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

Audio = list[tuple[int, int] | None]
"""(reply, position in its audio) of each byte; None is padding."""


@dataclass
class Message:
    """Something on its way to Twilio: audio, a mark, or (neither) a clear."""

    arrives: int
    audio: Audio | None = None
    mark: str | None = None


class TwilioBuffer:
    """Plays a byte each sample from the first on; echoes marks when reached or cleared."""

    def __init__(self, delay: int) -> None:
        self.delay = delay
        self.now = 0
        self.link: deque[Message] = deque()
        self.queue: deque[tuple[int, int] | str | None] = deque()
        self.queued_bytes = 0
        self.most_queued_bytes = 0
        self.echoes: deque[tuple[int, str]] = deque()
        self.heard: list[tuple[int, int]] = []
        self.heard_until: dict[int, int] = {}

    def send(self, audio: Audio | None = None, mark: str | None = None) -> None:
        """Put a message on the link; with neither audio nor mark it is a clear."""
        self.link.append(Message(self.now + self.delay, audio, mark))
        self._arrive()

    def advance(self) -> list[str]:
        """Let one sample pass; return the marks that reach the server at its end."""
        if self.queued_bytes:
            sound = self.queue.popleft()
            self.queued_bytes -= 1
            assert not isinstance(sound, str)
            if sound is not None:
                self.heard.append(sound)
                reply, position = sound
                self.heard_until[reply] = position + 1
        self.now += 1
        self._echo_reached()
        self._arrive()
        return self.take_echoes()

    def take_echoes(self) -> list[str]:
        """Return the marks that have reached the server."""
        names = []
        while self.echoes and self.echoes[0][0] <= self.now:
            names.append(self.echoes.popleft()[1])
        return names

    def _arrive(self) -> None:
        while self.link and self.link[0].arrives <= self.now:
            message = self.link.popleft()
            if message.audio is not None:
                self.queue.extend(message.audio)
                self.queued_bytes += len(message.audio)
                self.most_queued_bytes = max(self.most_queued_bytes, self.queued_bytes)
            elif message.mark is not None:
                self.queue.append(message.mark)
            else:
                marks = [item for item in self.queue if isinstance(item, str)]
                self.queue.clear()
                self.queued_bytes = 0
                self.echoes.extend((self.now + self.delay, name) for name in marks)
            self._echo_reached()

    def _echo_reached(self) -> None:
        while self.queue and isinstance(self.queue[0], str):
            name = self.queue.popleft()
            assert isinstance(name, str)
            self.echoes.append((self.now + self.delay, name))
