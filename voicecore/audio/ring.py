"""A byte queue of fixed size: memory is taken once, at birth.

What does not fit is refused, not traded for older bytes: in a reply the older bytes are the ones
that the caller must hear first.
"""

from __future__ import annotations

from voicecore.errors import AudioFormatError


class ByteRing:
    """First in, first out, over one preallocated buffer."""

    __slots__ = ("_buffer", "_capacity", "_head", "_length", "dropped_bytes")

    def __init__(self, capacity_bytes: int) -> None:
        """Reserve `capacity_bytes`.

        Raises:
            AudioFormatError: the capacity is not positive.
        """
        if capacity_bytes <= 0:
            raise AudioFormatError(f"a ring of {capacity_bytes} bytes holds nothing")
        self._buffer = bytearray(capacity_bytes)
        self._capacity = capacity_bytes
        self._head = 0
        self._length = 0
        self.dropped_bytes = 0
        """Bytes refused since birth because the ring was full."""

    def __len__(self) -> int:
        return self._length

    @property
    def capacity_bytes(self) -> int:
        """Most bytes that it holds."""
        return self._capacity

    @property
    def free_bytes(self) -> int:
        """Bytes that the next `write` accepts."""
        return self._capacity - self._length

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append as much of `data` as fits; return how many bytes that was."""
        accepted = min(len(data), self._capacity - self._length)
        self.dropped_bytes += len(data) - accepted
        tail = (self._head + self._length) % self._capacity
        first = min(accepted, self._capacity - tail)
        if accepted == len(data) == first:
            self._buffer[tail : tail + first] = data
        else:
            view = memoryview(data)
            self._buffer[tail : tail + first] = view[:first]
            self._buffer[: accepted - first] = view[first:accepted]
        self._length += accepted
        return accepted

    def peek(self, size_bytes: int, offset_bytes: int = 0) -> bytes:
        """Copy up to `size_bytes` from `offset_bytes` behind the oldest byte, removing none.

        Raises:
            AudioFormatError: size or offset is negative.
        """
        if size_bytes < 0 or offset_bytes < 0:
            raise AudioFormatError("size and offset count forwards")
        size = min(size_bytes, max(0, self._length - offset_bytes))
        start = (self._head + offset_bytes) % self._capacity
        end = start + size
        if end <= self._capacity:
            return bytes(memoryview(self._buffer)[start:end])
        return bytes(self._buffer[start:] + self._buffer[: end - self._capacity])

    def discard(self, size_bytes: int) -> int:
        """Remove up to `size_bytes` of the oldest; return how many there were.

        Raises:
            AudioFormatError: the size is negative.
        """
        if size_bytes < 0:
            raise AudioFormatError("size counts forwards")
        size = min(size_bytes, self._length)
        self._head = (self._head + size) % self._capacity
        self._length -= size
        return size

    def read(self, size_bytes: int) -> bytes:
        """Remove and return up to `size_bytes` of the oldest.

        Raises:
            AudioFormatError: the size is negative.
        """
        taken = self.peek(size_bytes)
        self.discard(len(taken))
        return taken

    def clear(self) -> None:
        """Remove everything."""
        self._head = 0
        self._length = 0
