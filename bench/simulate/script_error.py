"""Why a scenario file cannot be played."""

from __future__ import annotations

from bench.simulate.yaml_subset import Lined


class ScriptError(ValueError):
    """A scenario file that cannot be played; the text names the line where it is known.

    `at` is the mapping in which something is wrong, `key` the key in it.
    """

    def __init__(self, reason: str, at: object = None, key: str = "") -> None:
        self.line = (at.lines.get(key) or at.line) if isinstance(at, Lined) else 0
        super().__init__(f"line {self.line}: {reason}" if self.line else reason)
