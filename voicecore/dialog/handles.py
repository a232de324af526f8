"""Per-call handles: the names under which the model knows cars, slots and appointments.

The model never sees a database id, and a handle of another call, or one that was made up, means
nothing here.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Handles(Generic[T]):
    """Names things of one kind `kind_1`, `kind_2`, ...; the same key keeps its handle."""

    __slots__ = ("_by_key", "_kind", "_values")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._by_key: dict[object, str] = {}
        self._values: dict[str, T] = {}

    def put(self, key: object, value: T) -> str:
        """Store `value` and return its handle; a known key gets the newer value."""
        handle = self._by_key.setdefault(key, f"{self._kind}_{len(self._by_key) + 1}")
        self._values[handle] = value
        return handle

    def get(self, handle: str) -> T | None:
        """Return the value of a handle of this call, or None."""
        return self._values.get(handle)

    def replace(self, handle: str, value: T) -> None:
        """Let a handle that was given out stand for `value` from now on."""
        if handle in self._values:
            self._values[handle] = value

    def items(self) -> list[tuple[str, T]]:
        """Return every handle with its value, oldest first."""
        return list(self._values.items())

    def clear(self) -> None:
        """Forget all values; their handles are not given out again."""
        self._values.clear()
