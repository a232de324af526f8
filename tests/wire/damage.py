"""Damaged versions of a valid JSON message, for tests that demand one documented error."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

_STRANGE: tuple[object, ...] = (None, True, 0, -1, 1.5, 10**15, "", "x", [], [1], {}, {"x": 1})


def cuts(text: str) -> Iterator[str]:
    """Yield `text` cut at every place but its end."""
    for length in range(len(text)):
        yield text[:length]


def replacements(text: str) -> Iterator[str]:
    """Yield `text` with each value in turn replaced by something strange, or removed."""
    value = orjson.loads(text)
    for path in _paths(value):
        for strange in _STRANGE:
            yield orjson.dumps(_replaced(value, path, strange)).decode()
        yield orjson.dumps(_removed(value, path)).decode()


def _paths(value: object) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield (name,)
            yield from ((name, *rest) for rest in _paths(member))
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield (index,)
            yield from ((index, *rest) for rest in _paths(member))


def _replaced(value: object, path: tuple[str | int, ...], strange: object) -> object:
    copy = orjson.loads(orjson.dumps(value))
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = strange
    return copy


def _removed(value: object, path: tuple[str | int, ...]) -> object:
    copy = orjson.loads(orjson.dumps(value))
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return copy
