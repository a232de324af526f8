"""Audio that a listener has been given but has not answered for yet."""

from __future__ import annotations


class ReplayBuffer:
    """The newest audio of a call, kept until a final result covers it.

    Positions count bytes since the call's first. The buffer holds at most `capacity_bytes`; what
    is older is lost, counted in `lost_bytes` where it was never taken. Ownership of what `take`
    returns goes to the caller.
    """

    __slots__ = ("_audio", "_capacity_bytes", "_start", "_taken", "lost_bytes")

    def __init__(self, capacity_bytes: int) -> None:
        self._audio = bytearray()
        self._capacity_bytes = capacity_bytes
        self._start = 0
        self._taken = 0
        self.lost_bytes = 0

    @property
    def end(self) -> int:
        """Position behind the newest byte."""
        return self._start + len(self._audio)

    @property
    def taken(self) -> int:
        """Position of the first byte that was not taken yet."""
        return self._taken

    def append(self, audio: bytes) -> None:
        """Add audio at the end; the oldest falls out where there is no room."""
        self._audio += audio
        excess = len(self._audio) - self._capacity_bytes
        if excess > 0:
            self._drop_before(self._start + excess)

    def take(self, limit_bytes: int) -> bytes:
        """Return up to `limit_bytes` that were not taken yet; empty where there are none."""
        offset = self._taken - self._start
        chunk = bytes(self._audio[offset : offset + limit_bytes])
        self._taken += len(chunk)
        return chunk

    def cover(self, position: int) -> None:
        """Forget what lies before `position`, as far as it was taken."""
        self._drop_before(min(position, self._taken))

    def rewind(self) -> int:
        """Take everything kept once more; returns the position that `take` starts at."""
        self._taken = self._start
        return self._start

    def _drop_before(self, position: int) -> None:
        if position <= self._start:
            return
        self.lost_bytes += max(0, position - self._taken)
        self._taken = max(self._taken, position)
        del self._audio[: position - self._start]
        self._start = position
